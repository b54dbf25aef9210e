"""UnlockConnector (OCPP 1.6 §5.18); its success is the word `Unlocked`."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status
from devices.protocols.ocppj.calls import Outcome

ACTION = "UnlockConnector"


def build(command: DeviceCommand) -> dict[str, Any]:
    return {"connectorId": command.connector_no}


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Unlocked",))
