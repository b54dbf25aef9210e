"""RemoteStartTransaction (OCPP 1.6 §5.11). Accepted means that the station will try, not that energy flows."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required

__all__ = ["ACTION", "build", "outcome"]

ACTION = "RemoteStartTransaction"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `id_tag`, the identity that the station will name in StartTransaction."""
    return {"connectorId": command.connector_no, "idTag": required(command.params, "id_tag")}
