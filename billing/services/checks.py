"""Guards that count everything again: the ledger against its entries, orders against their evidence.

They find what a bug or a hand in the database did; they change nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import BigIntegerField, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from billing.models import Account, ChargingOrder, Entry, Hold, Journal, OrderFee
from billing.models.order import OPEN_STATES
from billing.pricing import Bill, PricingError
from billing.services import fees
from billing.services.evidence import recompute
from kernel import clock
from marketing.models import Coupon
from stations.models.mode import ChargeMode

INCOME = (
    Account.Kind.OPERATOR_ELECTRICITY,
    Account.Kind.OPERATOR_SERVICE,
    Account.Kind.OPERATOR_FEES,
    Account.Kind.OPERATOR_DISCOUNTS,
    Account.Kind.PLATFORM_DISCOUNTS,
)
OVERDUE_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule: a stable code, what it is about, and the figures."""

    code: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)


def sum_of(name: str, condition: Q | None = None) -> Coalesce:
    """The sum of a column of whole fen, 0 for no rows."""
    return Coalesce(Sum(name, filter=condition), Value(0), output_field=BigIntegerField())


def ledger_problems() -> Iterator[Problem]:
    """Accounts ≠ entries, journals ≠ 0, the whole ≠ 0, held ≠ active holds, holds on finished orders."""
    accounts = Account.objects.unscoped("a check of the whole ledger")
    entries = Entry.objects.unscoped("a check of the whole ledger")
    for row in (
        accounts.annotate(entries_fen=sum_of("entries__amount_fen"))
        .exclude(balance_fen=F("entries_fen"))
        .values("pk", "kind", "balance_fen", "entries_fen")
    ):
        yield Problem("balance_differs", f"account {row.pop('pk')}", row)
    for row in (
        Journal.objects.annotate(sum_fen=sum_of("entries__amount_fen"))
        .exclude(sum_fen=0)
        .values("pk", "idempotency_key", "sum_fen")
    ):
        yield Problem("journal_unbalanced", f"journal {row.pop('pk')}", row)
    for row in Journal.objects.filter(entries__isnull=True).values("pk", "idempotency_key"):
        yield Problem("journal_empty", f"journal {row.pop('pk')}", row)
    total = entries.aggregate(total=sum_of("amount_fen"))["total"]
    if total:
        yield Problem("ledger_not_zero", "ledger", {"total_fen": total})
    active = Q(holds__state=Hold.State.ACTIVE)
    for row in (
        accounts.exclude(kind=Account.Kind.BONUS)
        .annotate(holds_fen=sum_of("holds__amount_fen", active))
        .exclude(held_fen=F("holds_fen"))
        .values("pk", "held_fen", "holds_fen")
    ):
        yield Problem("held_differs", f"account {row.pop('pk')}", row)
    active_bonus = Q(bonus_holds__state=Hold.State.ACTIVE)
    for row in (
        accounts.filter(kind=Account.Kind.BONUS)
        .annotate(holds_fen=sum_of("bonus_holds__bonus_fen", active_bonus))
        .exclude(held_fen=F("holds_fen"))
        .values("pk", "held_fen", "holds_fen")
    ):
        yield Problem("held_differs", f"account {row.pop('pk')}", row)
    finished = (ChargingOrder.State.SETTLED, ChargingOrder.State.CLOSED)
    for row in Hold.objects.filter(state=Hold.State.ACTIVE, order__state__in=finished).values(
        "order__order_no", "amount_fen"
    ):
        yield Problem("hold_on_finished_order", f"order {row.pop('order__order_no')}", row)


def _coupon_problems() -> Iterator[Problem]:
    """Coupons that an ended order still has, or that took off something else than its bill says."""
    coupons = Coupon.objects.unscoped("a check of every coupon").filter(state__in=("taken", "used"))
    orders = ChargingOrder.objects.unscoped("a check of every coupon").filter(order_no=OuterRef("taken_for"))
    for code, state, used_fen, order_state, bill in coupons.annotate(
        order_state=Subquery(orders.values("state")[:1]), bill=Subquery(orders.values("bill")[:1])
    ).values_list("code", "state", "used_fen", "order_state", "bill"):
        lines = (json.loads(bill) if isinstance(bill, str) else bill or {}).get("discounts", ())
        off = sum(line["fen"] for line in lines if line["code"] == f"coupon-{code}")
        ended = order_state in (None, ChargingOrder.State.SETTLED, ChargingOrder.State.CLOSED)
        if (state == "taken" and ended) or (state == "used" and used_fen != off):
            yield Problem(
                "coupon_differs", f"coupon {code}", {"state": state, "used_fen": used_fen, "bill_fen": off}
            )


def order_problems(days: int | None = None) -> Iterator[Problem]:
    """Orders past their deadline, bills that differ from their recomputation, settled orders not booked.

    `days` limits the settled ones to those settled that recently; without it all are computed again.
    """
    orders = ChargingOrder.objects.unscoped("a check of every order")
    yield from _coupon_problems()
    limit = clock.now() - OVERDUE_AFTER
    for order in orders.filter(state__in=[*OPEN_STATES, "finishing"], due_at__lt=limit).order_by("pk"):
        yield Problem(
            "overdue", f"order {order.order_no}", {"state": order.state, "due_at": str(order.due_at)}
        )
    # A covered order may run without any hold; what it costs is the operator's, or owed.
    open_without_hold = (
        orders.filter(state__in=OPEN_STATES, driver__isnull=False, cover=ChargingOrder.Cover.NONE)
        .exclude(hold__state=Hold.State.ACTIVE)
        .exclude(charge_mode=ChargeMode.OFFLINE_FREE)
    )
    for order in open_without_hold.order_by("pk"):
        yield Problem("open_without_hold", f"order {order.order_no}", {"state": order.state})
    settled = orders.filter(state=ChargingOrder.State.SETTLED).select_related("pile")
    if days is not None:
        settled = settled.filter(settled_at__gte=clock.now() - timedelta(days=days))
    for order in settled.order_by("pk").iterator(chunk_size=500):
        yield from _problems_of_settled(order)
    booked = OrderFee.objects.unscoped("a check of every fee").filter(settled_at__isnull=False)
    if days is not None:
        booked = booked.filter(settled_at__gte=clock.now() - timedelta(days=days))
    for fee in booked.select_related("order").order_by("pk").iterator(chunk_size=500):
        yield from _problems_of_fee(fee)


def _problems_of_fee(fee: OrderFee) -> Iterator[Problem]:
    """A fee after the charge counted again, and what of it is on the ledger (nothing of a waived one)."""
    subject = f"{fee.kind} of order {fee.order.order_no}"
    try:
        computed = fees.recompute(fee).fen
    except (PricingError, ValueError, KeyError, TypeError) as error:
        yield Problem("cannot_recompute", subject, {"error": repr(error)[:200]})
        return
    if computed != fee.amount_fen:
        yield Problem("fee_differs", subject, {"stored_fen": fee.amount_fen, "computed_fen": computed})
    entries = Entry.objects.unscoped("a check of every fee").filter(
        journal__idempotency_key__in=[
            fees.key_of(fee),
            fees.waiver_key_of(fee),
            f"{fees.waiver_key_of(fee)}:bonus",
        ],
        account__kind=fees.ACCOUNTS[fee.kind],
    )
    booked_fen = entries.aggregate(total=sum_of("amount_fen"))["total"]
    expected = 0 if fee.state == OrderFee.State.WAIVED else fee.amount_fen
    if booked_fen != expected:
        yield Problem("not_booked", subject, {"total_fen": expected, "booked_fen": booked_fen})


def _problems_of_settled(order: ChargingOrder) -> Iterator[Problem]:
    subject = f"order {order.order_no}"
    try:
        computed = recompute(order)
        stored = Bill.from_json(order.bill)
    except (PricingError, ArithmeticError, KeyError, TypeError) as error:
        yield Problem("cannot_recompute", subject, {"error": repr(error)[:200]})
        return
    figures = (
        order.total_fen,
        order.electricity_fen,
        order.service_fen,
        order.fees_fen,
        order.discount_fen,
        order.energy_kwh,
    )
    if computed != stored or figures != (
        computed.total_fen,
        computed.electricity_fen,
        computed.service_fen,
        computed.fees_fen,
        computed.discount_fen,
        computed.energy_kwh,
    ):
        yield Problem(
            "bill_differs", subject, {"stored_fen": order.total_fen, "computed_fen": computed.total_fen}
        )
    booked = Entry.objects.unscoped("a check of every order").filter(
        journal__order=order,
        journal__kind=Journal.Kind.SETTLEMENT,
        account__kind__in=INCOME,
    )
    booked_fen = booked.aggregate(total=sum_of("amount_fen"))["total"]
    if booked_fen != order.total_fen:
        yield Problem("not_booked", subject, {"total_fen": order.total_fen, "booked_fen": booked_fen})
