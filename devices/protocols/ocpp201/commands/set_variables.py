"""SetVariables (B05), one variable at a time."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocpp201.commands.variables import parse, statuses
from devices.protocols.ocppj.answers import by_status, required
from devices.protocols.ocppj.calls import Outcome

ACTION = "SetVariables"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `key`, as `variables.parse` reads it, and `value` (OCPP carries every value as text)."""
    variable = parse(required(command.params, "key"))
    return {"setVariableData": [{**variable, "attributeValue": str(command.params.get("value", ""))}]}


def outcome(answer: dict[str, Any]) -> Outcome:
    words = statuses(answer.get("setVariableResult"))
    result = by_status({"status": words[0]} if words else {}, ("Accepted", "RebootRequired"))
    return Outcome(result.state, result.reason, answer)
