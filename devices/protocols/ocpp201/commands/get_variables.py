"""GetVariables (B06)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocpp201.commands.variables import parse, path_of, statuses
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.calls import Outcome
from devices.services.variables import LONGEST_VALUE, ReportedVariable

ACTION = "GetVariables"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `keys`, a list of variables as `variables.parse` reads them."""
    return {"getVariableData": [parse(str(key)) for key in command.params["keys"]]}


def outcome(answer: dict[str, Any]) -> Outcome:
    """Accepted when at least one could be read; the answer tells of every one."""
    words = statuses(answer.get("getVariableResult"))
    if "Accepted" in words:
        return Outcome(DeviceCommand.State.ACCEPTED, "", answer, {"variables": _told(answer)})
    return Outcome(DeviceCommand.State.REJECTED, words[0] if words else "unreadable answer", answer)


def _told(answer: dict[str, Any]) -> list[ReportedVariable]:
    return [
        ReportedVariable(
            path=path_of(one),
            attribute=read.text(one, "attributeType", 8) or "Actual",
            value=read.text(one, "attributeValue", LONGEST_VALUE),
        )
        for one in read.objects(answer, "getVariableResult")
        if one.get("attributeStatus") == "Accepted"
    ]
