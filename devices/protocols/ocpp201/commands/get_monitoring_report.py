"""GetMonitoringReport (N02): the station then tells its monitors in NotifyMonitoringReport messages."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocpp201.commands.variables import parse
from devices.protocols.ocppj.answers import by_status
from devices.protocols.ocppj.calls import Outcome

ACTION = "GetMonitoringReport"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: optionally `key`, one variable. The command's own number is the request's."""
    payload: dict[str, Any] = {"requestId": command.pk}
    if command.params.get("key"):
        payload["componentVariable"] = [parse(str(command.params["key"]))]
    return payload


def outcome(answer: dict[str, Any]) -> Outcome:
    """A station without monitors says so."""
    said = by_status(answer, ("Accepted", "EmptyResultSet"))
    return Outcome(said.state, said.reason, answer)
