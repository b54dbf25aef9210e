"""Who may call the driver API."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from users.api.authentication import DriverPrincipal


class IsDriver(BasePermission):
    """A driver with a valid token. Frozen drivers pass: they may read and stop; starting is refused by its service."""

    def has_permission(self, request: Request, view) -> bool:
        return isinstance(request.user, DriverPrincipal)
