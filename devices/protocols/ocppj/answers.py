"""What the status of an answer means for a command."""

from collections.abc import Collection, Mapping
from typing import Any

from devices.charging_profiles import moment
from devices.models import DeviceCommand
from devices.protocols.ocppj.calls import Outcome
from devices.protocols.ocppj.reading import shown


def by_status(answer: dict[str, Any], accepted: Collection[str] = ("Accepted",)) -> Outcome:
    """Accepted when the status is one of `accepted`; the station's word is kept as the reason unless it is plain."""
    status = answer.get("status")
    if not isinstance(status, str):
        return Outcome(DeviceCommand.State.REJECTED, "unreadable answer", answer)
    state = DeviceCommand.State.ACCEPTED if status in accepted else DeviceCommand.State.REJECTED
    return Outcome(state, "" if status == "Accepted" else status[:64], answer)


def required(params: Mapping[str, Any], name: str) -> str:
    """A text parameter that OCPP needs; ValueError names it when it is missing."""
    value = params.get(name)
    if value is None or value == "":
        raise ValueError(f"{name} is missing")
    return str(value)


def whole(params: Mapping[str, Any], name: str) -> int | None:
    """A whole number among the parameters; None when it is absent, ValueError for anything else."""
    value = params.get(name)
    if value in (None, ""):
        return None
    try:
        return int(str(value))
    except ValueError:
        raise ValueError(f"{name} is not a whole number") from None


def when(params: Mapping[str, Any], name: str) -> str | None:
    """A time among the parameters as OCPP writes it; None when it is absent."""
    at = moment(params, name)
    return None if at is None else shown(at)


def tries(params: Mapping[str, Any]) -> dict[str, int]:
    """`retries` and `retryInterval` of a download or upload, where they are asked for."""
    asked = {"retries": whole(params, "retries"), "retryInterval": whole(params, "retry_interval_s")}
    return {name: number for name, number in asked.items() if number is not None}


def without_status(answer: dict[str, Any]) -> Outcome:
    """For answers that have no status: any answer is consent."""
    return Outcome(DeviceCommand.State.ACCEPTED, "", answer)
