"""RequestStopTransaction (F03)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required
from devices.services.transaction_events import name_on_the_wire

__all__ = ["ACTION", "build", "outcome"]

ACTION = "RequestStopTransaction"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `transaction_ref`, under which the platform knows the transaction."""
    return {"transactionId": name_on_the_wire(required(command.params, "transaction_ref"))}
