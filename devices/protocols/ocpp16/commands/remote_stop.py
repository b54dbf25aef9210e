"""RemoteStopTransaction (OCPP 1.6 §5.12)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required

__all__ = ["ACTION", "build", "outcome"]

ACTION = "RemoteStopTransaction"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `transaction_ref`, the number that StartTransaction was answered with."""
    ref = required(command.params, "transaction_ref")
    if not ref.isdecimal():
        raise ValueError("the transaction has no number yet")
    return {"transactionId": int(ref)}
