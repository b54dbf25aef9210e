"""ClearCache (C11)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome

__all__ = ["ACTION", "build", "outcome"]

ACTION = "ClearCache"


def build(command: DeviceCommand) -> dict[str, Any]:
    return {}
