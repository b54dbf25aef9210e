"""RequestStartTransaction (F01, F02). Accepted means that the station will try, not that energy flows."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required

__all__ = ["ACTION", "build", "outcome"]

ACTION = "RequestStartTransaction"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `id_tag`, the identity that the station will name; the command's own number is `remoteStartId`."""
    return {
        "evseId": command.connector_no,
        "idToken": {"idToken": required(command.params, "id_tag"), "type": "Central"},
        "remoteStartId": command.pk,
    }
