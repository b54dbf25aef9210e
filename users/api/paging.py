"""Pages by cursor: the client hands back what it was given, and never counts a table."""

import base64
import binascii
import json
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

MOST = 100


def encode_cursor(*key: int) -> str:
    """The opaque form of a row's place in its list."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


class CursorField(serializers.CharField):
    """A cursor that `encode_cursor` made, as a tuple of `length` integers."""

    default_error_messages = {"cursor": _("This cursor was not given by this list.")}

    def __init__(self, *, length: int, **kwargs: Any):
        self.length = length
        kwargs.setdefault("help_text", "`next` of the page before.")
        super().__init__(required=False, max_length=200, **kwargs)

    def to_internal_value(self, data: Any) -> tuple[int, ...]:
        text = super().to_internal_value(data)
        try:
            key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (binascii.Error, ValueError):
            self.fail("cursor")
        whole = isinstance(key, list) and all(type(part) is int and abs(part) < 2**63 for part in key)
        if not whole or len(key) != self.length:
            self.fail("cursor")
        return tuple(key)


class LimitField(serializers.IntegerField):
    """How many rows a page may hold."""

    def __init__(self, **kwargs: Any):
        super().__init__(required=False, min_value=1, max_value=MOST, default=20, **kwargs)
