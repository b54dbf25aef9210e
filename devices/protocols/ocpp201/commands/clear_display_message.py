"""ClearDisplayMessage (O05). `Unknown`: it is not there, as it was wanted."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status, required
from devices.protocols.ocppj.calls import Outcome

ACTION = "ClearDisplayMessage"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `message_id`."""
    return {"id": int(required(command.params, "message_id"))}


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "Unknown"))
