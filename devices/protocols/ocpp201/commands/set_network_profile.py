"""SetNetworkProfile (B09): where and how the station connects."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required, whole

__all__ = ["ACTION", "build", "outcome"]

ACTION = "SetNetworkProfile"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `slot`, `url` (ws:// or wss://); optionally `interface`, `security_profile`, `message_timeout_s`."""
    params = command.params
    url = required(params, "url")
    if not url.startswith(("ws://", "wss://")):
        raise ValueError("url is no ws:// or wss:// address")
    level = whole(params, "security_profile")
    return {
        "configurationSlot": int(required(params, "slot")),
        "connectionData": {
            "ocppVersion": "OCPP20",
            "ocppTransport": "JSON",
            "ocppCsmsUrl": url,
            "messageTimeout": whole(params, "message_timeout_s") or 30,
            "securityProfile": 1 if level is None else level,
            "ocppInterface": str(params.get("interface") or "Wired0"),
        },
    }
