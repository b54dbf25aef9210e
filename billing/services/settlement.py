"""What happens to a transaction record: settled once, or kept for a person; never refused, never booked twice.

The record is already stored and its pile's row locked when this runs, in the same transaction; the pile is told
only after the commit.
"""

import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from billing import payers
from billing.locks import lock_order
from billing.models import ChargingOrder, ReviewItem
from billing.pricing import Bill, Finding, PricingError, needs_review
from billing.services import discounts, fees, ledger, offline_orders
from billing.services.evidence import bill_of, from_record
from billing.services.order_states import ORDER_STATES, move, note
from devices.models import TransactionRecord
from kernel import clock
from kernel.actor import Actor

logger = logging.getLogger(__name__)
S = ChargingOrder.State
WAITS_FOR_RECORD = "no_record"
RECORD_FIELDS = ("record", "device_energy_kwh", "device_amount", "stop_reason")
BILL_FIELDS = (
    "bill",
    "evidence",
    "energy_kwh",
    "total_fen",
    "electricity_fen",
    "service_fen",
    "covered_fen",
    "fees_fen",
    "discount_fen",
    "power_kw",
    "stop_due_at",
    "settled_at",
    "ended_at",
    "review_reasons",
)


def take_record(
    *, actor: Actor, record: TransactionRecord, repeated: bool = False, conflicting: bool = False
) -> ChargingOrder | None:
    """Settle the order of a record, or put what does not fit into the review list.

    Returns the order, or None for a record without one; a session that began without the platform, in a way
    the mode matrix allows there, gets its order now. A repeat changes nothing; a repeat with other content
    is put before a person and changes nothing else. Raises only when the database itself fails.
    """
    order_id = _order_id_of(record)
    if order_id is None and not conflicting:
        order_id = offline_orders.open_from_record(actor=actor, record=record)
    if conflicting:
        open_review(
            kind=ReviewItem.Kind.CONFLICTING_RECORD,
            key=f"conflict:{record.pk}:{len(record.conflicts)}",
            record=record,
            order_id=order_id,
            reasons=[Finding("conflicting_record").to_json()],
        )
    if order_id is None:
        open_review(
            kind=ReviewItem.Kind.ORPHAN_RECORD,
            key=f"orphan:{record.pk}",
            record=record,
            reasons=[Finding("orphan_record").to_json()],
        )
        return None
    with transaction.atomic(savepoint=False):
        order = lock_order(order_id)
        if conflicting or order.record_id is not None:
            return order
        if order.state == S.SETTLED:
            _attach_after_settlement(order, record, actor)
            return order
        _attach(order, record)
        try:
            with transaction.atomic():
                _decide(order, record, actor)
        except (OperationalError, InterfaceError):
            raise  # the database, not the record: the pile gets no answer and sends it again
        except Exception:
            logger.exception("record %s of order %s could not be handled", record.pk, order.order_no)
            order = lock_order(order_id)
            _attach(order, record)
            to_review(order, [Finding("processing_failed")], actor)
        return order


def settle(
    order: ChargingOrder,
    *,
    actor: Actor,
    evidence: Mapping[str, Any],
    findings: Iterable[Finding] = (),
    update_fields: Iterable[str] = (),
) -> Bill:
    """Price the evidence, write bill and ledger, release the hold and end a locked order.

    Raises PricingError when the evidence cannot be priced; nothing is written then.
    """
    was_in_review = order.state == S.REVIEW
    bill = bill_of(order, evidence)
    write_bill(order, bill, evidence, findings)
    ledger.capture(actor=actor, order=order)
    discounts.book(order, bill)
    move(
        order,
        "settled",
        actor,
        settled_data(bill, evidence),
        update_fields={*BILL_FIELDS, *update_fields},
    )
    fees.begin_occupancy(order, actor)
    if was_in_review:
        ReviewItem.objects.unscoped("of this order").filter(
            order=order, kind=ReviewItem.Kind.ORDER, state=ReviewItem.State.OPEN
        ).update(
            state=ReviewItem.State.RESOLVED,
            resolved_at=clock.now(),
            resolved_by=actor.name[:128],
            resolution="settled",
        )
    return bill


def write_bill(
    order: ChargingOrder, bill: Bill, evidence: Mapping[str, Any], findings: Iterable[Finding]
) -> None:
    """Set an order's `BILL_FIELDS`, which the caller saves."""
    order.bill = bill.to_json()
    order.evidence = {
        **evidence,
        "findings": [finding.to_json() for finding in findings],
        "running": {"energy_kwh": str(order.energy_kwh), "total_fen": order.total_fen},
    }
    order.energy_kwh, order.total_fen = bill.energy_kwh, bill.total_fen
    order.electricity_fen, order.service_fen = bill.electricity_fen, bill.service_fen
    order.fees_fen, order.discount_fen = bill.fees_fen, bill.discount_fen
    order.power_kw = None
    order.settled_at = clock.now()
    order.ended_at = order.ended_at or order.settled_at
    order.review_reasons = []
    order.stop_due_at = None


def settled_data(bill: Bill, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What the timeline says of a settlement."""
    return {"total_fen": bill.total_fen, "energy_kwh": str(bill.energy_kwh), "basis": evidence["basis"]}


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
    _attach(order, record)
    _decide(order, record, actor)


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


def _order_id_of(record: TransactionRecord) -> int | None:
    """The order of this pile and transaction number; a number of another pile is nobody's here."""
    if not record.transaction_ref.strip("0"):
        return None
    orders = ChargingOrder.objects.unscoped("a pile reports its own transaction")
    rows = orders.filter(pile_id=record.pile_id, transaction_ref=record.transaction_ref)
    return rows.values_list("pk", flat=True).first()


def _attach(order: ChargingOrder, record: TransactionRecord) -> None:
    take_facts(order, record)
    order.save(update_fields=RECORD_FIELDS)


def take_facts(order: ChargingOrder, record: TransactionRecord) -> None:
    """Set an order's `RECORD_FIELDS`, which the caller saves."""
    order.record = record
    order.device_energy_kwh, order.device_amount = record.energy_kwh, record.device_amount
    order.stop_reason = record.stop_reason[:48]


def _decide(order: ChargingOrder, record: TransactionRecord, actor: Actor) -> None:
    nothing = record.energy_kwh is not None and record.energy_kwh == 0
    if order.state == S.CLOSED:
        if nothing:
            note(order, "record_attached", actor, {"record": record.pk, "energy_kwh": "0"})
        else:
            to_review(order, [Finding("record_after_close")], actor)
        return
    if nothing and order.started_at is None and ORDER_STATES.allows(order.state, "nothing_delivered"):
        close_order(order, "nothing_delivered", actor, {"stop_reason": record.stop_reason})
        return
    evidence, findings, _bill = from_record(order, record)
    if order.state == S.REVIEW and {reason["code"] for reason in order.review_reasons} != {WAITS_FOR_RECORD}:
        # A person already looks at something else; the record is more for them to see.
        kept = [Finding.from_json(reason) for reason in order.review_reasons]
        to_review(order, [*kept, *findings], actor)
        return
    if order.state == S.FINISHING:  # what stands against an order that its record opened
        findings = [*findings, *(Finding.from_json(reason) for reason in order.review_reasons)]
    if payers.of_order(order) is None and not order.is_free:
        findings = [*findings, Finding("no_payer")]
    if needs_review(findings):
        take_times(order, record)
        to_review(order, findings, actor, update_fields={"started_at", "ended_at"})
        return
    take_times(order, record)
    settle(order, actor=actor, evidence=evidence, findings=findings, update_fields={"started_at"})


def take_times(order: ChargingOrder, record: TransactionRecord) -> None:
    """Set the order's start and end as its record has them; the caller saves them."""
    order.started_at = record.started_at or order.started_at
    order.ended_at = record.ended_at or order.ended_at


def _attach_after_settlement(order: ChargingOrder, record: TransactionRecord, actor: Actor) -> None:
    """The record of an order that a person settled without it: kept, and shown when it says something else."""
    _attach(order, record)
    note(order, "record_attached", actor, {"record": record.pk, "energy_kwh": str(record.energy_kwh)})
    try:
        evidence, _findings, _bill = from_record(order, record)
        same = bill_of(order, evidence).total_fen == order.total_fen
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
