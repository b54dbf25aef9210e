"""Login, heartbeat and clock (YKC V1.6, frames 01-04, 55 and 56)."""

from __future__ import annotations

from ..datatypes import TIME, digits, text
from ..layout import Field, Layout
from ..marking import gettext_noop
from .common import GUN_NO, PILE_CODE, PILE_GUN, RESULT, U8

_CLOCK = (PILE_CODE, Field("time", TIME))

LAYOUTS = (
    Layout(
        0x01,
        "login",
        gettext_noop("Login"),
        (
            PILE_CODE,
            Field("pile_type", U8),
            Field("gun_count", U8),
            Field("proto_version", U8),
            Field("software", text(8)),
            Field("net", U8),
            Field("sim", digits(10)),
            Field("operator", U8),
        ),
        upward=True,
        answered_by=0x02,
    ),
    Layout(0x02, "login_reply", gettext_noop("Login reply"), (PILE_CODE, RESULT), upward=False),
    Layout(
        0x03,
        "heartbeat",
        gettext_noop("Heartbeat"),
        (*PILE_GUN, Field("gun_status", U8)),
        upward=True,
        answered_by=0x04,
    ),
    Layout(
        0x04,
        "heartbeat_reply",
        gettext_noop("Heartbeat reply"),
        (PILE_CODE, GUN_NO, Field("ack", U8, 0)),
        upward=False,
    ),
    Layout(0x55, "time_sync_reply", gettext_noop("Clock set reply"), _CLOCK, upward=True),
    Layout(0x56, "time_sync", gettext_noop("Set clock"), _CLOCK, upward=False, answered_by=0x55),
)
