"""The data types of YKC bodies (YKC V1.6): one small object per type, both ways.

Reading is tolerant, since a frame that was sent must be stored whatever it holds. Writing is strict:
nothing is rounded, cut or guessed, and an error names the field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from .errors import BadField

BEIJING = ZoneInfo("Asia/Shanghai")
_EXACT = Context(prec=40)
_multiply = _EXACT.multiply
_STRUCT_CODE = {1: "B", 2: "H", 4: "I", 8: "Q"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One wire type: its struct code, its size in bytes and the conversions.

    ``read`` turns what struct unpacked into the value (None: keep it); ``write`` turns a value into
    what struct packs and raises ``BadField`` naming the field.
    """

    code: str
    size: int
    read: Callable[[Any], Any] | None
    write: Callable[[str, Any], Any]
    family: str
    places: int = 0
    offset: int = 0


def _integer_io(size: int) -> tuple[str, bool]:
    code = _STRUCT_CODE.get(size)
    return (code, True) if code else (f"{size}s", False)


def _check_range(name: str, raw: int, size: int) -> int:
    if not 0 <= raw < 1 << (8 * size):
        raise BadField(f"does not fit {size} bytes", field=name)
    return raw


def number(size: int, *, offset: int = 0) -> Kind:
    """BIN: an unsigned little-endian integer of ``size`` bytes; value = raw + offset."""
    code, native = _integer_io(size)
    read: Callable[[Any], Any] | None
    if native:
        read = (lambda raw: raw + offset) if offset else None
    else:
        read = lambda raw: int.from_bytes(raw, "little") + offset  # noqa: E731

    def write(name: str, value: Any) -> Any:
        if not isinstance(value, int):
            raise BadField("an integer is needed", field=name)
        raw = _check_range(name, int(value) - offset, size)
        return raw if native else raw.to_bytes(size, "little")

    return Kind(code, size, read, write, "number", offset=offset)


def scaled(size: int, places: int, *, offset: int = 0) -> Kind:
    """BIN sent as an integer: value = raw × 10^-places + offset, as an exact Decimal."""
    code, native = _integer_io(size)
    quantum = Decimal(1).scaleb(-places)
    raw_offset = offset * 10**places

    read: Callable[[Any], Any]
    if not native:
        read = lambda raw: _multiply(int.from_bytes(raw, "little") + raw_offset, quantum)  # noqa: E731
    elif raw_offset:
        read = lambda raw: _multiply(raw + raw_offset, quantum)  # noqa: E731
    else:
        read = lambda raw: _multiply(raw, quantum)  # noqa: E731

    def write(name: str, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise BadField("a Decimal or an integer is needed", field=name)
        if isinstance(value, Decimal):
            if not value.is_finite() or len(value.as_tuple().digits) > 30 or abs(value.adjusted()) > 30:
                raise BadField("a finite number of ordinary size is needed", field=name)
        elif abs(value) >= 1 << 64:
            raise BadField(f"does not fit {size} bytes", field=name)
        raw = Decimal(value).scaleb(places, _EXACT)
        if raw != raw.to_integral_value():
            raise BadField(f"has more than {places} decimal places", field=name)
        whole = _check_range(name, int(raw) - raw_offset, size)
        return whole if native else whole.to_bytes(size, "little")

    return Kind(code, size, read, write, "scaled", places=places, offset=offset)


def _hex_upper(raw: bytes) -> str:
    return raw.hex().upper()


def _hex_bytes(name: str, text: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raise BadField("only the digits 0-9 and A-F are allowed", field=name) from None
    if 2 * len(raw) != len(text):
        raise BadField("only the digits 0-9 and A-F are allowed", field=name)
    return raw


def digits(size: int) -> Kind:
    """BCD and card numbers: text of 2·size digits, first digit first, padded with 0 on the left.

    Letters A-F are kept: real ICCIDs and some trade numbers hold them.
    """

    def write(name: str, value: Any) -> bytes:
        if isinstance(value, bytes) and len(value) == size:
            return value
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            value = str(value)
        if not isinstance(value, str):
            raise BadField("text of digits is needed", field=name)
        if len(value) > 2 * size:
            raise BadField(f"has more than {2 * size} digits", field=name)
        return _hex_bytes(name, value.zfill(2 * size))

    return Kind(f"{size}s", size, _hex_upper, write, "digits")


def opaque(size: int) -> Kind:
    """BIN kept as it is: text of exactly 2·size hexadecimal digits in wire order."""

    def write(name: str, value: Any) -> bytes:
        if isinstance(value, int) and not isinstance(value, bool) and size == 1:
            return bytes([_check_range(name, value, 1)])
        if isinstance(value, str):
            value = _hex_bytes(name, value)
        if not isinstance(value, bytes | bytearray) or len(value) != size:
            raise BadField(f"exactly {size} bytes are needed", field=name)
        return bytes(value)

    return Kind(f"{size}s", size, _hex_upper, write, "opaque")


def read_text(raw: bytes) -> str:
    """Return padded ASCII as text: padding (00, FF, space) gone, nothing after the first inner 00.

    Bytes above 7F come through as Latin-1, so that rubbish neither fails nor gets lost; a zero byte
    never comes through, because PostgreSQL text cannot hold it.
    """
    return raw.lstrip(b"\0").partition(b"\0")[0].rstrip(b"\xff ").decode("latin-1")


def write_text(name: str, value: Any, limit: int) -> bytes:
    """Return text as at most ``limit`` bytes; refuse zero characters and what one byte cannot hold."""
    if not isinstance(value, str):
        raise BadField("text is needed", field=name)
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        raise BadField("only ASCII text is allowed", field=name) from None
    if b"\0" in raw:
        raise BadField("must not hold a zero character", field=name)
    if len(raw) > limit:
        raise BadField(f"is longer than {limit} characters", field=name)
    return raw


def text(size: int) -> Kind:
    """ASCII, left-aligned, zero-padded on the right."""
    return Kind(
        f"{size}s",
        size,
        read_text,
        lambda name, value: write_text(name, value, size).ljust(size, b"\0"),
        "text",
    )


def reversed_text(size: int) -> Kind:
    """ASCII whose characters travel in reverse order (the VIN of 0x31 and 0xA1, YKC V1.6 §8.1)."""
    return Kind(
        f"{size}s",
        size,
        lambda raw: read_text(raw)[::-1],
        lambda name, value: write_text(name, value, size)[::-1].ljust(size, b"\0"),
        "reversed_text",
    )


def read_time(raw: bytes) -> datetime | None:
    """Return a CP56Time2a (7 bytes, Beijing time) as an aware datetime, None when it holds no time.

    Day of week, summer-time and validity bits are masked.
    """
    millisecond = raw[0] | raw[1] << 8
    second, millisecond = divmod(millisecond, 1000)
    try:
        return datetime(
            2000 + (raw[6] & 0x7F),
            raw[5] & 0x0F,
            raw[4] & 0x1F,
            raw[3] & 0x1F,
            raw[2] & 0x3F,
            second,
            millisecond * 1000,
            BEIJING,
        )
    except ValueError:
        return None


def write_time(name: str, value: Any) -> bytes:
    """Return an aware datetime as CP56Time2a in Beijing time, day of week 0; None gives zeros."""
    if value is None:
        return bytes(7)
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise BadField("an aware datetime is needed", field=name)
    local = value.astimezone(BEIJING)
    if not 2000 <= local.year <= 2127:
        raise BadField("the year must be 2000 to 2127", field=name)
    millisecond = local.second * 1000 + local.microsecond // 1000
    return bytes(
        (
            millisecond & 0xFF,
            millisecond >> 8,
            local.minute,
            local.hour,
            local.day,
            local.month,
            local.year - 2000,
        )
    )


TIME = Kind("7s", 7, read_time, write_time, "time")


def plausible_vin(vin: str) -> str:
    """Return a VIN in its likelier reading order; firmware disagrees on whether 0x31 reverses it.

    By ISO 3779 the last four characters are digits, so a text that only has them in front is turned.
    """
    if len(vin) == 17 and not vin[-4:].isdigit() and vin[:4].isdigit():
        return vin[::-1]
    return vin


def split_cell_group(raw: int) -> tuple[Decimal, int]:
    """Return the highest cell voltage in V and its group 0..15 from ``cell_group`` of 0x23."""
    return _multiply(raw & 0x0FFF, Decimal("0.01")), raw >> 12 & 0x0F
