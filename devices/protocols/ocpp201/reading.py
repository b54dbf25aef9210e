"""Fields that only OCPP 2.0.1 has, read as far as they can be read."""

from collections.abc import Mapping
from typing import Any

from devices.protocols.ocppj import reading as read


def part(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside a payload; empty when there is none."""
    value = payload.get(name)
    return value if isinstance(value, Mapping) else {}


def evse_of(payload: Mapping[str, Any]) -> int | None:
    """The EVSE a payload speaks of, as `evseId` or as `evse.id`; None when it names none."""
    number = read.connector(payload, "evseId")
    return read.connector(part(payload, "evse"), "id") if number is None else number


def id_token_of(payload: Mapping[str, Any]) -> str | None:
    """The identity in `idToken`; None when the payload has none."""
    token = payload.get("idToken")
    return read.text(token, "idToken") if isinstance(token, Mapping) else None
