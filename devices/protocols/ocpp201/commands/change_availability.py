"""ChangeAvailability (G03, G04). `Scheduled` means: when the running transaction has ended."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status
from devices.protocols.ocppj.calls import Outcome

ACTION = "ChangeAvailability"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `available`, a boolean. Connector 0 is the whole station."""
    payload: dict[str, Any] = {
        "operationalStatus": "Operative" if command.params.get("available") else "Inoperative"
    }
    if command.connector_no:
        payload["evse"] = {"id": command.connector_no}
    return payload


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "Scheduled"))
