"""Commands as YKC frames, one function per command."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from devices.models import DeviceCommand
from kernel import clock

NO_CARD = "0" * 16

Encoded = tuple[int, dict[str, Any]]


def yuan(fen: int) -> Decimal:
    """Fen as the yuan of a balance field; the field is unsigned, so a debt goes out as 0."""
    return Decimal(max(fen, 0)).scaleb(-2)


def start(command: DeviceCommand, head: dict[str, Any]) -> Encoded:
    return 0x34, {
        **head,
        "trade_no": command.params["transaction_ref"],
        "logical_card": NO_CARD,
        "physical_card": NO_CARD,
        "balance": yuan(command.params["balance_fen"]),
    }


def stop(command: DeviceCommand, head: dict[str, Any]) -> Encoded:
    return 0x36, head


def set_balance(command: DeviceCommand, head: dict[str, Any]) -> Encoded:
    return 0x42, {**head, "physical_card": NO_CARD, "balance": yuan(command.params["balance_fen"])}


def read_status(command: DeviceCommand, head: dict[str, Any]) -> Encoded:
    return 0x12, head


def set_tariff(command: DeviceCommand, head: dict[str, Any]) -> Encoded:
    fields = {
        name: Decimal(value) if name.endswith("_rate") else value
        for name, value in command.params["fields"].items()
    }
    return 0x58, {"pile_code": head["pile_code"], "model_no": command.params["model_no"], **fields}


def sync_time(command: DeviceCommand, head: dict[str, Any]) -> Encoded:
    return 0x56, {"pile_code": head["pile_code"], "time": clock.now()}


def set_availability(command: DeviceCommand, head: dict[str, Any]) -> Encoded:
    forbid = 0 if command.params["available"] else 1
    return 0x52, {"pile_code": head["pile_code"], "forbid": forbid, "power_pct": 100}


def reboot(command: DeviceCommand, head: dict[str, Any]) -> Encoded:
    return 0x92, {"pile_code": head["pile_code"], "when": 1 if command.params.get("hard") else 2}


_K = DeviceCommand.Kind
ENCODERS: dict[str, Callable[[DeviceCommand, dict[str, Any]], Encoded]] = {
    _K.START: start,
    _K.STOP: stop,
    _K.SET_BALANCE: set_balance,
    _K.READ_STATUS: read_status,
    _K.SET_TARIFF: set_tariff,
    _K.SYNC_TIME: sync_time,
    _K.SET_AVAILABILITY: set_availability,
    _K.REBOOT: reboot,
}


def frame_of(command: DeviceCommand, pile_code: str) -> Encoded:
    """The frame type and fields of a command."""
    head = {"pile_code": pile_code, "gun_no": f"{command.connector_no:02d}"}
    return ENCODERS[command.kind](command, head)
