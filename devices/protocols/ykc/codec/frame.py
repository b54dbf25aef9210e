"""Frames and messages: from bytes to named fields and back.

Frame (YKC V1.6 §3.1): 68, length, sequence (2), encryption flag, type, body, CRC (2). The length counts
sequence to body, and the CRC covers the same bytes. We send the CRC low byte first and read both
orders; the sequence is two opaque bytes that a reply repeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from .crc import crc16
from .errors import BadCrc, BadField, BadFrame, Encrypted, UnknownType
from .layout import MAX_BODY
from .layouts import LAYOUTS

START = 0x68
MIN_LENGTH = 4
MAX_LENGTH = 255
MAX_FRAME = MAX_LENGTH + 4

CrcOrder = Literal["low", "high"]


class Frame(NamedTuple):
    """One whole frame; ``crc_order`` is None only when the checksum was waived and does not fit."""

    type: int
    seq: bytes
    encrypted: int
    body: bytes
    crc_order: CrcOrder | None
    raw: bytes


class Message(NamedTuple):
    """A decoded frame: fields by name, bytes beyond the layout, names of unreadable time fields."""

    type: int
    name: str
    fields: dict[str, Any]
    surplus: bytes
    flaws: tuple[str, ...] = ()


def crc_order_of(raw: bytes) -> CrcOrder | None:
    """Return in which byte order the last two bytes of a whole frame are its checksum, if in any."""
    crc = crc16(raw, 2, len(raw) - 2)
    low, high = crc & 0xFF, crc >> 8
    if raw[-2] == low and raw[-1] == high:
        return "low"
    if raw[-2] == high and raw[-1] == low:
        return "high"
    return None


def parse_frame(raw: bytes, *, check_crc: bool = True) -> Frame:
    """Return the one frame that ``raw`` is; raise ``BadFrame`` or ``BadCrc``.

    With ``check_crc=False`` a wrong checksum is let through as ``crc_order`` None, for looking at
    what a faulty device sent.
    """
    raw = bytes(raw)
    if len(raw) < MIN_LENGTH + 4 or raw[0] != START:
        raise BadFrame("does not start as a frame")
    if raw[1] + 4 != len(raw):
        raise BadFrame(f"length byte {raw[1]} in a frame of {len(raw)} bytes")
    order = crc_order_of(raw)
    if order is None and check_crc:
        raise BadCrc(f"checksum {raw[-2:].hex()} fits in neither byte order")
    return Frame(raw[5], raw[2:4], raw[4], raw[6:-2], order, raw)


def build_frame(type: int, body: bytes, seq: bytes = b"\0\0", *, encrypted: int = 0) -> bytes:
    """Return the bytes of a frame around ``body``, checksum low byte first; raise ``BadField``."""
    if not 0 <= type <= 0xFF:
        raise BadField("must be 0 to 255", field="type")
    if not isinstance(seq, bytes | bytearray) or len(seq) != 2:
        raise BadField("must be two bytes", field="seq")
    if len(body) > MAX_BODY:
        raise BadField(f"has {len(body)} bytes, at most {MAX_BODY} fit a frame", field="body")
    covered = bytes(seq) + bytes((encrypted, type)) + body
    return bytes((START, len(covered))) + covered + crc16(covered).to_bytes(2, "little")


def decode(frame: Frame, *, check_crc: bool = True) -> Message:
    """Return the message in ``frame``.

    Raises ``BadCrc`` (unless waived), ``Encrypted``, ``UnknownType`` or ``ShortBody``. A longer body
    is accepted. A time field without a time reads as None, and as a flaw unless it is all zeros.
    """
    if frame.crc_order is None and check_crc:
        raise BadCrc("checksum fits in neither byte order")
    if frame.encrypted:
        raise Encrypted(f"encryption flag {frame.encrypted:02X}", field="encrypted")
    layout = LAYOUTS.get(frame.type)
    if layout is None:
        raise UnknownType(f"frame type {frame.type:02X}", field="type")
    fields, surplus = layout.read(frame.body)
    flaws = layout.flaws(frame.body, fields) if layout.has_times else ()
    return Message(frame.type, layout.name, fields, surplus, flaws)


def encode(type: int, fields: Mapping[str, Any], seq: bytes = b"\0\0", *, surplus: bytes = b"") -> bytes:
    """Return the whole frame of ``type`` with ``fields``; raise ``UnknownType`` or ``BadField``.

    Counts and reserved fields may be left out. ``surplus`` is appended to the body, for peers whose
    dialect is longer than the layout.
    """
    layout = LAYOUTS.get(type)
    if layout is None:
        raise UnknownType(f"frame type {type:02X}", field="type")
    return build_frame(type, layout.write(fields) + surplus, seq)
