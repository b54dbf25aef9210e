"""DNY codes in words: port states, stop reasons, answers, alarms (AP3000 device protocol V8.6 §3.1, §3.3, §3.4.5, §4.2).

A word is a stable slug for programs and an English sentence for people, marked for translation. Every look-up
answers for any byte: firmware goes on adding codes, and an unknown one must still be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from .marking import gettext_noop

Category = Literal["normal", "protection", "fault", "unknown"]
PortState = Literal["free", "charging", "plugged", "fault"]


class Word(NamedTuple):
    """One code in words."""

    code: int
    slug: str
    text: str
    category: Category = "unknown"


class PortWord(NamedTuple):
    """A port state in words: what the platform makes of it and, for faults, slug and sentence."""

    code: int
    state: PortState
    slug: str
    text: str


_PORT_STATES: dict[int, tuple[PortState, str, str]] = {
    0x00: ("free", "free", gettext_noop("The port is free.")),
    0x01: ("charging", "charging", gettext_noop("The port is charging.")),
    0x02: ("plugged", "plugged", gettext_noop("A charger is plugged in and not started.")),
    0x03: ("plugged", "full", gettext_noop("A charger is plugged in and its battery is full.")),
    0x04: ("fault", "cannot_meter", gettext_noop("The port cannot meter energy.")),
    0x05: ("charging", "trickle", gettext_noop("The port is trickle-charging.")),
    0x06: ("fault", "memory", gettext_noop("The memory of the box is damaged.")),
    0x07: ("fault", "contact_spring", gettext_noop("A contact spring of the socket is stuck.")),
    0x08: ("fault", "contact_or_fuse", gettext_noop("The socket has bad contact or its fuse has blown.")),
    0x09: ("fault", "relay_stuck", gettext_noop("The relay of the port is stuck.")),
    0x0A: ("fault", "plug_sensor", gettext_noop("The plug sensor of the port is broken.")),
    0x0B: ("fault", "relay_or_fuse", gettext_noop("The relay of the port is broken or its fuse has blown.")),
    0x0D: ("fault", "short_circuit", gettext_noop("The load has a short circuit.")),
    0x0E: ("fault", "relay_stuck_precheck", gettext_noop("The relay of the port was found stuck.")),
    0x0F: ("fault", "card_reader", gettext_noop("The card reader is broken.")),
    0x10: ("fault", "detection_circuit", gettext_noop("The detection circuit of the port is broken.")),
}
_PORT_UNLISTED = gettext_noop("The port reports an unlisted fault.")


def port_state(code: int) -> PortWord:
    """Return the word for a port state of 01, 06 or 21."""
    state, slug, text = _PORT_STATES.get(code, ("fault", f"port_state_{code:02x}", _PORT_UNLISTED))
    return PortWord(code, state, slug, text)


_Table = Mapping[int, tuple[str, str, Category]]

_STOP_REASONS: _Table = {
    0x01: ("battery_full", gettext_noop("The battery is full."), "normal"),
    0x02: ("longest_time_reached", gettext_noop("The longest charging time was reached."), "normal"),
    0x03: ("time_reached", gettext_noop("The chosen time was reached."), "normal"),
    0x04: ("energy_reached", gettext_noop("The chosen energy was reached."), "normal"),
    0x05: ("unplugged", gettext_noop("The plug was pulled."), "normal"),
    0x06: ("overload", gettext_noop("The load was above the limit of the port."), "protection"),
    0x07: ("stopped_by_platform", gettext_noop("Stopped by the platform."), "normal"),
    0x08: ("dynamic_overload", gettext_noop("The load rose suddenly."), "protection"),
    0x09: ("power_too_small", gettext_noop("The load was too small."), "normal"),
    0x0A: ("box_hot", gettext_noop("The box became too hot."), "protection"),
    0x0B: ("port_hot", gettext_noop("The port became too hot."), "protection"),
    0x0C: ("over_current", gettext_noop("The current was too high."), "protection"),
    0x0D: ("unplugged_spring", gettext_noop("The plug was pulled, or a contact spring is stuck."), "normal"),
    0x0E: ("no_power", gettext_noop("No power flowed: bad contact or a blown fuse."), "fault"),
    0x0F: ("relay_or_fuse", gettext_noop("The relay is broken or the fuse has blown."), "fault"),
    0x10: ("water", gettext_noop("Water was detected."), "protection"),
    0x11: (
        "fire_suppression_here",
        gettext_noop("The fire extinguisher of this port was set off."),
        "protection",
    ),
    0x12: (
        "fire_suppression",
        gettext_noop("The fire extinguisher of another port was set off."),
        "protection",
    ),
    0x13: ("opened_by_password", gettext_noop("The cabinet was opened with the password."), "normal"),
    0x14: ("door_not_closed", gettext_noop("The cabinet door was not closed."), "normal"),
    0x15: ("stopped_from_outside", gettext_noop("Stopped by an operation from outside."), "normal"),
    0x16: ("stopped_by_card", gettext_noop("Stopped with a card."), "normal"),
    0x17: ("forced_by_platform", gettext_noop("The platform forced the end."), "normal"),
    0x18: ("fire_system", gettext_noop("The fire system ended charging."), "protection"),
    0x19: ("memory", gettext_noop("The memory of the box failed."), "fault"),
    0x1A: ("over_voltage", gettext_noop("The mains voltage was too high."), "protection"),
    0x1B: ("under_voltage", gettext_noop("The mains voltage was too low."), "protection"),
    0x1C: ("low_power", gettext_noop("The power stayed low."), "normal"),
}
_STOP_UNLISTED = gettext_noop("The box gave an unlisted stop reason.")

_CHARGE_RESULTS: _Table = {
    0x00: ("done", gettext_noop("Done."), "normal"),
    0x01: ("not_plugged", gettext_noop("No charger is plugged in."), "normal"),
    0x02: ("already_so", gettext_noop("The port is already in that state."), "normal"),
    0x03: ("port_fault", gettext_noop("The port has a fault."), "fault"),
    0x04: ("no_such_port", gettext_noop("The box has no such port."), "normal"),
    0x05: ("several_waiting", gettext_noop("Chargers wait at several ports."), "normal"),
    0x06: ("box_over_power", gettext_noop("The whole box is at its power limit."), "protection"),
    0x07: ("memory", gettext_noop("The memory of the box is damaged."), "fault"),
    0x08: ("relay_or_fuse", gettext_noop("The relay is broken or the fuse has blown."), "fault"),
    0x09: ("relay_stuck", gettext_noop("The relay of the port is stuck."), "fault"),
    0x0A: ("short_circuit", gettext_noop("The load has a short circuit."), "fault"),
    0x0B: ("smoke", gettext_noop("The smoke detector gives alarm."), "protection"),
    0x0C: ("over_voltage", gettext_noop("The mains voltage is too high."), "protection"),
    0x0D: ("under_voltage", gettext_noop("The mains voltage is too low."), "protection"),
    0x0E: ("no_response", gettext_noop("The port does not respond."), "fault"),
}
_RESULT_UNLISTED = gettext_noop("The box gave an unlisted answer.")

_ALARMS: _Table = {
    0x01: ("power_lost", gettext_noop("The box lost its mains power."), "fault"),
    0x02: ("water", gettext_noop("Water was detected."), "protection"),
    0x03: ("hot_glue", gettext_noop("The heat fuse of a port melted."), "protection"),
    0x04: ("smoke", gettext_noop("The smoke detector gives alarm."), "protection"),
    0x05: ("heat", gettext_noop("The heat detector gives alarm."), "protection"),
    0x06: ("water_level", gettext_noop("The water level gives alarm."), "protection"),
    0x07: ("door_open", gettext_noop("The cabinet door sprang open."), "fault"),
}
_ALARM_UNLISTED = gettext_noop("The box gives an unlisted alarm.")
PORT_ALARMS = frozenset({0x03, 0x07})
"""Alarms whose port byte means a port; in the others it is the address of a detector, or nothing."""


def _word(table: _Table, code: int, prefix: str, unlisted: str) -> Word:
    slug, text, category = table.get(code, (f"{prefix}_{code:02x}", unlisted, "unknown"))
    return Word(code, slug, text, category)


def stop_reason(code: int) -> Word:
    """Return the word for a stop reason of 03."""
    return _word(_STOP_REASONS, code, "stop", _STOP_UNLISTED)


def charge_result(code: int) -> Word:
    """Return the word for the result of 82."""
    return _word(_CHARGE_RESULTS, code, "result", _RESULT_UNLISTED)


def alarm(code: int) -> Word:
    """Return the word for an alarm kind of 42."""
    return _word(_ALARMS, code, "alarm", _ALARM_UNLISTED)


def _texts(*tables: _Table) -> dict[str, str]:
    return {slug: text for table in tables for slug, text, _category in table.values()}


STOP_REASONS: dict[str, str] = _texts(_STOP_REASONS)
"""Every listed stop reason: slug to sentence."""

ANSWERS: dict[str, str] = _texts(_CHARGE_RESULTS) | {
    "beyond_limits_of_box": gettext_noop("The values are beyond what the box can be set to."),
    "not_charging": gettext_noop("The port is not charging under this number."),
    "less_than_used": gettext_noop("The box has delivered more than that already."),
}
"""Every listed answer to a command: slug to sentence."""

FAULTS: dict[str, str] = (
    _texts(_ALARMS)
    | {slug: text for state, slug, text in _PORT_STATES.values() if state == "fault"}
    | {"port_fault": _CHARGE_RESULTS[0x03][1]}
)
"""Every listed fault of a port or box: slug to sentence."""

EXECUTED_RESULTS = frozenset({0x00, 0x03, 0x09})
"""Results of 82 after which the port switched on: 03 and 09 warn only (AP3000 device protocol V8.6 §4.2)."""

CARD_ACCOUNTS: dict[str, int] = {
    "accepted": 0x00,
    "invalid": 0x01,
    "concurrent": 0x04,
    "low_balance": 0x06,
    "expired": 0x07,
    "port_fault": 0x08,
    "blocked": 0x0B,
    "pile_unknown": 0x0C,
}
"""Account states of the answer to 02, which the box speaks aloud (AP3000 device protocol V8.6 §3.2)."""

START_METHODS: dict[int, str] = {0: "offline_card", 1: "code", 3: "passcode"}
"""How a charge was started (03, 04, 06)."""
