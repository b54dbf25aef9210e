"""GetDiagnostics (OCPP 1.6 §5.9): the answer names the file, or nothing when there is none."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import required, tries, when
from devices.protocols.ocppj.answers import without_status as outcome

__all__ = ["ACTION", "build", "outcome"]

ACTION = "GetDiagnostics"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `url` to upload to, and optionally `oldest`, `latest`, `retries`, `retry_interval_s`."""
    params = command.params
    payload = {"location": required(params, "url"), **tries(params)}
    for name, field in (("oldest", "startTime"), ("latest", "stopTime")):
        at = when(params, name)
        if at is not None:
            payload[field] = at
    return payload
