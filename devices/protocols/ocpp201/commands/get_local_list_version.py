"""GetLocalListVersion (D02): 0 is a station without a list."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.calls import Outcome

ACTION = "GetLocalListVersion"


def build(command: DeviceCommand) -> dict[str, Any]:
    return {}


def outcome(answer: dict[str, Any]) -> Outcome:
    version = read.whole(answer, "versionNumber")
    if version is None or not 0 <= version < 2**31:
        return Outcome(DeviceCommand.State.REJECTED, "unreadable answer", answer)
    return Outcome(DeviceCommand.State.ACCEPTED, "", answer, {"version": version})
