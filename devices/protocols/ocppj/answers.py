"""What the status of an answer means for a command."""

from collections.abc import Collection
from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.calls import Outcome


def by_status(answer: dict[str, Any], accepted: Collection[str] = ("Accepted",)) -> Outcome:
    """Accepted when the status is one of `accepted`; the station's word is kept as the reason unless it is plain."""
    status = answer.get("status")
    if not isinstance(status, str):
        return Outcome(DeviceCommand.State.REJECTED, "unreadable answer", answer)
    state = DeviceCommand.State.ACCEPTED if status in accepted else DeviceCommand.State.REJECTED
    return Outcome(state, "" if status == "Accepted" else status[:64], answer)


def required(params: dict[str, Any], name: str) -> str:
    """A text parameter that OCPP needs; ValueError names it when it is missing."""
    value = params.get(name)
    if value is None or value == "":
        raise ValueError(f"{name} is missing")
    return str(value)
