"""Transaction records and balance (YKC V1.6, frames 3B and 40-42; record 3D of 1.7)."""

from __future__ import annotations

from ..datatypes import TIME, digits, number, opaque, scaled, text
from ..layout import Field, Layout
from ..marking import gettext_noop
from .common import BALANCE, PHYSICAL_CARD, PILE_CODE, PILE_GUN, RESULT, TRADE_NO, TRADE_PILE_GUN, U8
from .tariff import TIERS

_ENERGY = scaled(4, 4)
_YUAN = scaled(4, 4)
_METER = scaled(5, 4)

_HEAD = (*TRADE_PILE_GUN, Field("start_time", TIME), Field("end_time", TIME))
_FIGURES = (
    *(
        Field(f"{tier}_{part}", kind)
        for tier in TIERS
        for part, kind in (
            ("price", scaled(4, 5)),
            ("energy", _ENERGY),
            ("loss_energy", _ENERGY),
            ("amount", _YUAN),
        )
    ),
    Field("meter_start", _METER),
    Field("meter_end", _METER),
    Field("total_energy", _ENERGY),
    Field("total_loss_energy", _ENERGY),
    Field("total_amount", _YUAN),
    Field("vin", text(17)),
    Field("trade_type", U8),
    Field("trade_time", TIME),
    Field("stop_reason", opaque(1)),
    PHYSICAL_CARD,
)

LAYOUTS = (
    Layout(
        0x3B,
        "transaction_record",
        gettext_noop("Transaction record"),
        (*_HEAD, *_FIGURES),
        upward=True,
        answered_by=0x40,
    ),
    Layout(
        0x3D,
        "transaction_record_1_7",
        gettext_noop("Transaction record with meter cipher"),
        (
            *_HEAD,
            Field("meter_no", digits(6)),
            Field("meter_cipher", opaque(34)),
            Field("meter_proto", number(2)),
            Field("meter_enc", U8),
            *_FIGURES,
        ),
        upward=True,
        answered_by=0x40,
    ),
    Layout(
        0x40,
        "record_acknowledged",
        gettext_noop("Transaction record acknowledged"),
        (TRADE_NO, RESULT),
        upward=False,
    ),
    Layout(
        0x41,
        "balance_update_reply",
        gettext_noop("Balance update reply"),
        (PILE_CODE, PHYSICAL_CARD, RESULT),
        upward=True,
    ),
    Layout(
        0x42,
        "balance_update",
        gettext_noop("Balance update"),
        (*PILE_GUN, PHYSICAL_CARD, BALANCE),
        upward=False,
        answered_by=0x41,
    ),
)
