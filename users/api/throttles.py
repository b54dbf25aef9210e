"""How often one phone and one address may ask for login codes and try them."""

import hashlib

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from kernel.errors import DomainError
from users.services.drivers import normal_phone


class LoginCodePhoneThrottle(SimpleRateThrottle):
    """Codes sent to one phone, whoever asks."""

    scope = "login_code_phone"

    def get_cache_key(self, request: Request, view) -> str | None:
        data = request.data if isinstance(request.data, dict) else {}
        try:
            phone = normal_phone(data.get("phone", ""))
        except DomainError:
            return None  # refused by the service anyway
        ident = hashlib.sha256(phone.encode()).hexdigest()[:32]
        return self.cache_format % {"scope": self.scope, "ident": ident}


class _AddressThrottle(SimpleRateThrottle):
    def get_cache_key(self, request: Request, view) -> str:
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


class LoginCodeAddressThrottle(_AddressThrottle):
    """Codes asked for from one address."""

    scope = "login_code_ip"


class AppLoginThrottle(_AddressThrottle):
    """Codes of an app tried from one address: each is a call to its service."""

    scope = "login_app"


class LoginPhoneThrottle(LoginCodePhoneThrottle):
    """Codes tried for one phone: five tries per code are not to be multiplied by asking for new codes."""

    scope = "login"


class CardBindThrottle(SimpleRateThrottle):
    """Cards a driver tries to bind: the proof has few characters and is not to be guessed."""

    scope = "card_bind"

    def get_cache_key(self, request: Request, view) -> str | None:
        if request.method != "POST":
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.user.pk}
