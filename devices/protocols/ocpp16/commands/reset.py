"""Reset (OCPP 1.6 §5.14): soft by default, which lets the station end its transactions in order."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome

__all__ = ["ACTION", "build", "outcome"]

ACTION = "Reset"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `hard`, a boolean, false when absent."""
    return {"type": "Hard" if command.params.get("hard") else "Soft"}
