"""GetVariables (B06)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocpp201.commands.variables import parse, statuses
from devices.protocols.ocppj.calls import Outcome

ACTION = "GetVariables"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `keys`, a list of variables as `variables.parse` reads them."""
    return {"getVariableData": [parse(str(key)) for key in command.params["keys"]]}


def outcome(answer: dict[str, Any]) -> Outcome:
    """Accepted when at least one could be read; the answer tells of every one."""
    words = statuses(answer.get("getVariableResult"))
    if "Accepted" in words:
        return Outcome(DeviceCommand.State.ACCEPTED, "", answer)
    return Outcome(DeviceCommand.State.REJECTED, words[0] if words else "unreadable answer", answer)
