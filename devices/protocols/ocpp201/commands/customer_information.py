"""CustomerInformation (N09, N10): what a station knows of a customer, to report or to erase."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome

__all__ = ["ACTION", "build", "outcome"]

ACTION = "CustomerInformation"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `tag` or `customer`, and `report`, `clear`. The command's own number is the request's."""
    params = command.params
    report, clear = bool(params.get("report", True)), bool(params.get("clear"))
    if not report and not clear:
        raise ValueError("neither report nor clear is asked for")
    payload: dict[str, Any] = {"requestId": command.pk, "report": report, "clear": clear}
    if params.get("tag"):
        payload["idToken"] = {"idToken": str(params["tag"]), "type": "ISO14443"}
    elif params.get("customer"):
        payload["customerIdentifier"] = str(params["customer"])
    else:
        raise ValueError("tag or customer is missing")
    return payload
