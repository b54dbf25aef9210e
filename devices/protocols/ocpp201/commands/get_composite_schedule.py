"""GetCompositeSchedule (K08): what all profiles together allow."""

from typing import Any

from devices.charging_profiles import UNITS
from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import whole

__all__ = ["ACTION", "build", "outcome"]

ACTION = "GetCompositeSchedule"
A_DAY_S = 86_400


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `duration_s`, a day when absent, and optionally `unit`."""
    payload: dict[str, Any] = {
        "evseId": command.connector_no,
        "duration": whole(command.params, "duration_s") or A_DAY_S,
    }
    unit = command.params.get("unit")
    if unit:
        if unit not in UNITS:
            raise ValueError(f"unit is not one of {', '.join(UNITS)}")
        payload["chargingRateUnit"] = unit
    return payload
