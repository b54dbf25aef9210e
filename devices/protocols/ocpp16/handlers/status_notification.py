"""States and faults of connectors and of the whole station (OCPP 1.6 §4.9)."""

from typing import Any

from devices.protocols.ocpp16 import statuses
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, Link, database
from devices.services import status as status_service
from stations.models import Connector


async def handle(link: Link, call: Incoming) -> dict[str, Any]:
    """Apply a state. Connector 0 is the station itself: it has no state of its own, only faults.

    The moment of receipt counts, not the station's timestamp: the state is true now.
    """
    number = read.connector(call.payload)
    if number is None:
        raise CallRefused("OccurenceConstraintViolation", "connectorId is missing")
    call.connector_no = number
    found = statuses.state_of(read.text(call.payload, "status"))
    if found is None:
        link.count("unknown_status")
        return {}
    state, plugged = found
    error_code = read.text(call.payload, "errorCode")
    fault_code = statuses.fault_code_of(error_code, read.text(call.payload, "vendorErrorCode"))
    fault_words = statuses.fault_words_of(error_code)
    if number == 0:
        await _station(link, call, state, fault_code, fault_words)
        return {}
    link.status_seen = True
    known = await database(
        status_service.apply_status,
        pile=link.pile,
        connector_no=number,
        state=state,
        at=call.at,
        plugged=plugged,
        fault_code=fault_code,
        fault_words=fault_words,
    )
    if known:
        link.connectors[number] = state
    else:
        link.count("unknown_connector")
    return {}


async def _station(link: Link, call: Incoming, state: str, fault_code: str, fault_words: str) -> None:
    fault = (fault_code or "Faulted") if state == Connector.State.FAULT else ""
    if fault == link.fault:
        return
    await database(
        status_service.pile_fault, pile=link.pile, at=call.at, fault_code=fault, fault_words=fault_words
    )
    link.fault = fault
