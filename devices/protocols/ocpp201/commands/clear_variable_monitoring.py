"""ClearVariableMonitoring (N06): one monitor. `NotFound`: there is none, as it was wanted."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status, required
from devices.protocols.ocppj.calls import Outcome

ACTION = "ClearVariableMonitoring"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `monitor_id`."""
    return {"id": [int(required(command.params, "monitor_id"))]}


def outcome(answer: dict[str, Any]) -> Outcome:
    results = answer.get("clearMonitoringResult")
    one = results[0] if isinstance(results, list) and results and isinstance(results[0], dict) else {}
    said = by_status(one, ("Accepted", "NotFound"))
    return Outcome(said.state, said.reason, answer)
