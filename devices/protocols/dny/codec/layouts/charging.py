"""Cards, start and stop, live power, settlement and alarms (AP3000 §3.2-3.4.7, §4.2)."""

from __future__ import annotations

from ..datatypes import AMPERES, KWH, TEMPERATURE, TIME, U8, U16, U32, VOLTS, WATTS, opaque
from ..layout import Field, Layout
from ..marking import gettext_noop
from .common import CARD, ORDER, PORT, RESULT

_SETTLEMENT = (
    Field("duration", U16),
    Field("max_power", WATTS),
    Field("energy", KWH),
    PORT,
    Field("how", U8),
    CARD,
    Field("stop_reason", U8),
    ORDER,
)

FROM_DEVICE = (
    Layout(
        0x02,
        "card",
        gettext_noop("Card at the reader"),
        (
            CARD,
            Field("card_kind", U8),
            PORT,
            Field("purse_fen", U16, 0),
            Field("time", TIME, None, optional=True),
            Field("card2_length", U8, 0, optional=True),
            Field("card2", opaque(1), "", optional=True, count="card2_length"),
        ),
    ),
    Layout(
        0x03,
        "settlement",
        gettext_noop("Settlement"),
        (
            *_SETTLEMENT,
            Field("second_max_power", WATTS, 0, optional=True),
            Field("time", TIME, None, optional=True),
            Field("minutes_occupied", U16, 0, optional=True),
        ),
    ),
    Layout(
        0x04,
        "order_confirmed",
        gettext_noop("Charging confirmed (old form)"),
        (PORT, Field("how", U8), CARD, Field("duration", U16), ORDER),
    ),
    Layout(
        0x06,
        "charging_heartbeat",
        gettext_noop("Power of a charging port"),
        (
            PORT,
            Field("state", U8),
            Field("duration", U16),
            Field("energy", KWH),
            Field("how", U8),
            Field("power", WATTS),
            Field("max_power", WATTS),
            Field("min_power", WATTS),
            Field("average_power", WATTS),
            ORDER,
            Field("interval_raw", U16, 0, optional=True),
            Field("peak_power", WATTS, 0, optional=True),
            Field("voltage", VOLTS, 0, optional=True),
            Field("current", AMPERES, 0, optional=True),
            Field("temperature", TEMPERATURE, None, optional=True),
            Field("port_temperature", TEMPERATURE, None, optional=True),
            Field("time", TIME, None, optional=True),
            Field("minutes_occupied", U16, 0, optional=True),
        ),
    ),
    Layout(
        0x42,
        "alarm",
        gettext_noop("Alarm"),
        (Field("kind", U8), Field("port", U8, 0, optional=True), Field("trigger", U8, 0, optional=True)),
    ),
    Layout(0x43, "full_not_settled", gettext_noop("Full, not yet settled"), _SETTLEMENT),
    Layout(0x44, "port_notice", gettext_noop("Notice of a port"), (Field("kind", U8), PORT, ORDER)),
    Layout(
        0x82,
        "charge_reply",
        gettext_noop("Start or stop reply"),
        (
            RESULT,
            Field("order", opaque(16), "0" * 32, optional=True),
            Field("port", U8, 0, optional=True),
            Field("waiting_ports", U16, 0, optional=True),
        ),
    ),
    Layout(0x8A, "change_reply", gettext_noop("Change of a running charge: reply"), (RESULT,)),
)
TO_DEVICE = (
    Layout(
        0x02,
        "card_reply",
        gettext_noop("Card reply"),
        (
            CARD,
            Field("account", U8),
            Field("rate_mode", U8, 0),
            Field("balance", U32, 0),
            PORT,
        ),
    ),
    Layout(0x03, "settlement_reply", gettext_noop("Settlement reply"), (RESULT,)),
    Layout(0x04, "order_confirmed_reply", gettext_noop("Charging confirmed: reply"), (PORT, RESULT)),
    Layout(
        0x82,
        "charge",
        gettext_noop("Start or stop charging"),
        (
            Field("rate_mode", U8, 0),
            Field("balance", U32, 0),
            PORT,
            Field("action", U8),
            Field("amount", U16, 0),
            ORDER,
            Field("max_time", U16, 0, optional=True),
            Field("overload", WATTS, 0, optional=True),
            Field("lamp", U8, 0, optional=True),
            Field("long_charge", U8, 0, optional=True),
            Field("extra_trickle", U16, 0, optional=True),
            Field("short_test", U8, 0, optional=True),
            Field("ignore_unplug", U8, 0, optional=True),
            Field("stop_at_full", U8, 0, optional=True),
            Field("full_w", U8, 0, optional=True),
            Field("full_minutes", U8, 0, optional=True),
        ),
    ),
    Layout(
        0x8A,
        "change",
        gettext_noop("Change a running charge"),
        (Field("rate_mode", U8), PORT, Field("amount", U16)),
    ),
)
