"""GetChargingProfiles (K09): the station then tells them in ReportChargingProfiles messages."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocpp201.commands.set_charging_profile import PURPOSES
from devices.protocols.ocppj.answers import by_status, whole
from devices.protocols.ocppj.calls import Outcome
from devices.protocols.ocppj.profiles import choice

ACTION = "GetChargingProfiles"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: optionally `profile_id`, or `purpose` and `stack_level`. The command's own number is the request's."""
    params, wanted = command.params, {}
    number = whole(params, "profile_id")
    if number is not None:
        wanted["chargingProfileId"] = [number]
    else:
        purpose, level = choice(params, "purpose", PURPOSES), whole(params, "stack_level")
        wanted = {
            name: value
            for name, value in (("chargingProfilePurpose", purpose), ("stackLevel", level))
            if value is not None
        }
    payload: dict[str, Any] = {"requestId": command.pk, "chargingProfile": wanted}
    if command.connector_no:
        payload["evseId"] = command.connector_no
    return payload


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "NoProfiles"))
