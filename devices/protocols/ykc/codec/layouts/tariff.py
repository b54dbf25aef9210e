"""The tariff a pile bills by: check, request, push (YKC V1.6, frames 05-0A, 57 and 58)."""

from __future__ import annotations

from ..datatypes import digits, opaque, scaled
from ..layout import Field, Layout
from ..marking import gettext_noop
from .common import OK, PILE_CODE, RESULT, U8

TIERS = ("sharp", "peak", "flat", "valley")
_MODEL_NO = Field("model_no", digits(2))
_MODEL = (
    PILE_CODE,
    _MODEL_NO,
    *(Field(f"{tier}_{part}_rate", scaled(4, 5)) for tier in TIERS for part in ("elec", "service")),
    Field("loss_ratio", U8, 0),
    Field("slots", opaque(48)),
)

LAYOUTS = (
    Layout(
        0x05,
        "tariff_check",
        gettext_noop("Tariff check"),
        (PILE_CODE, _MODEL_NO),
        upward=True,
        answered_by=0x06,
    ),
    Layout(
        0x06,
        "tariff_check_reply",
        gettext_noop("Tariff check reply"),
        (PILE_CODE, _MODEL_NO, RESULT),
        upward=False,
    ),
    Layout(
        0x09, "tariff_request", gettext_noop("Tariff request"), (PILE_CODE,), upward=True, answered_by=0x0A
    ),
    Layout(0x0A, "tariff_reply", gettext_noop("Tariff reply"), _MODEL, upward=False),
    Layout(0x57, "tariff_set_reply", gettext_noop("Set tariff reply"), (PILE_CODE, OK), upward=True),
    Layout(0x58, "tariff_set", gettext_noop("Set tariff"), _MODEL, upward=False, answered_by=0x57),
)
