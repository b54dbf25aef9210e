"""GetDisplayMessages (O03, O04): the station then tells them in NotifyDisplayMessages. `Unknown`: it has none."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status
from devices.protocols.ocppj.calls import Outcome

ACTION = "GetDisplayMessages"


def build(command: DeviceCommand) -> dict[str, Any]:
    return {"requestId": command.pk}


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "Unknown"))
