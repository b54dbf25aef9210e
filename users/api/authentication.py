"""Who calls the driver API: a bearer token, nothing else. Console sessions are not accepted here."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from kernel.actor import Actor
from users import actors
from users.models import Driver, DriverToken
from users.services import tokens


@dataclass(frozen=True, slots=True)
class DriverPrincipal:
    """The driver behind a request, where Django expects a user."""

    driver: Driver
    actor: Actor
    is_authenticated: bool = True
    is_anonymous: bool = False

    @property
    def pk(self) -> str:
        return f"driver-{self.driver.pk}"


class DriverTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`; sets `request.user` to a `DriverPrincipal`, `request.auth` to the token."""

    def authenticate(self, request: Request) -> tuple[DriverPrincipal, DriverToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        try:
            raw = parts[1].decode("ascii") if len(parts) == 2 else ""
        except UnicodeDecodeError:
            raw = ""
        token = tokens.token_of(raw)
        if token is None:
            raise AuthenticationFailed(_("The token is unknown, expired or revoked. Log in again."))
        ip = request.META.get("REMOTE_ADDR", "")
        return DriverPrincipal(token.driver, actors.of_driver(token.driver, ip=ip)), token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class DriverTokenScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI description names the token."""

    target_class = DriverTokenAuthentication
    name = "driverToken"

    def get_security_definition(self, auto_schema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "Token from POST /api/v1/driver/login/verify",
        }
