"""Run parameters, card keys, reboot, memory and mode (AP3000 §4.3-4.4.6, §4.9.1, §4.9.8)."""

from __future__ import annotations

from ..datatypes import U8, U16, VOLTS, WATTS, opaque
from ..layout import Field, Layout
from ..marking import gettext_noop
from .common import RESULT

_RUN_1 = (
    Field("unplug_power", U16),
    Field("unplug_seconds", U16),
    Field("trickle_percent", U8),
    Field("trickle_detect_seconds", U16),
    Field("trickle_seconds", U16),
    Field("heartbeat_seconds", U16),
)
_RUN_2 = (
    Field("dynamic_overload", U16),
    Field("dynamic_overload_seconds", U16),
    Field("dynamic_overload_from_seconds", U16),
    Field("noise_power", U8),
    Field("noise_seconds", U16),
    Field("second_trickle_from_seconds", U16),
    Field("second_trickle_detect_seconds", U16),
    Field("least_power", U16),
    Field("least_power_from_seconds", U16),
    Field("second_max_until_seconds", U16),
    Field("box_alarm_c", U8),
    Field("port_alarm_c", U8),
    Field("plug_sensor_off", U8),
    Field("lamp", U8),
)
_LIMITS = (
    Field("max_time", U16),
    Field("overload", WATTS),
    Field("over_voltage", VOLTS, 0, optional=True),
    Field("under_voltage", VOLTS, 0, optional=True),
)
_CARD_KEYS = (Field("sector", U8), Field("user_key", opaque(6)), Field("new_key", opaque(6)))

FROM_DEVICE = (
    Layout(0x83, "run_parameters_reply", gettext_noop("Run parameters: reply"), (RESULT,)),
    Layout(0x84, "run_parameters_2_reply", gettext_noop("More run parameters: reply"), (RESULT,)),
    Layout(0x85, "limits_reply", gettext_noop("Limits: reply"), (RESULT,)),
    Layout(0x86, "card_keys_reply", gettext_noop("Card keys: reply"), (RESULT,)),
    Layout(0x87, "reboot_reply", gettext_noop("Reboot reply"), (RESULT,)),
    Layout(0x88, "clear_memory_reply", gettext_noop("Memory cleared: reply"), (RESULT,)),
    Layout(0x8D, "mode_reply", gettext_noop("Working mode: reply"), (RESULT,)),
    Layout(0x90, "run_parameters_held", gettext_noop("Run parameters of the box"), _RUN_1),
    Layout(0x91, "run_parameters_2_held", gettext_noop("More run parameters of the box"), _RUN_2),
    Layout(0x92, "limits_held", gettext_noop("Limits of the box"), _LIMITS),
    Layout(0x96, "find_reply", gettext_noop("Sound and light: reply"), (RESULT,)),
)
TO_DEVICE = (
    Layout(0x83, "run_parameters", gettext_noop("Set run parameters"), _RUN_1),
    Layout(0x84, "run_parameters_2", gettext_noop("Set more run parameters"), _RUN_2),
    Layout(0x85, "limits", gettext_noop("Set limits"), _LIMITS),
    Layout(0x86, "card_keys", gettext_noop("Set card keys"), _CARD_KEYS),
    Layout(0x87, "reboot", gettext_noop("Reboot")),
    Layout(0x88, "clear_memory", gettext_noop("Clear the memory")),
    Layout(0x8D, "mode", gettext_noop("Set working mode"), (Field("mode", U8),)),
    Layout(0x90, "read_run_parameters", gettext_noop("Read run parameters")),
    Layout(0x91, "read_run_parameters_2", gettext_noop("Read more run parameters")),
    Layout(0x92, "read_limits", gettext_noop("Read limits")),
    Layout(0x96, "find", gettext_noop("Sound and light"), (Field("seconds", U8),)),
)
