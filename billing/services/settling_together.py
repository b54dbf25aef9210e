"""Records that arrive in a burst, settled in one transaction with few statements.

A gateway that comes back after a link loss gets hundreds of records at once. What is plain about them (a running
order of a driver, a price without discounts, a record that nothing is said against) is settled here; everything
else goes the way of `settlement.take_record`, one by one in the same transaction. The rules are the same functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import Error, transaction

from billing.locks import lock_orders_of
from billing.models import ChargingOrder, OrderEvent
from billing.pricing import Bill, Finding, needs_review
from billing.services import captures, fees
from billing.services.evidence import from_record
from billing.services.order_states import ORDER_STATES, STEP_FIELDS, step, tell
from billing.services.settlement import (
    BILL_FIELDS,
    RECORD_FIELDS,
    settled_data,
    take_facts,
    take_record,
    take_times,
    write_bill,
)
from devices.models import TransactionRecord
from kernel.actor import Actor
from kernel.runtime.rows import append_rows, update_rows

S = ChargingOrder.State
FIELDS = (*STEP_FIELDS, *RECORD_FIELDS, "started_at", *BILL_FIELDS)


@dataclass(frozen=True, slots=True)
class Plain:
    """A locked order whose bill is known and asks for no person; nothing of it is written yet."""

    order: ChargingOrder
    actor: Actor
    bill: Bill
    evidence: dict[str, Any]
    findings: list[Finding]


def take_records(reports: Sequence[tuple[Actor, TransactionRecord]]) -> None:
    """Take records that were stored for the first time, in the caller's transaction; their piles are locked.

    Raises only when the database itself fails or contradicts; the caller then takes each record by itself.
    """
    with transaction.atomic(savepoint=False):
        reported = {
            (record.pile_id, record.transaction_ref): (actor, record)
            for actor, record in reports
            if record.transaction_ref.strip("0")
        }
        plain = []
        for order in lock_orders_of(reported):
            actor, record = reported[order.pile_id, order.transaction_ref]
            found = _plain(order, record, actor)
            if found is not None:
                plain.append(found)
        settled = _settle(plain)
        for actor, record in reports:
            if record.pk not in settled:
                take_record(actor=actor, record=record)


def _plain(order: ChargingOrder, record: TransactionRecord, actor: Actor) -> Plain | None:
    """The order's bill by its record; None when there is more to decide than its sum."""
    if (
        not ORDER_STATES.allows(order.state, "settled")
        or order.state == S.REVIEW
        or order.record_id is not None
        or order.driver_id is None
        or order.payer_kind != ChargingOrder.PayerKind.WALLET
        or order.cover
        or order.is_free
        or order.review_reasons
        or order.tariff_snapshot.get("discounts")
        or not record.energy_kwh
    ):
        return None
    take_facts(order, record)
    try:
        evidence, findings, bill = from_record(order, record)
        if bill is None or needs_review(findings):
            return None
        take_times(order, record)
    except Error:
        raise  # the database
    except Exception:
        return None  # by itself the fault is logged and the order put before a person
    return Plain(order, actor, bill, evidence, findings)


def _settle(plain: Sequence[Plain]) -> set[int]:
    """Book and write what is plain; returns the ids of the records that are done."""
    for one in plain:
        write_bill(one.order, one.bill, one.evidence, one.findings)
    captured = captures.capture_all([(one.order, one.actor) for one in plain])
    done = [one for one in plain if one.order.pk in captured]
    if not done:
        return set()
    lines = [step(one.order, "settled", one.actor, settled_data(one.bill, one.evidence)) for one in done]
    orders = [one.order for one in done]
    update_rows(orders, FIELDS)
    append_rows(OrderEvent, lines)
    for one in done:
        fees.begin_occupancy(one.order, one.actor)
    tell(orders)
    return {order.record_id for order in orders}
