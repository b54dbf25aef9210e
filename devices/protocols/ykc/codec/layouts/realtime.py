"""Live figures of a connector (YKC V1.6, frames 12 and 13)."""

from __future__ import annotations

from ..datatypes import number, opaque, scaled
from ..layout import Field, Layout
from ..marking import gettext_noop
from .common import PILE_GUN, TRADE_PILE_GUN, U8, U16

LAYOUTS = (
    Layout(
        0x12,
        "read_realtime_data",
        gettext_noop("Read live data"),
        PILE_GUN,
        upward=False,
        answered_by=0x13,
    ),
    Layout(
        0x13,
        "realtime_data",
        gettext_noop("Live data"),
        (
            *TRADE_PILE_GUN,
            Field("status", U8),
            Field("seat", U8),
            Field("plugged", U8),
            Field("voltage", scaled(2, 1)),
            Field("current", scaled(2, 1)),
            Field("cable_temp", number(1, offset=-50)),
            Field("cable_code", opaque(8)),
            Field("soc", U8),
            Field("battery_temp", number(1, offset=-50)),
            Field("minutes", U16),
            Field("remaining", U16),
            Field("energy", scaled(4, 4)),
            Field("loss_energy", scaled(4, 4)),
            Field("amount", scaled(4, 4)),
            Field("fault_bits", U16),
        ),
        upward=True,
    ),
)
