"""The start of a transaction (OCPP 1.6 §4.8): always stored, always answered with a number."""

from decimal import Decimal
from typing import Any

from devices.protocols.ocpp16.handlers.access import AUTHORIZATION_STATUS
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, Link, Running, database
from devices.protocols.ocppj.registers import RegisterRun
from devices.services import transactions


async def handle(link: Link, call: Incoming) -> dict[str, Any]:
    """Number the transaction. The tag decides only what `idTagInfo` says: what flows must be on record."""
    connector_no = read.connector(call.payload)
    meter_start = read.kwh_of_wh(call.payload.get("meterStart"))
    started_at, finding = read.moment(call.payload.get("timestamp"))
    if "meterStart" not in call.payload and "timestamp" not in call.payload:
        raise CallRefused("OccurenceConstraintViolation", "meterStart and timestamp are missing")
    if finding:
        link.count(finding)
    if meter_start is None:
        # Stored from 0: the end will look implausible and wait for a person, which is what it is.
        link.count("meter_start_unreadable")
        meter_start = Decimal("0.0000")
    if connector_no is None:
        link.count("connector_unreadable")
        connector_no = 0
    call.connector_no = connector_no
    started = await database(
        transactions.start_transaction,
        pile=link.pile,
        connector_no=connector_no,
        id_tag=read.text(call.payload, "idTag"),
        started_at=started_at,
        meter_start_kwh=meter_start,
        at=call.at,
        reservation_id=read.whole(call.payload, "reservationId"),
    )
    call.transaction_ref = str(started.number)
    if started.repeated:
        link.resumed(call.transaction_ref, connector_no)
    else:
        run = RegisterRun(link.pile.rated_power_kw, Decimal(0), meter_start, started_at or call.at)
        link.began(Running(call.transaction_ref, connector_no, False, run))
    return {
        "transactionId": started.number,
        "idTagInfo": {"status": AUTHORIZATION_STATUS[started.authorization]},
    }
