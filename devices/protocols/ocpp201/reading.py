"""Fields that only OCPP 2.0.1 has, read as far as they can be read."""

from collections.abc import Mapping
from typing import Any

from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.reading import part

__all__ = ["evse_of", "id_token_of", "part"]


def evse_of(payload: Mapping[str, Any]) -> int | None:
    """The EVSE a payload speaks of, as `evseId` or as `evse.id`; None when it names none."""
    number = read.connector(payload, "evseId")
    return read.connector(part(payload, "evse"), "id") if number is None else number


def id_token_of(payload: Mapping[str, Any]) -> str | None:
    """The identity in `idToken`; None when the payload has none."""
    token = payload.get("idToken")
    return read.text(token, "idToken") if isinstance(token, Mapping) else None
