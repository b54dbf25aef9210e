"""CostUpdated (I02): what a transaction has cost so far, in yuan with two decimal places."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import required
from devices.protocols.ocppj.answers import without_status as outcome
from devices.services.transaction_events import name_on_the_wire

__all__ = ["ACTION", "build", "outcome"]

ACTION = "CostUpdated"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `transaction_ref` and `cost_fen`, a whole number."""
    fen = int(required(command.params, "cost_fen"))
    return {
        "totalCost": fen / 100,
        "transactionId": name_on_the_wire(required(command.params, "transaction_ref")),
    }
