"""Commands as DNY frames, one function per command (AP3000 device protocol V8.6 §4).

A clock cannot be pushed: a box asks for the time itself (22), so that there is no command for it.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from devices.models import DeviceCommand
from devices.protocols.dny.references import order_field, port_of

Encoded = tuple[int, dict[str, Any]]

START, STOP = 1, 0
BY_TIME, BY_ENERGY = 0, 2
_LAST_BALANCE = 100_000_000  # a larger balance is read out as a date

# Optional parameters of a start and where they go on the wire.
_START_OPTIONS = {
    "max_time_s": "max_time",
    "overload_w": "overload",
    "extra_trickle_s": "extra_trickle",
    "ignore_unplug": "ignore_unplug",
    "stop_at_full": "stop_at_full",
    "full_w": "full_w",
    "full_minutes": "full_minutes",
}
_LIMITS = {
    "max_time_s": "max_time",
    "overload_w": "overload",
    "over_voltage_v": "over_voltage",
    "under_voltage_v": "under_voltage",
}


def _wire(value: Any) -> Any:
    """A parameter as the codec takes it; JSON keeps decimals as text."""
    if isinstance(value, bool):
        return int(value)
    return Decimal(value) if isinstance(value, str) else value


def start(command: DeviceCommand) -> Encoded:
    """82 with «start». Without a chosen time or energy the box stops by itself when the battery is full.

    `params`: `duration_s` or `energy_kwh` to buy a fixed amount, and the keys of `_START_OPTIONS`; what is left
    out or 0 is as set in the box.
    """
    params = command.params
    mode, amount = BY_TIME, params.get("duration_s", 0)
    if "energy_kwh" in params:
        mode, amount = BY_ENERGY, int(Decimal(params["energy_kwh"]) * 100)
    fields = {
        "rate_mode": mode,
        "balance": min(max(int(params.get("balance_fen", 0)), 0), _LAST_BALANCE),
        "port": port_of(command.connector_no),
        "action": START,
        "amount": amount,
        "order": order_field(command),
        "max_time": 0,
        "overload": 0,
    }
    return 0x82, fields | {
        wire: _wire(params[name]) for name, wire in _START_OPTIONS.items() if name in params
    }


def stop(command: DeviceCommand) -> Encoded:
    """82 with «stop»; only the order of the running charge is obeyed."""
    return 0x82, {
        "port": port_of(command.connector_no),
        "action": STOP,
        "order": order_field(command),
        "max_time": 0,
        "overload": 0,
    }


def extend(command: DeviceCommand) -> Encoded:
    """8A: the whole of what is bought now, `duration_s` or `energy_kwh`; a repeat changes nothing.

    The frame names no order: a port that meanwhile charges for somebody else is guarded by the platform's own count.
    """
    params = command.params
    mode, amount = BY_TIME, params.get("duration_s", 0)
    if "energy_kwh" in params:
        mode, amount = BY_ENERGY, int(Decimal(params["energy_kwh"]) * 100)
    return 0x8A, {"rate_mode": mode, "port": port_of(command.connector_no), "amount": amount}


def read_status(command: DeviceCommand) -> Encoded:
    return 0x81, {}


def reboot(command: DeviceCommand) -> Encoded:
    return 0x87, {}


def change_configuration(command: DeviceCommand) -> Encoded:
    """85. `params`: `max_time_s` and `overload_w`, and of newer boxes `over_voltage_v` and `under_voltage_v`."""
    return 0x85, {
        wire: _wire(command.params[name]) for name, wire in _LIMITS.items() if name in command.params
    }


def get_configuration(command: DeviceCommand) -> Encoded:
    return 0x92, {}


_K = DeviceCommand.Kind
ENCODERS: dict[str, Callable[[DeviceCommand], Encoded]] = {
    _K.START: start,
    _K.STOP: stop,
    _K.EXTEND: extend,
    _K.READ_STATUS: read_status,
    _K.REBOOT: reboot,
    _K.CHANGE_CONFIGURATION: change_configuration,
    _K.GET_CONFIGURATION: get_configuration,
}


def frame_of(command: DeviceCommand) -> Encoded:
    """The command byte and the fields of a command; ValueError or the codec's BadField name what is wrong."""
    return ENCODERS[command.kind](command)
