"""TriggerMessage (OCPP 1.6 §5.17): ask for a message now."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome

__all__ = ["ACTION", "build", "outcome"]

ACTION = "TriggerMessage"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `message`, a MessageTrigger, meter values when absent. Connector 0 is the whole station."""
    payload: dict[str, Any] = {"requestedMessage": str(command.params.get("message") or "MeterValues")}
    if command.connector_no:
        payload["connectorId"] = command.connector_no
    return payload
