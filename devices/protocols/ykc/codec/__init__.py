"""The YKC wire protocol (versions 1.5 and 1.6, record 3D of 1.7) as pure functions.

No sockets, no database, no framework: bytes in, named fields out, and back. A stream goes through
``Splitter``, a frame through ``decode``, an answer through ``encode``. ``words`` explains codes.
"""

from __future__ import annotations

from . import words
from .crc import crc16
from .datatypes import BEIJING, plausible_vin, split_cell_group
from .errors import BadCrc, BadField, BadFrame, Encrypted, ShortBody, UnknownType, YkcError
from .frame import MAX_FRAME, Frame, Message, build_frame, decode, encode, parse_frame
from .layout import Field, Layout
from .layouts import LAYOUTS
from .splitter import MAX_HELD, Finding, Splitter

__all__ = [
    "BEIJING",
    "LAYOUTS",
    "MAX_FRAME",
    "MAX_HELD",
    "BadCrc",
    "BadField",
    "BadFrame",
    "Encrypted",
    "Field",
    "Finding",
    "Frame",
    "Layout",
    "Message",
    "ShortBody",
    "Splitter",
    "UnknownType",
    "YkcError",
    "build_frame",
    "crc16",
    "decode",
    "encode",
    "parse_frame",
    "plausible_vin",
    "split_cell_group",
    "words",
]
