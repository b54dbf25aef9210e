"""The DNY wire protocol (AP3000 device protocol V8.6) as pure functions.

No sockets, no database, no framework: bytes in, named fields out, and back. A stream goes through ``Splitter``, a
frame through ``decode``, an answer through ``encode``. ``words`` explains codes.
"""

from __future__ import annotations

from . import words
from .errors import BadChecksum, BadField, BadFrame, DnyError, ShortBody, UnknownCommand
from .frame import (
    MAX_BODY,
    MAX_FRAME,
    Frame,
    Message,
    build_frame,
    checksum,
    decode,
    encode,
    is_host,
    parse_frame,
    printed_number,
)
from .layout import Field, Layout
from .layouts import FROM_DEVICE, TO_DEVICE
from .splitter import MAX_HELD, Finding, Iccid, Item, Link, Splitter

__all__ = [
    "FROM_DEVICE",
    "MAX_BODY",
    "MAX_FRAME",
    "MAX_HELD",
    "TO_DEVICE",
    "BadChecksum",
    "BadField",
    "BadFrame",
    "DnyError",
    "Field",
    "Finding",
    "Frame",
    "Iccid",
    "Item",
    "Layout",
    "Link",
    "Message",
    "ShortBody",
    "Splitter",
    "UnknownCommand",
    "build_frame",
    "checksum",
    "decode",
    "encode",
    "is_host",
    "parse_frame",
    "printed_number",
    "words",
]
