"""SetDisplayMessage (O01, O02, O06): a text on the station's display."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required, when, whole
from devices.services.transaction_events import name_on_the_wire

__all__ = ["ACTION", "build", "outcome"]

ACTION = "SetDisplayMessage"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `text`; optionally `message_id` (the command's number when absent), `priority`, `state`,
    `language`, `starts_at`, `ends_at`, `transaction_ref`. Connector 0 is the display of the whole station.
    """
    params = command.params
    message: dict[str, Any] = {
        "id": whole(params, "message_id") or command.pk,
        "priority": str(params.get("priority") or "NormalCycle"),
        "message": {
            "format": "UTF8",
            "language": str(params.get("language") or "zh"),
            "content": required(params, "text"),
        },
    }
    if params.get("state"):
        message["state"] = str(params["state"])
    for name, field in (("starts_at", "startDateTime"), ("ends_at", "endDateTime")):
        at = when(params, name)
        if at is not None:
            message[field] = at
    if params.get("transaction_ref"):
        message["transactionId"] = name_on_the_wire(str(params["transaction_ref"]))
    if command.connector_no:
        message["display"] = {"name": "Display", "evse": {"id": command.connector_no}}
    return {"message": message}
