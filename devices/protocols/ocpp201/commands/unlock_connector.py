"""UnlockConnector (F05); its success is the word `Unlocked`."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status
from devices.protocols.ocppj.calls import Outcome

ACTION = "UnlockConnector"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `plug`, which connector of the EVSE, the first when absent."""
    return {"evseId": command.connector_no, "connectorId": int(command.params.get("plug") or 1)}


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Unlocked",))
