"""GetConfiguration (OCPP 1.6 §5.8)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.calls import Outcome
from devices.services.variables import LONGEST_VALUE, ReportedVariable

ACTION = "GetConfiguration"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `keys`, a list; empty or absent asks for all of them."""
    keys = command.params.get("keys") or []
    return {"key": [str(key) for key in keys]} if keys else {}


def outcome(answer: dict[str, Any]) -> Outcome:
    """There is no status: any answer is the result, and what it says becomes the pile's variables."""
    entries = answer.get("configurationKey")
    variables = [
        ReportedVariable(
            path=read.text(entry, "key"),
            value=read.text(entry, "value", LONGEST_VALUE),
            mutability="ReadOnly" if entry.get("readonly") is True else "ReadWrite",
        )
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and read.text(entry, "key")
    ]
    return Outcome(DeviceCommand.State.ACCEPTED, "", answer, {"variables": variables})
