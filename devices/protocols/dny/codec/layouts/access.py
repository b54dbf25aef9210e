"""Register, heartbeats, clock and the host's own state (AP3000 §3.0.1-3.1; host protocol §4.1, §4.2, §4.7)."""

from __future__ import annotations

from ..datatypes import TEMPERATURE, TIME, U8, U16, VOLTS, WATTS, scaled, text
from ..layout import Field, Layout
from ..marking import gettext_noop
from .common import RESULT

FROM_DEVICE = (
    Layout(
        0x01,
        "old_heartbeat",
        gettext_noop("Heartbeat (old form)"),
        (
            Field("firmware", U16),
            Field("voltage", VOLTS),
            Field("ports", U8),
            Field("states", U8, count="ports"),
            Field("power", WATTS, count="ports"),
            Field("peak", WATTS, count="ports"),
            Field("virtual_id", U8, 0),
            Field("rssi", U8, 0, optional=True),
            Field("device_kind", U8, 0, optional=True),
            Field("temperature", TEMPERATURE, None, optional=True),
            Field("mode", U8, 0, optional=True),
        ),
    ),
    Layout(
        0x20,
        "register",
        gettext_noop("Register"),
        (
            Field("firmware", U16),
            Field("ports", U8),
            Field("virtual_id", U8, 0),
            Field("device_kind", U8, 0, optional=True),
            Field("mode", U8, 0, optional=True),
            Field("power_board", U16, 0, optional=True),
        ),
    ),
    Layout(
        0x21,
        "heartbeat",
        gettext_noop("Heartbeat"),
        (
            Field("voltage", VOLTS),
            Field("ports", U8),
            Field("states", U8, count="ports"),
            Field("rssi", U8, 0, optional=True),
            Field("temperature", TEMPERATURE, None, optional=True),
        ),
    ),
    Layout(0x22, "time_request", gettext_noop("Clock request")),
    Layout(0x12, "host_time_request", gettext_noop("Clock request of the host")),
    Layout(
        0x11,
        "host_state",
        gettext_noop("State of the host"),
        (
            Field("firmware", U16),
            Field("rtc", U8),
            Field("time", TIME, None),
            Field("rssi", U8),
            Field("modem_kind", U8),
            Field("iccid", text(20)),
            Field("host_kind", U8, 0, optional=True),
            Field("frequency", U16, 0, optional=True),
            Field("imei", text(15), "", optional=True),
            Field("modem_version", text(24), "", optional=True),
        ),
    ),
    Layout(
        0x17,
        "host_meter",
        gettext_noop("Meter of the host"),
        (
            Field("breaker", U8),
            Field("temperature", TEMPERATURE, None),
            Field("voltage", VOLTS),
            Field("current", scaled(2, 2)),
            Field("energy", scaled(4, 2)),
            Field("meter_current", scaled(2, 2)),
            Field("meter_energy", scaled(4, 2)),
            Field("smoke", U8),
            Field("relay", U8, 0, optional=True),
            Field("leakage_ma", U8, 0, optional=True),
            Field("live_temperature", TEMPERATURE, None, optional=True),
            Field("neutral_temperature", TEMPERATURE, None, optional=True),
            Field("locked", U8, 0, optional=True),
            Field("breaker_kind", U8, 0, optional=True),
        ),
    ),
)
TO_DEVICE = (
    Layout(0x01, "old_heartbeat_reply", gettext_noop("Heartbeat reply (old form)"), (RESULT,)),
    Layout(0x20, "register_reply", gettext_noop("Register reply"), (RESULT,)),
    Layout(0x21, "heartbeat_reply", gettext_noop("Heartbeat reply"), (RESULT,)),
    Layout(0x22, "time_reply", gettext_noop("Clock reply"), (Field("time", TIME),)),
    Layout(0x12, "host_time_reply", gettext_noop("Clock reply to the host"), (Field("time", TIME),)),
    Layout(0x81, "read_state", gettext_noop("Read state")),
)
