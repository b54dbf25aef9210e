"""Giving back money of a settled order: asked for by one, approved by another, taken from those who got it.

The money returns to whoever paid (what they owe is paid first); clearing then takes it back from every party
in the proportions of the order's own division.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _

from billing import payers
from billing.locks import lock_accounts, lock_order
from billing.models import Account, ChargingOrder, Entry, Journal, Proposal
from billing.services import bonuses, ledger, proposals
from billing.services.clearing.clear import (
    COVERS,
    DISCOUNTS,
    INCOME_PREFIX,
    covered_by_fee,
    discounts_by_fee,
    income_kinds,
)
from billing.services.invoices.states import require_not_invoiced
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users.models import Operator


def income_left(order: ChargingOrder) -> dict[str, int]:
    """What the payer paid for an order by kind of fee, discounts and cover taken off, less what was given back; fen."""
    return income_left_of([order])[order.pk]


def income_left_of(orders: Sequence[ChargingOrder]) -> dict[int, dict[str, int]]:
    """`income_left` of many orders by their ids, in one look at the ledger."""
    found: dict[int, dict[str, int]] = {order.pk: {} for order in orders}
    entries = Entry.objects.unscoped("the income of some orders").filter(
        journal__order__in=found.keys(), account__kind__in=income_kinds()
    )
    rows = entries.values_list("journal__order_id", "account__kind").annotate(total=Sum("amount_fen"))
    for order_id, kind, total in rows.order_by():
        found[order_id][kind.removeprefix(INCOME_PREFIX)] = total
    for order in orders:
        left = found[order.pk]
        for kind in (DISCOUNTS, *COVERS):
            left.pop(kind, None)
        for taken in (discounts_by_fee(order), covered_by_fee(order)):
            for kind, fen in taken.items():
                left[kind] = left.get(kind, 0) - fen
    return found


def _check(operator: Operator | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    order_no = str(payload.get("order_no", ""))
    order = (
        ChargingOrder.objects.unscoped("the operator is in scope")
        .filter(operator=operator, order_no=order_no)
        .first()
    )
    if order is None:
        raise DomainError("order_unknown", {"order_no": order_no})
    return {"order_no": order_no, "amounts": _amounts(order, payload.get("amounts") or {})}


def _amounts(order: ChargingOrder, wanted: Mapping[str, Any]) -> dict[str, int]:
    """The amounts by kind, checked against what is left; DomainError `order_refund_above`, `order_not_settled`."""
    if order.state != ChargingOrder.State.SETTLED or payers.of_order(order) is None:
        raise DomainError("order_not_settled", {"order_no": order.order_no})
    require_not_invoiced(order)
    left = income_left(order)
    amounts = {str(kind): amount for kind, amount in wanted.items() if amount}
    for kind, amount in amounts.items():
        if isinstance(amount, bool) or not isinstance(amount, int) or amount < 0:
            raise DomainError(
                "invalid", {"field": kind, "reason": _("a whole number of fen is wanted")}, field=kind
            )
        if amount > left.get(kind, 0):
            raise DomainError(
                "order_refund_above",
                {"order_no": order.order_no, "kind": kind, "left_yuan": f"{left.get(kind, 0) / 100:.2f}"},
                field=kind,
            )
    if not amounts:
        raise DomainError("invalid", {"field": "amounts", "reason": _("an amount is wanted")})
    return amounts


def _carry_out(actor: Actor, proposal: Proposal) -> str:
    payload = proposal.payload
    found = ChargingOrder.objects.unscoped("the operator is in scope").get(
        operator=proposal.operator, order_no=payload["order_no"]
    )
    order = lock_order(found.pk)
    amounts = _amounts(order, payload["amounts"])
    total = sum(amounts.values())
    payer = payers.of_order(order)
    wallet = ledger.paying_account(payer)
    arrears = ledger.account_of(Account.Kind.ARREARS, payer=payer)
    incomes = {kind: ledger.account_of(INCOME_PREFIX + kind, operator=order.operator) for kind in amounts}
    bonus = ledger.bonus_account(payer)
    beside = [bonus.pk] if bonus else []
    locked = lock_accounts([wallet.pk, arrears.pk, *beside, *(account.pk for account in incomes.values())])
    own, to_bonus = bonuses.split_return(order, total) if bonus else (total, 0)
    owed = min(-locked[arrears.pk].balance_fen, own)
    ledger.post(
        key=f"order-refund:{proposal.pk}",
        kind=Journal.Kind.CORRECTION,
        lines=[
            *((incomes[kind], -amount) for kind, amount in amounts.items()),
            (arrears, owed),
            (wallet, own - owed),
            *([(locked[bonus.pk], to_bonus)] if bonus and to_bonus else []),
        ],
        actor=actor,
        order=order,
        memo=proposal.reason,
    )
    if to_bonus:
        bonuses.give_back_of_left(
            driver=order.driver,
            key=f"order-refund:{proposal.pk}:bonus-left",
            actor=actor,
            reason=proposal.reason,
        )
    audit.record(
        actor=actor,
        action="billing.refund_order",
        target=order,
        reason=proposal.reason,
        after={"amounts": amounts, "asked_by": proposal.requested_by_name},
    )
    return f"{order.order_no} ¥{total / 100:.2f}"


proposals.register(Proposal.Kind.ORDER_REFUND, check=_check, carry_out=_carry_out, platform_only=False)
