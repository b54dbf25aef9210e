"""SetVariableMonitoring (N04): watch one variable."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocpp201.commands.variables import parse, path_of
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.answers import by_status, required, whole
from devices.protocols.ocppj.calls import Outcome
from devices.protocols.ocppj.reading import decimal

ACTION = "SetVariableMonitoring"
TYPES = ("UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned")


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `key` (as `variables.parse` reads it), `type`, `value`; optionally `severity` (5 when absent) and
    `monitor_id`, to change a monitor that exists.
    """
    params = command.params
    kind = str(params.get("type") or "UpperThreshold")
    if kind not in TYPES:
        raise ValueError(f"type is not one of {', '.join(TYPES)}")
    value = decimal(required(params, "value"))
    if value is None:
        raise ValueError("value is not a number")
    severity = whole(params, "severity")
    wanted: dict[str, Any] = {
        **parse(required(params, "key")),
        "type": kind,
        "value": float(value),
        "severity": 5 if severity is None else severity,
    }
    number = whole(params, "monitor_id")
    if number is not None:
        wanted["id"] = number
    return {"setMonitoringData": [wanted]}


def outcome(answer: dict[str, Any]) -> Outcome:
    """The station numbers the monitor; with that number it is kept."""
    results = answer.get("setMonitoringResult")
    one = results[0] if isinstance(results, list) and results and isinstance(results[0], dict) else {}
    said = by_status(one)
    number = read.whole(one, "id")
    if said.state != DeviceCommand.State.ACCEPTED or number is None:
        return Outcome(said.state, said.reason, answer)
    data = {"path": path_of(one), "type": read.text(one, "type"), "severity": read.whole(one, "severity")}
    return Outcome(said.state, "", answer, {"monitors": [{"key": number, "data": data}]})
