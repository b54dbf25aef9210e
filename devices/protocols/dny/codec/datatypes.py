"""The data types of DNY bodies (AP3000 device protocol V8.6 §1.0.2, §1.05): little-endian, one object per type.

Reading is tolerant, since a frame that was sent must be stored whatever it holds. Writing is strict: nothing is
rounded, cut or guessed, and an error names the field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from .errors import BadField

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_SENSOR = 0
_TEMPERATURE_OFFSET = 65


@dataclass(frozen=True, slots=True)
class Kind:
    """One wire type: its size in bytes (0: the rest of the body) and the conversions both ways."""

    size: int
    family: str
    read: Callable[[bytes], Any]
    write: Callable[[str, Any], bytes]
    places: int = 0


def _packed(name: str, value: int, size: int) -> bytes:
    if not 0 <= value < 1 << 8 * size:
        raise BadField(f"does not fit {size} bytes", field=name)
    return value.to_bytes(size, "little")


def number(size: int) -> Kind:
    """An unsigned integer."""

    def write(name: str, value: Any) -> bytes:
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadField("an integer is needed", field=name)
        return _packed(name, value, size)

    return Kind(size, "number", lambda raw: int.from_bytes(raw, "little"), write)


def scaled(size: int, places: int) -> Kind:
    """An unsigned integer that counts 10^-places units, as an exact Decimal."""

    def write(name: str, value: Any) -> bytes:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise BadField("a Decimal or an integer is needed", field=name)
        if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) > 20):
            raise BadField("a finite number of ordinary size is needed", field=name)
        raw = Decimal(value) * 10**places
        if raw != raw.to_integral_value():
            raise BadField(f"has more than {places} decimal places", field=name)
        return _packed(name, int(raw), size)

    def read(raw: bytes) -> Decimal:
        return Decimal(int.from_bytes(raw, "little")).scaleb(-places)

    return Kind(size, "scaled", read, write, places)


def opaque(size: int) -> Kind:
    """Bytes kept as they are: upper-case hexadecimal digits in wire order; size 0 is the rest of the body."""

    def write(name: str, value: Any) -> bytes:
        try:
            raw = bytes.fromhex(value) if isinstance(value, str) else bytes(value)
        except (TypeError, ValueError):
            raise BadField("hexadecimal digits are needed", field=name) from None
        if size and len(raw) != size:
            raise BadField(f"exactly {size} bytes are needed", field=name)
        return raw

    return Kind(size, "opaque", lambda raw: raw.hex().upper(), write)


def text(size: int) -> Kind:
    """ASCII, zero-padded on the right; a zero byte never comes through, because PostgreSQL text cannot hold it."""

    def read(raw: bytes) -> str:
        return raw.partition(b"\0")[0].rstrip(b"\xff ").decode("latin-1")

    def write(name: str, value: Any) -> bytes:
        if not isinstance(value, str) or not value.isascii() or "\0" in value:
            raise BadField("ASCII text is needed", field=name)
        if len(value) > size:
            raise BadField(f"is longer than {size} characters", field=name)
        return value.encode("ascii").ljust(size, b"\0")

    return Kind(size, "text", read, write)


def _read_time(raw: bytes) -> datetime | None:
    seconds = int.from_bytes(raw, "little")
    return _EPOCH + timedelta(seconds=seconds) if seconds else None


def _write_time(name: str, value: Any) -> bytes:
    if value is None:
        return bytes(4)
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise BadField("an aware datetime is needed", field=name)
    return _packed(name, (value - _EPOCH) // timedelta(seconds=1), 4)


def _write_temperature(name: str, value: Any) -> bytes:
    if value is None:
        return bytes(1)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadField("an integer is needed", field=name)
    if value <= -_TEMPERATURE_OFFSET:
        raise BadField("is too cold for the wire", field=name)
    return _packed(name, value + _TEMPERATURE_OFFSET, 1)


def _read_temperature(raw: bytes) -> int | None:
    return None if raw[0] == _NO_SENSOR else raw[0] - _TEMPERATURE_OFFSET


TIME = Kind(4, "time", _read_time, _write_time)
"""Unix time in whole seconds, as an aware UTC datetime; 0 is no time."""

TEMPERATURE = Kind(1, "temperature", _read_temperature, _write_temperature)
"""°C; None without a sensor."""

U8, U16, U32 = number(1), number(2), number(4)
WATTS = scaled(2, 1)
VOLTS = scaled(2, 1)
AMPERES = scaled(2, 3)
KWH = scaled(2, 2)
