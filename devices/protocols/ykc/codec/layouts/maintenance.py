"""Reboot and firmware (YKC V1.6, frames 91-94)."""

from __future__ import annotations

from ..datatypes import text
from ..layout import Field, Layout
from ..marking import gettext_noop
from .common import OK, PILE_CODE, U8, U16

_WHEN = Field("when", U8)

LAYOUTS = (
    Layout(0x91, "reboot_reply", gettext_noop("Reboot reply"), (PILE_CODE, OK), upward=True),
    Layout(0x92, "reboot", gettext_noop("Reboot"), (PILE_CODE, _WHEN), upward=False, answered_by=0x91),
    Layout(
        0x93,
        "firmware_update_reply",
        gettext_noop("Firmware update reply"),
        (PILE_CODE, Field("state", U8)),
        upward=True,
    ),
    Layout(
        0x94,
        "firmware_update",
        gettext_noop("Firmware update"),
        (
            PILE_CODE,
            Field("model", U8),
            Field("power", U16),
            Field("host", text(16)),
            Field("port", U16),
            Field("user", text(16)),
            Field("password", text(16)),
            Field("path", text(32)),
            _WHEN,
            Field("timeout", U8),
        ),
        upward=False,
        answered_by=0x93,
    ),
)
