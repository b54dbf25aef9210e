"""Meter values outside TransactionEvent (OCPP 2.0.1 part 2, J01): the answer leaves when they are committed."""

from typing import Any

from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocpp201.reading import evse_of
from devices.protocols.ocppj import meters, sampling
from devices.protocols.ocppj.link import CallRefused, Incoming


async def handle(link: Link201, call: Incoming) -> dict[str, Any]:
    """Store the readings under the open transaction of the EVSE, or under none. EVSE 0 is the main meter."""
    connector_no, entries = evse_of(call.payload), call.payload.get("meterValue")
    if not isinstance(entries, list) or connector_no is None:
        raise CallRefused("OccurenceConstraintViolation", "evseId and meterValue are required")
    findings: set[str] = set()
    readings = meters.readings_of(entries, findings)
    for finding in findings:
        link.count(finding)
    running = await link.running(None, connector_no, call.at) if connector_no else None
    ref = "" if running is None else running.ref
    call.connector_no, call.transaction_ref = connector_no, ref
    await sampling.store(
        link, running, ref=ref, connector_no=connector_no, readings=readings, received_at=call.at
    )
    return {}
