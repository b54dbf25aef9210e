"""Reset (B11, B12): when no transaction runs by default, at once when asked for."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status
from devices.protocols.ocppj.calls import Outcome

ACTION = "Reset"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `hard`, a boolean, false when absent: end running transactions and reset at once."""
    payload: dict[str, Any] = {"type": "Immediate" if command.params.get("hard") else "OnIdle"}
    if command.connector_no:
        payload["evseId"] = command.connector_no
    return payload


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "Scheduled"))
