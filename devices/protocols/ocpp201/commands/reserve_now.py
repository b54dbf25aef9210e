"""ReserveNow (H01); connector 0 is any EVSE of the station."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required, when

__all__ = ["ACTION", "build", "outcome"]

ACTION = "ReserveNow"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `reservation_id`, `id_tag`, `expires_at`, and optionally `parent_tag`."""
    params = command.params
    required(params, "expires_at")
    payload: dict[str, Any] = {
        "id": int(required(params, "reservation_id")),
        "expiryDateTime": when(params, "expires_at"),
        "idToken": {"idToken": required(params, "id_tag"), "type": "ISO14443"},
    }
    if command.connector_no:
        payload["evseId"] = command.connector_no
    if params.get("parent_tag"):
        payload["groupIdToken"] = {"idToken": str(params["parent_tag"]), "type": "Central"}
    return payload
