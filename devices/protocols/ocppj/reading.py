"""Reading payload fields of charge points that stray from the schema: what can be read is read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

_LARGEST_WHOLE = 2**53
_YEARS = range(2000, 2100)


def text(payload: Mapping[str, Any], name: str, limit: int = 64) -> str:
    """A string field cut to `limit`; numbers are taken as written, anything else is empty."""
    value = payload.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()[:limit]


def part(payload: Any, name: str) -> Mapping[str, Any]:
    """An object inside a payload; empty when there is none."""
    value = payload.get(name) if isinstance(payload, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def objects(payload: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list inside a payload; whatever else stands in it is left out."""
    value = payload.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def whole(payload: Mapping[str, Any], name: str) -> int | None:
    """An integer field, also when it comes as a string or as 5.0; None when it cannot be read."""
    number = decimal(payload.get(name))
    if number is None or number != number.to_integral_value() or abs(number) > _LARGEST_WHOLE:
        return None
    return int(number)


def connector(payload: Mapping[str, Any], name: str = "connectorId") -> int | None:
    """A connector number 0 to 99; None when it cannot be read."""
    number = whole(payload, name)
    return number if number is not None and 0 <= number <= 99 else None


def decimal(value: Any, places: int | None = None) -> Decimal | None:
    """A finite number below 10^12 in size, rounded half up to `places`; None when it cannot be read."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return None
    if not number.is_finite():
        return None
    if number == 0:
        number = Decimal(0)
    elif not -30 < number.adjusted() < 12:
        return None
    if places is None:
        return number
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def moment(value: Any) -> tuple[datetime | None, str]:
    """A timestamp as (UTC or None, finding).

    A time without a zone counts as UTC (OCPP 1.6 §3.15 recommends it), always: a resent message must read the
    same as the first.
    """
    if not isinstance(value, str):
        return None, "timestamp_missing" if value is None else "timestamp_unreadable"
    try:
        at = datetime.fromisoformat(value.strip())
        if at.year not in _YEARS:
            raise ValueError(value)
    except ValueError:
        return None, "timestamp_unreadable"
    if at.tzinfo is None:
        return at.replace(tzinfo=UTC), "timestamp_without_zone"
    return at.astimezone(UTC), ""


def kwh_of_wh(value: Any) -> Decimal | None:
    """A register in Wh as kWh with four places."""
    number = decimal(value)
    return None if number is None else (number / 1000).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def shown(at: datetime) -> str:
    """A time as we write it: ISO 8601 in UTC with milliseconds and Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
