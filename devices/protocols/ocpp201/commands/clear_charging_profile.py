"""ClearChargingProfile (K10). `Unknown`: nothing fits, which leaves the station as it was wanted."""

from typing import Any

from devices.charging_profiles import limit_id
from devices.models import DeviceCommand
from devices.protocols.ocpp201.commands.set_charging_profile import PURPOSES
from devices.protocols.ocppj.answers import by_status, whole
from devices.protocols.ocppj.calls import Outcome
from devices.protocols.ocppj.profiles import choice

ACTION = "ClearChargingProfile"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `profile_id`, or any of `purpose` and `stack_level`; none of them clears all.

    A power limit that is lifted is the profile with the limit's own number.
    """
    params = command.params
    if command.kind == DeviceCommand.Kind.SET_POWER_LIMIT:
        return {"chargingProfileId": limit_id(command.connector_no)}
    number = whole(params, "profile_id")
    if number is not None:
        return {"chargingProfileId": number}
    criteria: dict[str, Any] = {}
    if command.connector_no:
        criteria["evseId"] = command.connector_no
    purpose = choice(params, "purpose", PURPOSES)
    if purpose is not None:
        criteria["chargingProfilePurpose"] = purpose
    level = whole(params, "stack_level")
    if level is not None:
        criteria["stackLevel"] = level
    return {"chargingProfileCriteria": criteria} if criteria else {}


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "Unknown"))
