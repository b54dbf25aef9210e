"""SetMonitoringLevel (N05): how severe an event must be to be told."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required

__all__ = ["ACTION", "build", "outcome"]

ACTION = "SetMonitoringLevel"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `severity`, 0 (danger) to 9 (debug)."""
    return {"severity": int(required(command.params, "severity"))}
