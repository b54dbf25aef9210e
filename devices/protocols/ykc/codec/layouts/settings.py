"""Work parameters, ground lock (YKC V1.6, frames 51, 52, 61-63) and QR-code prefix (later: F0, F1)."""

from __future__ import annotations

from ..datatypes import opaque
from ..layout import Field, Layout, TextTail
from ..marking import gettext_noop
from .common import OK, PILE_CODE, RESULT, U8

_RESERVED = Field("reserved", opaque(4), bytes(4))
_LOCK = (PILE_CODE, Field("gun_no", U8))  # a binary gun number here, not BCD

LAYOUTS = (
    Layout(
        0x51, "work_parameters_reply", gettext_noop("Work parameters reply"), (PILE_CODE, OK), upward=True
    ),
    Layout(
        0x52,
        "work_parameters",
        gettext_noop("Work parameters"),
        (PILE_CODE, Field("forbid", U8), Field("power_pct", U8)),
        upward=False,
        answered_by=0x51,
    ),
    Layout(
        0x61,
        "ground_lock_state",
        gettext_noop("Ground lock state"),
        (
            *_LOCK,
            Field("lock", opaque(1)),
            Field("bay", opaque(1)),
            Field("battery", U8),
            Field("alarm", opaque(1)),
            _RESERVED,
        ),
        upward=True,
    ),
    Layout(
        0x62,
        "ground_lock_command",
        gettext_noop("Move ground lock"),
        (*_LOCK, Field("cmd", opaque(1)), _RESERVED),
        upward=False,
        answered_by=0x63,
    ),
    Layout(
        0x63,
        "ground_lock_reply",
        gettext_noop("Move ground lock reply"),
        (*_LOCK, OK, _RESERVED),
        upward=True,
    ),
    Layout(
        0xF0,
        "qr_prefix_set",
        gettext_noop("Set QR-code prefix"),
        (PILE_CODE, Field("format", U8), Field("len", U8)),
        upward=False,
        answered_by=0xF1,
        tail=TextTail("prefix", 200, "len"),
    ),
    Layout(
        0xF1,
        "qr_prefix_set_reply",
        gettext_noop("Set QR-code prefix reply"),
        (PILE_CODE, RESULT),
        upward=True,
    ),
)
