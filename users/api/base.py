"""The base of the driver API's views: who acts, and queries that are validated like bodies."""

from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from kernel.actor import Actor
from users.models import Driver


class DriverView(APIView):
    """A view that only drivers reach."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if any("\x00" in str(part) for part in kwargs.values()):
            raise Http404  # PostgreSQL refuses to even look for such text

    @property
    def driver(self) -> Driver:
        return self.request.user.driver

    @property
    def actor(self) -> Actor:
        return self.request.user.actor


def read(serializer: type[serializers.Serializer], data: Any) -> dict[str, Any]:
    """The validated form of a body or a query; raises DRF's ValidationError that names the fields."""
    form = serializer(data=data)
    form.is_valid(raise_exception=True)
    return form.validated_data


def client_ip(request: Request) -> str:
    return request.META.get("REMOTE_ADDR", "")
