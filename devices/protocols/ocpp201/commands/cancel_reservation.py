"""CancelReservation (H02)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required

__all__ = ["ACTION", "build", "outcome"]

ACTION = "CancelReservation"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `reservation_id`."""
    return {"reservationId": int(required(command.params, "reservation_id"))}
