"""What happens to a transaction record: settled once, or kept for a person; never refused, never booked twice.

The record is already stored and its pile's row locked when this runs, in the same transaction; the pile is told
only after the commit. A record that comes alone is a burst of one.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from billing import payers
from billing.locks import lock_orders, lock_orders_of
from billing.models import ChargingOrder, ReviewItem
from billing.pricing import Finding, PricingError, needs_review
from billing.services import discounts, ledger, offline_orders
from billing.services.evidence import bill_of, from_record
from billing.services.order_states import ORDER_STATES, move, note
from billing.services.settling import RECORD_FIELDS, Settlement, settle_all, take_facts
from devices.models import TransactionRecord
from kernel import clock
from kernel.actor import Actor

logger = logging.getLogger(__name__)
S = ChargingOrder.State
WAITS_FOR_RECORD = "no_record"


@dataclass(frozen=True, slots=True)
class Report:
    """A stored record, for the first time or again; `conflicting` when it came again with other content."""

    actor: Actor
    record: TransactionRecord
    conflicting: bool = False


def take_records(reports: Sequence[Report]) -> None:
    """Settle the orders of records, or put what does not fit into the review list, in the caller's transaction.

    A session that began without the platform, in a way the mode matrix allows there, gets its order now. A repeat
    changes nothing; a repeat with other content is put before a person and changes nothing else. When something is
    wrong with one of several, each is taken by itself. Raises only when the database itself fails: the piles get
    no answer then and send their records again.
    """
    with transaction.atomic(savepoint=False):
        try:
            with transaction.atomic():
                _take(reports)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            if len(reports) == 1:
                logger.exception("record %s could not be handled", reports[0].record.pk)
                _keep(reports[0])
                return
            logger.warning("%d records could not be handled together", len(reports), exc_info=True)
            for report in reports:
                take_records([report])


def _take(reports: Sequence[Report]) -> None:
    orders = _orders_of(reports)
    found = []
    for report in reports:
        order = orders.get(report.record.pk)
        if order is None or report.conflicting:
            _ask_about(report, order)
        elif order.record_id is not None:
            continue  # it has its record
        elif order.state == S.SETTLED:
            _attach_after_settlement(order, report.record, report.actor)
        elif (settlement := _decide(order, report.record, report.actor)) is not None:
            found.append(settlement)
    settle_all(found)


def _orders_of(reports: Sequence[Report]) -> dict[int, ChargingOrder]:
    """{record id: its locked order}: that of this pile and number; a number of another pile is nobody's here."""
    named = {
        (report.record.pile_id, report.record.transaction_ref)
        for report in reports
        if report.record.transaction_ref.strip("0")
    }
    by_name = {(one.pile_id, one.transaction_ref): one for one in lock_orders_of(named)} if named else {}
    orders: dict[int, ChargingOrder] = {}
    opened: dict[int, int] = {}
    for report in reports:
        record = report.record
        order = by_name.get((record.pile_id, record.transaction_ref))
        if order is not None:
            orders[record.pk] = order
        elif not report.conflicting:
            order_id = offline_orders.open_from_record(actor=report.actor, record=record)
            if order_id is not None:
                opened[record.pk] = order_id
    if opened:
        new = {order.pk: order for order in lock_orders(opened.values())}
        orders |= {record_id: new[order_id] for record_id, order_id in opened.items()}
    return orders


def _ask_about(report: Report, order: ChargingOrder | None) -> None:
    """Put a record before a person that has no order, or that came again with other content."""
    record = report.record
    if report.conflicting:
        open_review(
            kind=ReviewItem.Kind.CONFLICTING_RECORD,
            key=f"conflict:{record.pk}:{len(record.conflicts)}",
            record=record,
            order_id=None if order is None else order.pk,
            reasons=[Finding("conflicting_record").to_json()],
        )
    if order is None:
        open_review(
            kind=ReviewItem.Kind.ORPHAN_RECORD,
            key=f"orphan:{record.pk}",
            record=record,
            reasons=[Finding("orphan_record").to_json()],
        )


def _keep(report: Report) -> None:
    """A fault of ours must not lose a record: it waits for a person, with its order if that is known."""
    record = report.record
    failed = Finding("processing_failed")
    orders = lock_orders_of({(record.pile_id, record.transaction_ref)})
    if not orders or not record.transaction_ref.strip("0"):
        open_review(
            kind=ReviewItem.Kind.ORPHAN_RECORD,
            key=f"orphan:{record.pk}",
            record=record,
            reasons=[failed.to_json()],
        )
        return
    order = orders[0]
    if order.record_id is None and order.state != S.SETTLED:
        _attach(order, record)
        to_review(order, [failed], report.actor)


def to_review(
    order: ChargingOrder,
    findings: Iterable[Finding],
    actor: Actor,
    *,
    event: str = "record_doubtful",
    update_fields: Iterable[str] = (),
) -> None:
    """Let a locked order wait for a person; its hold stays until they decide."""
    reasons = [finding.to_json() for finding in findings]
    order.review_reasons = reasons
    order.power_kw = None
    order.ended_at = order.ended_at or clock.now()
    codes = [reason["code"] for reason in reasons]
    move(
        order,
        event,
        actor,
        {"reasons": codes},
        update_fields={"review_reasons", "power_kw", "ended_at", *update_fields},
    )
    waiting = ReviewItem.objects.unscoped("of this order").filter(
        order=order, kind=ReviewItem.Kind.ORDER, state=ReviewItem.State.OPEN
    )
    if not waiting.update(reasons=reasons, record=order.record):
        open_review(
            kind=ReviewItem.Kind.ORDER,
            key=f"order:{order.order_no}:{order.version}",
            order=order,
            record=order.record,
            reasons=reasons,
        )


def link_record(order: ChargingOrder, record: TransactionRecord, actor: Actor) -> None:
    """Take a record that names no order as that of a locked order which waits for one, and decide by it.

    What the record says of price, time and energy is judged as always; a doubt leaves the order to a person.
    """
    settlement = _decide(order, record, actor)
    if settlement is not None:
        settle_all([settlement])


def open_review(
    *,
    kind: str,
    key: str,
    reasons: list[dict[str, Any]],
    order: ChargingOrder | None = None,
    order_id: int | None = None,
    record: TransactionRecord | None = None,
) -> ReviewItem:
    """Put a question into the review list once per `key`; the place comes from the order or the record."""
    place = order or record
    item, created = ReviewItem.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "operator_id": place.operator_id,
            "station_id": place.station_id,
            "pile_id": place.pile_id,
            "order_id": order.pk if order is not None else order_id,
            "record": record,
            "reasons": reasons,
            "opened_at": clock.now(),
        },
    )
    if created:
        logger.info("review item %s opened: %s", key, [reason["code"] for reason in reasons])
    return item


def close_order(
    order: ChargingOrder, event: str, actor: Actor, data: Mapping[str, Any] | None = None
) -> None:
    """End a locked order that never charged: its hold goes back, nothing is billed."""
    ledger.release_hold(order=order)
    discounts.give_back(order)
    order.ended_at, order.stop_due_at = clock.now(), None
    move(order, event, actor, data, update_fields={"ended_at", "stop_due_at", "record"})


def _attach(order: ChargingOrder, record: TransactionRecord) -> None:
    take_facts(order, record)
    order.save(update_fields=RECORD_FIELDS)


def _decide(order: ChargingOrder, record: TransactionRecord, actor: Actor) -> Settlement | None:
    """Give a locked order its record and end it, but for the settlement that is due: that is the caller's."""
    take_facts(order, record)
    nothing = record.energy_kwh is not None and record.energy_kwh == 0
    if order.state == S.CLOSED:
        order.save(update_fields=RECORD_FIELDS)
        if nothing:
            note(order, "record_attached", actor, {"record": record.pk, "energy_kwh": "0"})
        else:
            to_review(order, [Finding("record_after_close")], actor)
        return None
    if nothing and order.started_at is None and ORDER_STATES.allows(order.state, "nothing_delivered"):
        order.save(update_fields=RECORD_FIELDS)
        close_order(order, "nothing_delivered", actor, {"stop_reason": record.stop_reason})
        return None
    evidence, findings, bill = from_record(order, record)
    if order.state == S.REVIEW and {reason["code"] for reason in order.review_reasons} != {WAITS_FOR_RECORD}:
        # A person already looks at something else; the record is more for them to see.
        kept = [Finding.from_json(reason) for reason in order.review_reasons]
        to_review(order, [*kept, *findings], actor, update_fields=RECORD_FIELDS)
        return None
    if order.state == S.FINISHING:  # what stands against an order that its record opened
        findings = [*findings, *(Finding.from_json(reason) for reason in order.review_reasons)]
    if payers.of_order(order) is None and not order.is_free:
        findings = [*findings, Finding("no_payer")]
    order.started_at = record.started_at or order.started_at
    order.ended_at = record.ended_at or order.ended_at
    if bill is None or needs_review(findings):
        to_review(order, findings, actor, update_fields=(*RECORD_FIELDS, "started_at", "ended_at"))
        return None
    return Settlement(order, actor, bill, evidence, findings)


def _attach_after_settlement(order: ChargingOrder, record: TransactionRecord, actor: Actor) -> None:
    """The record of an order that a person settled without it: kept, and shown when it says something else."""
    _attach(order, record)
    note(order, "record_attached", actor, {"record": record.pk, "energy_kwh": str(record.energy_kwh)})
    try:
        evidence, _findings, bill = from_record(order, record)
        same = (bill or bill_of(order, evidence)).total_fen == order.total_fen
    except (PricingError, ArithmeticError, KeyError):
        same = False
    if not same:
        open_review(
            kind=ReviewItem.Kind.ORDER,
            key=f"after:{order.order_no}",
            order=order,
            record=record,
            reasons=[
                Finding(
                    "record_after_settlement",
                    params={"energy_kwh": str(record.energy_kwh or Decimal(0))},
                ).to_json()
            ],
        )
