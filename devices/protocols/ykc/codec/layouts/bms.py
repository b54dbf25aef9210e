"""What the vehicle battery management says on a DC pile (YKC V1.6, frames 15-25; GB/T 27930).

Currents carry an offset of 400 A. A demand may come out negative, since GB/T 27930 counts charging
as negative; whoever shows it takes the absolute value.
"""

from __future__ import annotations

from ..datatypes import number, opaque, scaled, text
from ..layout import Field, Layout
from ..marking import gettext_noop
from .common import TRADE_PILE_GUN, U8, U16

_VOLT = scaled(2, 1)
_CELL_VOLT = scaled(2, 2)
_AMPERE = scaled(2, 1, offset=-400)
_ENERGY = scaled(2, 1)
_CELSIUS = number(1, offset=-50)
_FROM_ONE = number(1, offset=1)
_BYTE = opaque(1)

_STOP_FIELDS = (
    *TRADE_PILE_GUN,
    Field("reason", _BYTE),
    Field("fault", opaque(2)),
    Field("error", _BYTE),
)

LAYOUTS = (
    Layout(
        0x15,
        "bms_handshake",
        gettext_noop("Vehicle handshake"),
        (
            *TRADE_PILE_GUN,
            Field("bms_version", opaque(3)),
            Field("battery_type", U8),
            Field("capacity", scaled(2, 1)),
            Field("rated_voltage", _VOLT),
            Field("maker", text(4)),
            Field("battery_serial", opaque(4)),
            Field("year", number(1, offset=1985)),
            Field("month", U8),
            Field("day", U8),
            Field("cycles", number(3)),
            Field("owner", U8),
            Field("reserved", _BYTE, b"\0"),
            Field("vin", text(17)),
            Field("bms_software", opaque(8)),
        ),
        upward=True,
    ),
    Layout(
        0x17,
        "bms_parameters",
        gettext_noop("Vehicle parameters"),
        (
            *TRADE_PILE_GUN,
            Field("cell_v_max", _CELL_VOLT),
            Field("i_max", _AMPERE),
            Field("energy", _ENERGY),
            Field("v_max", _VOLT),
            Field("t_max", _CELSIUS),
            Field("soc", scaled(2, 1)),
            Field("v_now", _VOLT),
            Field("pile_v_max", _VOLT),
            Field("pile_v_min", _VOLT),
            Field("pile_i_max", _AMPERE),
            Field("pile_i_min", _AMPERE),
        ),
        upward=True,
    ),
    Layout(
        0x19,
        "bms_charge_end",
        gettext_noop("Vehicle statistics at the end"),
        (
            *TRADE_PILE_GUN,
            Field("soc", U8),
            Field("cell_v_min", _CELL_VOLT),
            Field("cell_v_max", _CELL_VOLT),
            Field("t_min", _CELSIUS),
            Field("t_max", _CELSIUS),
            Field("minutes", U16),
            Field("energy", _ENERGY),
            Field("charger_no", number(4)),
        ),
        upward=True,
    ),
    Layout(
        0x1B,
        "bms_error",
        gettext_noop("Vehicle communication errors"),
        (*TRADE_PILE_GUN, Field("bits", opaque(8))),
        upward=True,
    ),
    Layout(0x1D, "stopped_by_bms", gettext_noop("Stopped by the vehicle"), _STOP_FIELDS, upward=True),
    Layout(0x21, "stopped_by_charger", gettext_noop("Stopped by the pile"), _STOP_FIELDS, upward=True),
    Layout(
        0x23,
        "bms_demand",
        gettext_noop("Vehicle demand and output"),
        (
            *TRADE_PILE_GUN,
            Field("v_demand", _VOLT),
            Field("i_demand", _AMPERE),
            Field("mode", U8),
            Field("v_meas", _VOLT),
            Field("i_meas", _AMPERE),
            Field("cell_group", U16),
            Field("soc", U8),
            Field("remaining", U16),
            Field("v_out", _VOLT),
            Field("i_out", _AMPERE),
            Field("minutes", U16),
        ),
        upward=True,
    ),
    Layout(
        0x25,
        "bms_information",
        gettext_noop("Vehicle battery information"),
        (
            *TRADE_PILE_GUN,
            Field("cell_no", _FROM_ONE),
            Field("t_max", _CELSIUS),
            Field("t_max_point", _FROM_ONE),
            Field("t_min", _CELSIUS),
            Field("t_min_point", _FROM_ONE),
            Field("flags1", _BYTE),
            Field("flags2", _BYTE),
        ),
        upward=True,
    ),
)
