"""Reservations that end by themselves (OCPP 2.0.1 part 2, H04)."""

from typing import Any

from devices.models import Reservation
from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, database
from devices.services import reservations

_STATES = {"Expired": Reservation.State.EXPIRED, "Removed": Reservation.State.REMOVED}


async def handle(link: Link201, call: Incoming) -> dict[str, Any]:
    """ReservationStatusUpdate; one that ended here before is no matter."""
    number = read.whole(call.payload, "reservationId")
    if number is None:
        raise CallRefused("OccurenceConstraintViolation", "reservationId is missing")
    state = _STATES.get(read.text(call.payload, "reservationUpdateStatus"))
    if state is None:
        link.count("unknown_status")
        return {}
    known = await database(
        reservations.ended_by_pile, pile=link.pile, reservation_id=number, state=state, at=call.at
    )
    if not known:
        link.count("unknown_reservation")
    return {}
