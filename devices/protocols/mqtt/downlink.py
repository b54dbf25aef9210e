"""Commands as MQTT messages, one function per command (docs/protocols/mqtt.md, «Commands»)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from devices.models import DeviceCommand
from kernel import clock

Encoded = tuple[str, dict[str, Any]]

_START_OPTIONS = (
    "balance_fen",
    "duration_s",
    "energy_kwh",
    "overload_w",
    "full_w",
    "full_minutes",
    "stop_at_full",
)


def _transaction(command: DeviceCommand) -> str:
    """The name both sides know the charge by. ValueError when the command has none."""
    name = str(command.params.get("transaction_ref") or command.params.get("order_no") or command.reference)
    if not name:
        raise ValueError("the command names no transaction")
    return name


def _chosen(command: DeviceCommand, names: tuple[str, ...]) -> dict[str, Any]:
    chosen = {name: command.params[name] for name in names if command.params.get(name) is not None}
    # JSON keeps decimals of a command's row as text.
    return {name: Decimal(value) if isinstance(value, str) else value for name, value in chosen.items()}


def start(command: DeviceCommand) -> Encoded:
    """`duration_s` or `energy_kwh` buy a fixed amount; without them the box charges until the battery is full."""
    return "start", {"transaction": _transaction(command)} | _chosen(command, _START_OPTIONS)


def stop(command: DeviceCommand) -> Encoded:
    return "stop", {"transaction": _transaction(command)}


def extend(command: DeviceCommand) -> Encoded:
    """The whole of what was bought since the start, not what is added: a repeat changes nothing."""
    names = ("duration_s", "energy_kwh", "balance_fen")
    return "extend", {"transaction": _transaction(command)} | _chosen(command, names)


def read_status(command: DeviceCommand) -> Encoded:
    return "report", {}


def reboot(command: DeviceCommand) -> Encoded:
    return "reboot", {}


def unlock(command: DeviceCommand) -> Encoded:
    return "unlock", {}


def set_availability(command: DeviceCommand) -> Encoded:
    return "availability", {"available": bool(command.params.get("available", True))}


def sync_time(command: DeviceCommand) -> Encoded:
    return "clock", {"at": clock.now().isoformat()}


def get_configuration(command: DeviceCommand) -> Encoded:
    return "read_config", {}


def change_configuration(command: DeviceCommand) -> Encoded:
    """Every parameter of the command is a setting of the box, by the box's own name."""
    return "config", {"settings": dict(command.params)}


_K = DeviceCommand.Kind
ENCODERS: dict[str, Callable[[DeviceCommand], Encoded]] = {
    _K.START: start,
    _K.STOP: stop,
    _K.EXTEND: extend,
    _K.READ_STATUS: read_status,
    _K.REBOOT: reboot,
    _K.UNLOCK: unlock,
    _K.SET_AVAILABILITY: set_availability,
    _K.SYNC_TIME: sync_time,
    _K.GET_CONFIGURATION: get_configuration,
    _K.CHANGE_CONFIGURATION: change_configuration,
}


def message_of(command: DeviceCommand) -> Encoded:
    """Name and body of a command; ValueError names what is missing."""
    name, fields = ENCODERS[command.kind](command)
    return name, {
        "command": command.pk,
        "expires_at": command.expires_at.isoformat(),
        "port": command.connector_no,
        **fields,
    }
