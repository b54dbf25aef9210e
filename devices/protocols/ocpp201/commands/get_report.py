"""GetReport (B08): part of the inventory, which the station then tells in NotifyReport messages."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocpp201.commands.variables import parse
from devices.protocols.ocppj.answers import by_status as outcome

__all__ = ["ACTION", "build", "outcome"]

ACTION = "GetReport"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `keys`, a list of variables as `variables.parse` reads them. The command's own number is the request's."""
    wanted = [parse(str(key)) for key in command.params.get("keys") or ()]
    payload: dict[str, Any] = {"requestId": command.pk}
    return payload | ({"componentVariable": wanted} if wanted else {})
