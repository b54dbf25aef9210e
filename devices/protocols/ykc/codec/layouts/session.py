"""Start and stop, single (YKC V1.6, frames 31-36) and merged (frames A1-A4)."""

from __future__ import annotations

from ..datatypes import opaque, reversed_text
from ..layout import Field, Layout
from ..marking import gettext_noop
from .common import (
    BALANCE,
    FAIL,
    LOGICAL_CARD,
    MERGE_NO,
    OK,
    PHYSICAL_CARD,
    PILE_GUN,
    TRADE_PILE_GUN,
    U8,
)

_ROLE = Field("role", U8)
_REQUEST = (
    *PILE_GUN,
    Field("mode", U8),
    Field("need_pwd", U8),
    PHYSICAL_CARD,
    Field("password", opaque(16)),
    Field("vin", reversed_text(17)),
)
_AUTHORISATION = (*TRADE_PILE_GUN, LOGICAL_CARD, BALANCE, OK, FAIL)
_START = (*TRADE_PILE_GUN, LOGICAL_CARD, PHYSICAL_CARD, BALANCE)
_START_REPLY = (*TRADE_PILE_GUN, OK, FAIL)

LAYOUTS = (
    Layout(
        0x31,
        "start_request",
        gettext_noop("Start asked at the pile"),
        _REQUEST,
        upward=True,
        answered_by=0x32,
    ),
    Layout(
        0x32, "start_request_reply", gettext_noop("Start allowed or refused"), _AUTHORISATION, upward=False
    ),
    Layout(0x33, "remote_start_reply", gettext_noop("Remote start reply"), _START_REPLY, upward=True),
    Layout(0x34, "remote_start", gettext_noop("Remote start"), _START, upward=False, answered_by=0x33),
    Layout(
        0x35,
        "remote_stop_reply",
        gettext_noop("Remote stop reply"),
        (*PILE_GUN, OK, FAIL),
        upward=True,
    ),
    Layout(0x36, "remote_stop", gettext_noop("Remote stop"), PILE_GUN, upward=False, answered_by=0x35),
    Layout(
        0xA1,
        "merged_start_request",
        gettext_noop("Merged start asked at the pile"),
        (*_REQUEST, _ROLE, MERGE_NO),
        upward=True,
        answered_by=0xA2,
    ),
    Layout(
        0xA2,
        "merged_start_request_reply",
        gettext_noop("Merged start allowed or refused"),
        (*_AUTHORISATION, MERGE_NO),
        upward=False,
    ),
    Layout(
        0xA3,
        "merged_remote_start_reply",
        gettext_noop("Merged remote start reply"),
        (*_START_REPLY, _ROLE, MERGE_NO),
        upward=True,
    ),
    Layout(
        0xA4,
        "merged_remote_start",
        gettext_noop("Merged remote start"),
        (*_START, MERGE_NO),
        upward=False,
        answered_by=0xA3,
    ),
)
