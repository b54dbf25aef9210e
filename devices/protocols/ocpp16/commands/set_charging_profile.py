"""SetChargingProfile (OCPP 1.6 §5.16), for whole profiles and for plain power limits."""

from typing import Any

from devices.charging_profiles import DEFAULT, MAX, TRANSACTION
from devices.models import DeviceCommand
from devices.protocols.ocppj import profiles
from devices.protocols.ocppj.answers import by_status as outcome

__all__ = ["ACTION", "PURPOSES", "build", "outcome"]

ACTION = "SetChargingProfile"
PURPOSES = {MAX: "ChargePointMaxProfile", DEFAULT: "TxDefaultProfile", TRANSACTION: "TxProfile"}


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: see `charging_profiles.profile_of` and `limit_of`."""
    profile = profiles.asked_profile(command)
    said: dict[str, Any] = {
        "chargingProfileId": profile.profile_id,
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": PURPOSES[profile.purpose],
        "chargingProfileKind": profiles.KINDS[profile.kind],
        "chargingSchedule": profiles.schedule(profile),
        **profiles.times(profile),
    }
    if profile.transaction_ref:
        if not profile.transaction_ref.isdecimal():
            raise ValueError("the transaction has no number yet")
        said["transactionId"] = int(profile.transaction_ref)
    return {"connectorId": command.connector_no, "csChargingProfiles": said}
