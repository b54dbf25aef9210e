"""What is booked on a payee's account beside orders: fees of contracts, adjustments, payouts that came back."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction

from billing import business_day
from billing.models import Account, Journal, Payee, Proposal, ServiceContract, SettlementItem
from billing.services import ledger, proposals
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users.models import Operator

MOST_FEN = 1_000_000_000
K = SettlementItem.Kind
_JOURNALS = {
    K.HOSTING_FEE: Journal.Kind.FEE,
    K.YEARLY_FEE: Journal.Kind.FEE,
    K.ADJUSTMENT: Journal.Kind.ADJUSTMENT,
    K.PAYOUT_RETURNED: Journal.Kind.PAYOUT_RETURNED,
}


def book_item(
    *,
    actor: Actor,
    key: str,
    payee: Payee,
    kind: str,
    amount_fen: int,
    day: date,
    note: str = "",
    contract: ServiceContract | None = None,
    against: Account | None = None,
) -> SettlementItem:
    """Book an amount on a payee's account, once per key; against the platform's fees unless told otherwise."""
    existing = SettlementItem.objects.unscoped("the item of one key").filter(key=key).first()
    if existing is not None:
        return existing
    with transaction.atomic():
        journal = ledger.post(
            key=f"item:{key}"[:96],
            kind=_JOURNALS[kind],
            lines=[
                (ledger.payable_of(payee.pk), amount_fen),
                (against or ledger.account_of(Account.Kind.PLATFORM_FEES), -amount_fen),
            ],
            actor=actor,
            memo=note,
        )
        item, _created = SettlementItem.objects.unscoped("the item of one key").get_or_create(
            key=key,
            defaults={
                "payee": payee,
                "operator_id": payee.operator_id,
                "kind": kind,
                "amount_fen": amount_fen,
                "day": day,
                "note": note[:255],
                "contract": contract,
                "journal": journal,
                "created_at": clock.now(),
            },
        )
    return item


def _check(operator: Operator | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    payee = (
        Payee.objects.unscoped("the operator is checked")
        .filter(operator=operator, pk=payload.get("payee"))
        .first()
    )
    if payee is None:
        raise DomainError("not_found", field="payee")
    amount = payload.get("amount_fen")
    if isinstance(amount, bool) or not isinstance(amount, int) or not amount or abs(amount) > MOST_FEN:
        raise DomainError("amount_invalid", {"amount": amount, "maximum": MOST_FEN}, field="amount_fen")
    return {"payee": payee.pk, "amount_fen": amount}


def _carry_out(actor: Actor, proposal: Proposal) -> str:
    payee = Payee.objects.unscoped("the operator is checked").get(pk=proposal.payload["payee"])
    item = book_item(
        actor=actor,
        key=f"adjustment:{proposal.pk}",
        payee=payee,
        kind=K.ADJUSTMENT,
        amount_fen=proposal.payload["amount_fen"],
        day=business_day.today(),
        note=proposal.reason,
    )
    audit.record(
        actor=actor,
        action="billing.adjust_payee",
        target=payee,
        reason=proposal.reason,
        after={"amount_fen": item.amount_fen, "asked_by": proposal.requested_by_name},
    )
    return f"{payee} ¥{item.amount_fen / 100:.2f}"


proposals.register(Proposal.Kind.ADJUSTMENT, check=_check, carry_out=_carry_out)
