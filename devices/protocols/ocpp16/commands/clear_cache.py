"""ClearCache (OCPP 1.6 §5.4)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome

__all__ = ["ACTION", "build", "outcome"]

ACTION = "ClearCache"


def build(command: DeviceCommand) -> dict[str, Any]:
    return {}
