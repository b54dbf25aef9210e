"""SetMonitoringBase (N03): which set of monitors is active."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required

__all__ = ["ACTION", "build", "outcome"]

ACTION = "SetMonitoringBase"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `base`: All, FactoryDefault or HardWiredOnly."""
    return {"monitoringBase": required(command.params, "base")}
