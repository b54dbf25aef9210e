"""SetChargingProfile (K01), for whole profiles and for plain power limits."""

from typing import Any

from devices.charging_profiles import DEFAULT, MAX, TRANSACTION
from devices.models import DeviceCommand
from devices.protocols.ocppj import profiles
from devices.protocols.ocppj.answers import by_status as outcome
from devices.services.transaction_events import name_on_the_wire

__all__ = ["ACTION", "PURPOSES", "build", "outcome"]

ACTION = "SetChargingProfile"
PURPOSES = {MAX: "ChargingStationMaxProfile", DEFAULT: "TxDefaultProfile", TRANSACTION: "TxProfile"}


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: see `charging_profiles.profile_of` and `limit_of`."""
    profile = profiles.asked_profile(command)
    said: dict[str, Any] = {
        "id": profile.profile_id,
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": PURPOSES[profile.purpose],
        "chargingProfileKind": profiles.KINDS[profile.kind],
        "chargingSchedule": [{"id": profile.profile_id, **profiles.schedule(profile)}],
        **profiles.times(profile),
    }
    if profile.transaction_ref:
        said["transactionId"] = name_on_the_wire(profile.transaction_ref)
    return {"evseId": command.connector_no, "chargingProfile": said}
