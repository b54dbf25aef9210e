"""ReserveNow (OCPP 1.6 §5.13); connector 0 is any connector of the station."""

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
    payload = {
        "connectorId": command.connector_no,
        "expiryDate": when(params, "expires_at"),
        "idTag": required(params, "id_tag"),
        "reservationId": int(required(params, "reservation_id")),
    }
    if params.get("parent_tag"):
        payload["parentIdTag"] = str(params["parent_tag"])
    return payload
