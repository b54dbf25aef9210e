"""ChangeConfiguration (OCPP 1.6 §5.3)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status, required
from devices.protocols.ocppj.calls import Outcome

ACTION = "ChangeConfiguration"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `key` and `value` (OCPP carries every value as text)."""
    return {"key": required(command.params, "key"), "value": str(command.params.get("value", ""))}


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "RebootRequired"))
