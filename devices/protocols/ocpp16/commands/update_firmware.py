"""UpdateFirmware (OCPP 1.6 §5.19): there is no refusal, only the progress that follows."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.answers import required, tries, when
from devices.protocols.ocppj.answers import without_status as outcome
from kernel import clock

__all__ = ["ACTION", "build", "outcome"]

ACTION = "UpdateFirmware"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `url`, and optionally `retrieve_at` (now when absent), `retries`, `retry_interval_s`."""
    params = command.params
    return {
        "location": required(params, "url"),
        "retrieveDate": when(params, "retrieve_at") or read.shown(clock.now()),
        **tries(params),
    }
