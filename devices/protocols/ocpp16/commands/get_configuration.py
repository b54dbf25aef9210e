"""GetConfiguration (OCPP 1.6 §5.8)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.calls import Outcome

ACTION = "GetConfiguration"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `keys`, a list; empty or absent asks for all of them."""
    keys = command.params.get("keys") or []
    return {"key": [str(key) for key in keys]} if keys else {}


def outcome(answer: dict[str, Any]) -> Outcome:
    """There is no status: any answer is the result."""
    return Outcome(DeviceCommand.State.ACCEPTED, "", answer)
