"""The end of an order with a bill: the only way one is settled, alone or with others of the same moment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing.models import ChargingOrder, OrderEvent, ReviewItem
from billing.pricing import Bill, Finding
from billing.services import debts, discounts, fees
from billing.services.evidence import bill_of
from billing.services.order_states import STEP_FIELDS, step, tell
from devices.models import TransactionRecord
from kernel import clock
from kernel.actor import Actor
from kernel.runtime.rows import append_rows, update_rows

S = ChargingOrder.State
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
    "started_at",
    "ended_at",
    "review_reasons",
)


@dataclass(frozen=True, slots=True)
class Settlement:
    """A locked order whose bill is known; what its record says (`take_facts`) is set and not written yet."""

    order: ChargingOrder
    actor: Actor
    bill: Bill
    evidence: Mapping[str, Any]
    findings: Sequence[Finding] = ()


def settle_all(found: Sequence[Settlement]) -> None:
    """Write bills and ledger, release the holds and end the orders.

    What one month card covers goes by itself: the next reads what the one before has used of the day.
    """
    month_card = ChargingOrder.Cover.MONTH_CARD
    alone = [one for one in found if one.order.cover == month_card]
    for one in found:
        _write_bill(one)
    if alone and len(found) > 1:
        debts.lock([debts.of_order(one.order, one.actor) for one in found])
    _settle([one for one in found if one.order.cover != month_card])
    for one in alone:
        _settle([one])


def settle(
    order: ChargingOrder, *, actor: Actor, evidence: Mapping[str, Any], findings: Iterable[Finding] = ()
) -> Bill:
    """Price the evidence of a locked order and settle it.

    Raises PricingError when the evidence cannot be priced; nothing is written then.
    """
    bill = bill_of(order, evidence)
    settle_all([Settlement(order, actor, bill, evidence, tuple(findings))])
    return bill


def take_facts(order: ChargingOrder, record: TransactionRecord) -> None:
    """Set an order's `RECORD_FIELDS`, which the caller saves."""
    order.record = record
    order.device_energy_kwh, order.device_amount = record.energy_kwh, record.device_amount
    order.stop_reason = record.stop_reason[:48]


def _settle(found: Sequence[Settlement]) -> None:
    if not found:
        return
    reviewed = [one for one in found if one.order.state == S.REVIEW]
    debts.settle_debts([debts.of_order(one.order, one.actor) for one in found])
    discounts.book_all((one.order, one.bill) for one in found)
    lines = [step(one.order, "settled", one.actor, _told(one)) for one in found]
    update_rows([one.order for one in found], (*STEP_FIELDS, *RECORD_FIELDS, *BILL_FIELDS))
    append_rows(OrderEvent, lines)
    for one in found:
        fees.begin_occupancy(one.order, one.actor)
    for one in reviewed:
        _resolve(one)
    tell(one.order for one in found)


def _write_bill(one: Settlement) -> None:
    order, bill = one.order, one.bill
    order.bill = bill.to_json()
    order.evidence = {
        **one.evidence,
        "findings": [finding.to_json() for finding in one.findings],
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


def _told(one: Settlement) -> dict[str, Any]:
    """What the timeline says of a settlement."""
    return {
        "total_fen": one.bill.total_fen,
        "energy_kwh": str(one.bill.energy_kwh),
        "basis": one.evidence["basis"],
    }


def _resolve(one: Settlement) -> None:
    """Nobody has to look at the order any more."""
    ReviewItem.objects.unscoped("of this order").filter(
        order=one.order, kind=ReviewItem.Kind.ORDER, state=ReviewItem.State.OPEN
    ).update(
        state=ReviewItem.State.RESOLVED,
        resolved_at=clock.now(),
        resolved_by=one.actor.name[:128],
        resolution="settled",
    )
