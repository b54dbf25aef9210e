"""DataTransfer to the station (OCPP 1.6 §5.6)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required

__all__ = ["ACTION", "build", "outcome"]

ACTION = "DataTransfer"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `vendor_id`, and optionally `message_id` and `data` (text)."""
    payload = {"vendorId": required(command.params, "vendor_id")}
    for name, field in (("message_id", "messageId"), ("data", "data")):
        if command.params.get(name) is not None:
            payload[field] = str(command.params[name])
    return payload
