"""GetTransactionStatus (E14): whether a transaction goes on, and whether messages wait to be sent."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import without_status as outcome
from devices.services.transaction_events import name_on_the_wire

__all__ = ["ACTION", "build", "outcome"]

ACTION = "GetTransactionStatus"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `transaction_ref`; without it the question is about the messages alone."""
    ref = str(command.params.get("transaction_ref") or "")
    return {"transactionId": name_on_the_wire(ref)} if ref else {}
