"""ChangeAvailability (OCPP 1.6 §5.2). `Scheduled` means: when the running transaction has ended."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status
from devices.protocols.ocppj.calls import Outcome

ACTION = "ChangeAvailability"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `available`, a boolean. Connector 0 is the whole station."""
    kind = "Operative" if command.params.get("available") else "Inoperative"
    return {"connectorId": command.connector_no, "type": kind}


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "Scheduled"))
