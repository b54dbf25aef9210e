"""Transactions from start to end (OCPP 2.0.1 part 2, E01 to E15): answered when everything in them is committed."""

from typing import Any

from devices.protocols.ocpp201 import statuses
from devices.protocols.ocpp201.handlers.access import AUTHORIZATION_STATUS
from devices.protocols.ocpp201.handlers.status_notification import show_plugs
from devices.protocols.ocpp201.link import Link201, Noted
from devices.protocols.ocpp201.reading import evse_of, id_token_of, part
from devices.protocols.ocppj import meters, sampling
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, Running, database
from devices.protocols.ocppj.meters import Reading
from devices.services import status as status_service
from devices.services import transaction_events
from devices.services.transaction_events import MOST_ID_LENGTH, ReportedEvent
from stations.models import Connector

_KINDS = ("Started", "Updated", "Ended")


async def handle(link: Link201, call: Incoming) -> dict[str, Any]:
    """Store an event. The same event any number of times gets the same answer.

    The sequence number decides nothing: stations are known that send 0 every time.
    """
    info = part(call.payload, "transactionInfo")
    transaction_id = read.text(info, "transactionId", MOST_ID_LENGTH)
    if not transaction_id:
        return await _unnamed(link, call)
    findings: set[str] = set()
    readings = meters.readings_of(call.payload.get("meterValue"), findings)
    event = _read(link, call, transaction_id, readings, findings)
    for finding in findings:
        link.count(finding)
    known = link.nothing_new(event)
    if known is None:
        stored = await database(
            transaction_events.note_event, pile=link.pile, event=event, received_at=call.at
        )
        known = link.note(event, stored)
        if event.ended:
            # A resent end says again what was stored before it.
            readings = [
                reading
                for reading in readings
                if not stored.state.ended and reading.at is not None and _is_news(reading, stored)
            ]
    running, noted = known
    call.connector_no, call.transaction_ref = running.connector_no, running.ref
    await sampling.store(
        link,
        running,
        ref=running.ref,
        connector_no=running.connector_no,
        readings=readings,
        received_at=call.at,
    )
    if event.ended:
        await database(transaction_events.store_end, pile=link.pile, event=event)
        link.ended(event, running)
    if call.payload.get("offline") is not True:
        await _show_state(link, call, event, running, noted)
    return _answer(event, noted)


def _is_news(reading: Reading, stored: transaction_events.NotedEvent) -> bool:
    return reading.at > stored.state.at


def _read(
    link: Link201, call: Incoming, transaction_id: str, readings: list[Reading], findings: set[str]
) -> ReportedEvent:
    payload, info = call.payload, part(call.payload, "transactionInfo")
    kind = read.text(payload, "eventType")
    if kind not in _KINDS:
        findings.add("unknown_event_type")
        kind = "Updated"
    at, finding = read.moment(payload.get("timestamp"))
    if finding:
        findings.add(finding)
    registers = [
        (reading.at or at or call.at, reading.register_kwh)
        for reading in readings
        if reading.register_kwh is not None
    ]
    registers.sort(key=lambda pair: pair[0])
    entries = payload.get("meterValue")
    end_kwh = meters.register_at(entries, meters.END)
    if end_kwh is None and registers:
        end_kwh = registers[-1][1]
    connector_no = _connector_no(link, payload, kind, findings)
    if kind == "Ended" and end_kwh is None:
        findings.add("meter_end_missing")
    return ReportedEvent(
        transaction_id=transaction_id,
        kind=kind,
        seq_no=read.whole(payload, "seqNo"),
        at=at,
        connector_no=connector_no,
        id_tag=id_token_of(payload),
        remote_start_id=read.whole(info, "remoteStartId"),
        reservation_id=read.whole(payload, "reservationId"),
        begin_kwh=meters.register_at(entries, meters.BEGIN),
        register_kwh=registers[0][1] if registers else None,
        end_kwh=end_kwh,
        charging=statuses.is_charging(word) if (word := read.text(info, "chargingState")) else None,
        # OCPP 2.0.1 part 2, TransactionType: the reason may be left out only when it is Local.
        stop_reason=(read.text(info, "stoppedReason", 48) or "Local") if kind == "Ended" else "",
        payload=payload,
        raw=call.raw,
    )


def _connector_no(link: Link201, payload: dict[str, Any], kind: str, findings: set[str]) -> int:
    """The EVSE; one that is not named can only be meant by a station with a single one."""
    number = evse_of(payload)
    if number:
        return number
    if len(link.connectors) == 1:
        return next(iter(link.connectors))
    if kind == "Started":
        findings.add("evse_missing")
    return 0


async def _unnamed(link: Link201, call: Incoming) -> dict[str, Any]:
    """An event without a name belongs to no transaction; an end is kept for a person all the same."""
    if read.text(call.payload, "eventType") != "Ended":
        raise CallRefused("OccurenceConstraintViolation", "transactionInfo.transactionId is missing")
    link.count("unknown_transaction")
    at, _finding = read.moment(call.payload.get("timestamp"))
    await database(
        transaction_events.store_unnamed_end,
        pile=link.pile,
        payload=call.payload,
        raw=call.raw,
        ended_at=at,
    )
    return {}


def _answer(event: ReportedEvent, noted: Noted) -> dict[str, Any]:
    """Whether the identity in the event may charge; whoever ends a transaction may."""
    if event.id_tag is None:
        return {}
    if event.ended:
        return {"idTokenInfo": {"status": "Accepted"}}
    own = event.id_tag == noted.id_tag and noted.authorization
    return {"idTokenInfo": {"status": AUTHORIZATION_STATUS[noted.authorization] if own else "Invalid"}}


async def _show_state(
    link: Link201, call: Incoming, event: ReportedEvent, running: Running, noted: Noted
) -> None:
    """The connector's state by what its transaction does now; a transaction that ended before shows nothing."""
    number = running.connector_no
    if number not in link.connectors:
        return
    if event.ended:
        if link.charging_states.pop(number, None) is None and running.ended:
            return
        if any(evse == number for evse, _connector in link.plugs):
            await show_plugs(link, call, number, running.ref)
        elif link.connectors[number] == Connector.State.CHARGING:
            await _apply(link, call, number, Connector.State.OCCUPIED, running.ref)
        return
    if running.ended:
        return
    word = read.text(part(call.payload, "transactionInfo"), "chargingState")
    if not word:
        assumed = "Charging" if noted.authorization == transaction_events.ACCEPTED else ""
        word = link.charging_states.get(number, assumed)
    link.charging_states[number] = word
    if statuses.is_charging(word):
        await _apply(link, call, number, Connector.State.CHARGING, running.ref)
    elif word == "EVConnected":
        await _apply(link, call, number, Connector.State.OCCUPIED, running.ref)


async def _apply(link: Link201, call: Incoming, number: int, state: str, ref: str) -> None:
    if link.connectors[number] == state:
        return
    await database(
        status_service.apply_status,
        pile=link.pile,
        connector_no=number,
        state=state,
        at=call.at,
        plugged=True,
        transaction_ref=ref,
    )
    link.connectors[number] = state
