"""Statuses of plugs and of the whole station (OCPP 2.0.1 part 2, G01)."""

from typing import Any

from devices.protocols.ocpp201 import statuses
from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocpp201.reading import evse_of
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, database
from devices.services import status as status_service
from stations.models import Connector


async def handle(link: Link201, call: Incoming) -> dict[str, Any]:
    """The moment of receipt counts, not the station's timestamp: the state is true now."""
    number = evse_of(call.payload)
    if number is None:
        raise CallRefused("OccurenceConstraintViolation", "evseId is missing")
    call.connector_no = number
    plug = read.connector(call.payload, "connectorId") or 0
    await take(link, call, number, plug, read.text(call.payload, "connectorStatus"))
    return {}


async def take(link: Link201, call: Incoming, number: int, plug: int, word: str) -> None:
    """Apply the state of an EVSE as its plugs give it; `Occupied` while its transaction charges is charging.

    EVSE 0 is the station itself: it has no state of its own, only faults.
    """
    if not statuses.known_status(word):
        link.count("unknown_status")
        return
    if number == 0:
        await _station(link, call, "Faulted" if word == "Faulted" else "")
        return
    link.status_seen = True
    link.plugs[number, plug] = word
    if not await show_plugs(link, call, number):
        link.count("unknown_connector")


async def show_plugs(link: Link201, call: Incoming, number: int, transaction_ref: str = "") -> bool:
    """Apply what the plugs of an EVSE say; False for an EVSE that the pile does not have."""
    words = [word for (evse, _connector), word in link.plugs.items() if evse == number]
    found = statuses.state_of_plugs(words)
    if found is None:
        return True
    state, plugged = found
    if state == Connector.State.OCCUPIED and statuses.is_charging(link.charging_states.get(number, "")):
        state = Connector.State.CHARGING
    known = await database(
        status_service.apply_status,
        pile=link.pile,
        connector_no=number,
        state=state,
        at=call.at,
        plugged=plugged,
        fault_code="Faulted" if state == Connector.State.FAULT else "",
        transaction_ref=transaction_ref,
    )
    if known:
        link.connectors[number] = state
    return known


async def _station(link: Link201, call: Incoming, fault: str) -> None:
    if fault == link.fault:
        return
    await database(status_service.pile_fault, pile=link.pile, at=call.at, fault_code=fault)
    link.fault = fault
