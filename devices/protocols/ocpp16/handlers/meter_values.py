"""Meter values (OCPP 1.6 §4.7): the answer leaves when they are committed."""

from typing import Any

from devices.protocols.ocppj import meters, sampling
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, Link
from devices.services.stops import unknown_ref


async def handle(link: Link, call: Incoming) -> dict[str, Any]:
    """Store the readings under the transaction they name, or under none.

    0, −1 or no number is the open transaction on the connector.
    """
    connector_no = read.connector(call.payload)
    number = read.whole(call.payload, "transactionId")
    entries = call.payload.get("meterValue")
    if not isinstance(entries, list) or (connector_no is None and number is None):
        raise CallRefused("OccurenceConstraintViolation", "connectorId and meterValue are required")
    findings: set[str] = set()
    readings = meters.readings_of(entries, findings)
    for finding in findings:
        link.count(finding)
    named = str(number) if number is not None and number > 0 else None
    running = await link.running(named, connector_no, call.at)
    if running is not None:
        ref = running.ref
        if connector_no not in (None, running.connector_no):
            link.count("connector_differs")
        connector_no = running.connector_no
    else:
        ref = "" if number is None or number <= 0 else unknown_ref(number)
    call.connector_no, call.transaction_ref = connector_no, ref
    await sampling.store(
        link,
        running,
        ref=ref,
        connector_no=connector_no or 0,
        readings=readings,
        received_at=call.at,
    )
    return {}
