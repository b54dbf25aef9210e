"""DataTransfer to the station (P01)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required

__all__ = ["ACTION", "build", "outcome"]

ACTION = "DataTransfer"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `vendor_id`, and optionally `message_id` (text) and `data` (anything that JSON can say)."""
    payload: dict[str, Any] = {"vendorId": required(command.params, "vendor_id")}
    if command.params.get("message_id") is not None:
        payload["messageId"] = str(command.params["message_id"])
    if command.params.get("data") is not None:
        payload["data"] = command.params["data"]
    return payload
