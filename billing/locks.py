"""The only places of this app that lock rows: a business day, then a paid start or pay-score order, pile, then orders
by id, then a refund, then payments by id, then
discounts by id, then accounts by id.

Row locks leave the keys alone (`FOR NO KEY UPDATE`), so that a row that only points at a locked one can still
be inserted. On SQLite every transaction is the only writer, so the locks are already there.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from django.db import connection
from django.db.models import Q, QuerySet

from billing.models import (
    Account,
    Booking,
    ChargingOrder,
    DayClose,
    Discount,
    Invoice,
    MonthSale,
    OrderFee,
    PaidStart,
    Payee,
    Payment,
    Payout,
    Proposal,
    Refund,
    ScoreOrder,
    ScorePermission,
)
from stations.models import Pile
from users.models import Operator

# Of a pile, what follows a session reads its power and its names alone.
_UNREAD_OF_PILE = tuple(
    f"pile__{field.name}"
    for field in Pile._meta.concrete_fields
    if field.name not in ("id", "code", "name", "protocol", "rated_power_kw")
)
_WIRE_NUMBERS = 0x45560001  # any constant that no other advisory lock of this database uses


def _orders() -> QuerySet[ChargingOrder]:
    rows = ChargingOrder.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.select_related("pile", "connector", "driver", "operator", "card")


def lock_paid_start(payment_id: int) -> PaidStart | None:
    """Lock the charge that a payment is for, before anything else; None for a recharge."""
    rows = PaidStart.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.select_related("payment", "driver", "connector").filter(payment_id=payment_id).first()


def lock_score_order(score_id: int) -> ScoreOrder:
    """Lock one pay-score order, before anything else; every state move of it happens under this lock.

    Its order is read after the lock: a join would show what there was before a wait for it.
    """
    rows = ScoreOrder.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.select_related("driver", "connector", "pile").get(pk=score_id)


def lock_score_permission(permission_id: int) -> ScorePermission:
    """Lock one pay-score permission; it is given and withdrawn only under this lock."""
    rows = ScorePermission.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.get(pk=permission_id)


def lock_booking(booking_id: int) -> Booking:
    """Lock one booking, under the lock of its pile."""
    rows = Booking.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.select_related("driver", "operator", "connector").get(pk=booking_id)


def lock_month_sale(sale_id: int) -> MonthSale:
    """Lock one sale of a month card, under the lock of its card where the card changes."""
    rows = MonthSale.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.select_related("card", "operator").get(pk=sale_id)


def lock_order(order_id: int) -> ChargingOrder:
    """Lock one order; every state move and every settlement happens under this lock."""
    return _orders().get(pk=order_id)


def lock_orders(order_ids: Iterable[int]) -> list[ChargingOrder]:
    """Lock orders, always in the same order."""
    return list(_orders().filter(pk__in=set(order_ids)).order_by("pk"))


def lock_orders_of(transactions: Collection[tuple[int, str]]) -> list[ChargingOrder]:
    """Lock the orders of (pile id, transaction number) pairs, always in the same order.

    They come with their piles and without what only a settlement reads.
    """
    rows = ChargingOrder.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    found = (
        rows.filter(
            pile_id__in={pile_id for pile_id, _ref in transactions},
            transaction_ref__in={ref for _pile_id, ref in transactions},
        )
        .select_related("pile")
        .defer("bill", "evidence", *_UNREAD_OF_PILE)
        .order_by("pk")
    )
    return [order for order in found if (order.pile_id, order.transaction_ref) in transactions]


def lock_accounts(account_ids: Iterable[int]) -> dict[int, Account]:
    """Lock several accounts, always in the same order; {id: account}."""
    rows = Account.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return {row.pk: row for row in rows.filter(pk__in=set(account_ids)).order_by("pk")}


def lock_payment(payment_id: int) -> Payment:
    """Lock one payment; every state move and every booking of it happens under this lock."""
    return lock_payments([payment_id])[payment_id]


def lock_payments(payment_ids: Iterable[int]) -> dict[int, Payment]:
    """Lock several payments, always in the same order; {id: payment}."""
    rows = Payment.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    wanted = rows.select_related("driver").filter(pk__in=set(payment_ids)).order_by("pk")
    return {row.pk: row for row in wanted}


def lock_refund(refund_id: int) -> Refund:
    """Lock one refund; its parts move only under this lock."""
    rows = Refund.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.select_related("driver").get(pk=refund_id)


def lock_discounts(discount_ids: Iterable[int]) -> dict[int, Discount]:
    """Lock the discounts whose budget an order touches, always in the same order; {id: discount}.

    After the accounts, as a start does, which holds the wallet when it reserves a budget.
    """
    wanted = set(discount_ids)
    if not wanted:
        return {}
    rows = Discount.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return {row.pk: row for row in rows.filter(pk__in=wanted).order_by("pk")}


def lock_fee(fee_id: int) -> OrderFee:
    """Lock one fee after the charge; its state moves only under this lock."""
    rows = OrderFee.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.select_related("order", "driver", "operator").get(pk=fee_id)


def lock_accounts_of(
    owners: Mapping[str, tuple[Collection[int | None], Collection[str]]], *, also: Collection[int] = ()
) -> list[Account]:
    """Lock the accounts of some owners, always in the same order, and those with the ids `also`.

    `owners` is {column: (ids, account kinds)}, e.g. `driver_id`; the column "" is the platform. An account of an
    enterprise, card or payee, which names its operator for the data scope, is not one of `operator_id`.
    """
    alone = {"enterprise": None, "card": None, "payee": None}
    wanted = Q(pk__in=also) if also else Q()
    for column, (ids, kinds) in owners.items():
        own = {"driver": None, "operator": None, **alone} if not column else {f"{column}__in": ids}
        wanted |= Q(**own, **(alone if column == "operator_id" else {}), kind__in=kinds)
    if not wanted:
        return []
    rows = Account.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return list(rows.filter(wanted).order_by("pk"))


def lock_proposal(proposal_id: int) -> Proposal:
    """Lock one proposal; it is decided once, under this lock."""
    rows = Proposal.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.select_related("operator").get(pk=proposal_id)


def lock_payee(payee_id: int) -> Payee:
    """Lock one payee; its statements and payout accounts are made under this lock."""
    rows = Payee.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.select_related("operator").get(pk=payee_id)


def lock_payout(payout_id: int) -> Payout:
    """Lock one payout; every state move and every booking of it happens under this lock."""
    rows = Payout.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.select_related("payee__operator", "account", "statement").get(pk=payout_id)


def lock_operator_finance(operator_id: int) -> None:
    """Serialise what numbers the rules and statements of one operator, until the transaction ends."""
    rows = Operator.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    rows.values_list("pk").get(pk=operator_id)


def lock_wire_numbers() -> None:
    """Serialise the allotment of tariff numbers until the transaction ends."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_WIRE_NUMBERS])


def lock_day(day: date) -> DayClose:
    """Lock a business day, made at first use; bills, differences and the closing of it move only under this lock."""
    DayClose.objects.get_or_create(day=day)
    return DayClose.objects.select_for_update(of=("self",), no_key=True).get(day=day)


def lock_invoice(invoice_id: int) -> Invoice:
    """Lock one invoice; every move of it happens under this lock. A red one before the one it reverses."""
    rows = Invoice.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.select_related("operator", "red_of").get(pk=invoice_id)
