"""Frames and messages: from bytes to named fields and back (AP3000 device protocol V8.6 §1.0.2).

Frame: "DNY", length (2), physical id (4), message id (2), command (1), data, checksum (2), little-endian. The
length counts physical id to checksum, at most 256; the checksum is the sum of all bytes before it, "DNY" included.
A physical id is shown as the 8 hex digits of its 32-bit number: the kind of device, then the printed number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import BadChecksum, BadField, BadFrame, UnknownCommand
from .layouts import FROM_DEVICE, TO_DEVICE

MAGIC = b"DNY"
HEAD = 5  # magic and length
MIN_LENGTH = 9
MAX_LENGTH = 256
MAX_FRAME = HEAD + MAX_LENGTH
MAX_BODY = MAX_LENGTH - MIN_LENGTH
HOST_KINDS = frozenset({0x09, 0x0A})


class Frame(NamedTuple):
    """One whole frame; ``pile_code`` is the physical id as 8 hex digits."""

    pile_code: str
    message_id: int
    command: int
    body: bytes
    raw: bytes


class Message(NamedTuple):
    """A decoded frame: fields by name and the bytes beyond the layout."""

    command: int
    name: str
    fields: dict[str, Any]
    surplus: bytes


def checksum(data: bytes) -> int:
    """Return the sum of the bytes, low 16 bits."""
    return sum(data) & 0xFFFF


def frame_of(raw: bytes) -> Frame:
    """Return the parts of bytes that are known to be one frame."""
    code = f"{int.from_bytes(raw[5:9], 'little'):08X}"
    return Frame(code, int.from_bytes(raw[9:11], "little"), raw[11], raw[12:-2], raw)


def parse_frame(raw: bytes) -> Frame:
    """Return the one frame that ``raw`` is; raise ``BadFrame`` or ``BadChecksum``."""
    raw = bytes(raw)
    if len(raw) < HEAD + MIN_LENGTH or not raw.startswith(MAGIC):
        raise BadFrame("does not start as a frame")
    length = int.from_bytes(raw[3:5], "little")
    if not MIN_LENGTH <= length <= MAX_LENGTH or length + HEAD != len(raw):
        raise BadFrame(f"length {length} in a frame of {len(raw)} bytes")
    if checksum(raw[:-2]) != int.from_bytes(raw[-2:], "little"):
        raise BadChecksum(f"checksum {raw[-2:].hex()} is not the sum of the bytes")
    return frame_of(raw)


def build_frame(pile_code: str, message_id: int, command: int, body: bytes = b"") -> bytes:
    """Return the bytes of a frame around ``body``; raise ``BadField``."""
    try:
        physical_id = bytes.fromhex(pile_code)[::-1]
    except ValueError:
        physical_id = b""
    if len(physical_id) != 4:
        raise BadField("must be 8 hexadecimal digits", field="pile_code")
    if not 0 <= message_id <= 0xFFFF:
        raise BadField("does not fit 2 bytes", field="message_id")
    if not 0 <= command <= 0xFF:
        raise BadField("does not fit 1 byte", field="command")
    if len(body) > MAX_BODY:
        raise BadField(f"has {len(body)} bytes, at most {MAX_BODY} fit a frame", field="body")
    raw = (
        MAGIC
        + (len(body) + MIN_LENGTH).to_bytes(2, "little")
        + physical_id
        + message_id.to_bytes(2, "little")
        + bytes((command,))
        + body
    )
    return raw + checksum(raw).to_bytes(2, "little")


def decode(frame: Frame, *, from_device: bool = True) -> Message:
    """Return the message in ``frame``; raise ``UnknownCommand`` or ``ShortBody``."""
    layout = (FROM_DEVICE if from_device else TO_DEVICE).get(frame.command)
    if layout is None:
        raise UnknownCommand(f"command {frame.command:02X}", field="command")
    fields, surplus = layout.read(frame.body)
    return Message(frame.command, layout.name, fields, surplus)


def encode(
    pile_code: str,
    message_id: int,
    command: int,
    fields: Mapping[str, Any] | None = None,
    *,
    from_device: bool = False,
    surplus: bytes = b"",
) -> bytes:
    """Return the whole frame of ``command`` with ``fields``; raise ``UnknownCommand`` or ``BadField``."""
    layout = (FROM_DEVICE if from_device else TO_DEVICE).get(command)
    if layout is None:
        raise UnknownCommand(f"command {command:02X}", field="command")
    return build_frame(pile_code, message_id, command, layout.write(fields or {}) + surplus)


def is_host(pile_code: str) -> bool:
    """Whether a physical id is that of a host, which has no ports of its own (AP3000 §1.0.2)."""
    return int(pile_code[:2], 16) in HOST_KINDS


def printed_number(pile_code: str) -> int:
    """The number printed under the QR code: the low three bytes of the physical id in decimal (AP3000 §1.0.2)."""
    return int(pile_code[2:], 16)
