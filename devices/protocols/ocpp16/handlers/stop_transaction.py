"""The end of a transaction (OCPP 1.6 §4.10): stored before it is answered, answered whatever it says."""

from typing import Any

from devices.protocols.ocppj import meters, sampling
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, Link, Running, database
from devices.services import stops
from devices.services.stops import ReportedStop, TransactionState


async def handle(link: Link, call: Incoming) -> dict[str, Any]:
    """Store the record. The same stop any number of times gets the same answer.

    The reason defaults to Local (OCPP 1.6 §7.36).
    """
    stop = _read(link, call)
    state = await database(stops.match_stop, pile_id=link.pile.id, stop=stop)
    if state is None:
        link.count("unknown_transaction")
    else:
        call.transaction_ref, call.connector_no = state.ref, state.connector_no
        if not state.ended:
            await _store_data(link, call, state)
    await database(stops.store_stop, pile=link.pile, stop=stop)
    if state is not None:
        link.forget(state.ref)
    return {"idTagInfo": {"status": "Accepted"}} if stop.id_tag else {}


def _read(link: Link, call: Incoming) -> ReportedStop:
    number = read.whole(call.payload, "transactionId")
    meter_end = read.kwh_of_wh(call.payload.get("meterStop"))
    if "transactionId" not in call.payload and "meterStop" not in call.payload:
        raise CallRefused("OccurenceConstraintViolation", "transactionId and meterStop are missing")
    ended_at, finding = read.moment(call.payload.get("timestamp"))
    if finding:
        link.count(finding)
    return ReportedStop(
        number=number,
        ended_at=ended_at,
        meter_end_kwh=meter_end,
        id_tag=read.text(call.payload, "idTag"),
        reason=read.text(call.payload, "reason", 48) or "Local",
        payload=call.payload,
        raw=call.raw,
    )


async def _store_data(link: Link, call: Incoming, state: TransactionState) -> None:
    """Keep what `transactionData` adds; most stations repeat there what their meter values said before."""
    findings: set[str] = set()
    readings = meters.readings_of(call.payload.get("transactionData"), findings)
    for finding in findings:
        link.count(finding)
    await sampling.store(
        link,
        Running.of(state, link.pile.rated_power_kw),
        ref=state.ref,
        connector_no=state.connector_no,
        readings=[reading for reading in readings if reading.at is not None and reading.at > state.at],
        received_at=call.at,
    )
