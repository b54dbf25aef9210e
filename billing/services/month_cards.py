"""Month cards: a period is sold at the desk, and paid back.

The price is income of the operator when it is sold (`docs/adr/0025`); it is divided like any other income, and what
is paid back is taken from those who got it. Cash at the desk is booked against the same account as top-ups by hand.
"""

from datetime import date, timedelta

from django.conf import settings
from django.db import transaction

from billing import business_day
from billing.locks import lock_month_sale
from billing.models import Account, Journal, MonthSale
from billing.services import ledger
from billing.services.card_desk import living_card
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import Card
from users.services import cards, edits


def sell_month(
    *,
    actor: Actor,
    card: Card,
    amount_fen: int,
    valid_from: date,
    valid_until: date,
    reason: str,
    idempotency_key: str,
) -> Card:
    """Sell a month card's next period: the price is the operator's income, the period becomes the card's.

    A repeat with the same key sells nothing again. Needs `billing.top_up_card` and `users.issue_card`. Raises
    `card_no_month`, `amount_invalid`, `card_state`, `invalid` for a period that ends before it begins,
    `reason_required`, `idempotency_conflict`, `permission_denied`, `not_found`.
    """
    policy.require(actor, "billing.top_up_card")
    edits.in_scope(actor, card)
    ledger.check_amount(amount_fen)
    reason = edits.require_reason(reason)
    if card.kind != Card.Kind.MONTH:
        raise DomainError("card_no_month", {"number": card.logical_no})
    with transaction.atomic():
        card = living_card(card)
        before = {"before_from": card.valid_from, "before_until": card.valid_until}
        journal = ledger.post(
            key=f"month:{card.pk}:{idempotency_key}"[:96],
            kind=Journal.Kind.MONTH_CARD,
            lines=[(_cash(), -amount_fen), (_income(card), amount_fen)],
            actor=actor,
            memo=f"{card.logical_no} {reason}",
        )
        if MonthSale.objects.unscoped("of this journal").filter(journal=journal).exists():
            return card
        card = cards.update_card(
            actor=actor, card=card, changes={"valid_from": valid_from, "valid_until": valid_until}
        )
        sale = MonthSale.objects.create(
            card=card,
            operator_id=card.operator_id,
            amount_fen=amount_fen,
            valid_from=valid_from,
            valid_until=valid_until,
            sold_at=journal.at,
            sold_by=actor.name[:128],
            journal=journal,
            **before,
        )
        audit.record(
            actor=actor,
            action="billing.sell_month_card",
            target=card,
            reason=reason,
            after={
                "sale": sale.pk,
                "amount_fen": amount_fen,
                "valid_from": str(valid_from),
                "valid_until": str(valid_until),
            },
        )
        return card


def unused_fen(sale: MonthSale) -> int:
    """What the days after today are worth of a sale's price, rounded down; what one pays back by habit."""
    days = (sale.valid_until - sale.valid_from).days + 1
    left = (sale.valid_until - max(business_day.today(), sale.valid_from - timedelta(days=1))).days
    return sale.amount_fen * max(left, 0) // days


def pay_back_month(*, actor: Actor, sale: MonthSale, amount_fen: int, reason: str) -> MonthSale:
    """Pay a sale back in cash, in whole or in part, once. The card's period ends today.

    A period that has not begun gives back what the card was valid for before. Needs `billing.refund_monthsale` and
    `users.issue_card`; above `EV_REFUND_APPROVAL_FEN` also `billing.approve_refund`. Raises `month_refunded`, `month_above`,
    `month_not_last` (a later period was sold), `card_cash_limit`, `reason_required`, `permission_denied`,
    `not_found`.
    """
    policy.require(actor, "billing.refund_monthsale")
    edits.in_scope(actor, sale)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        card = cards.lock_card(sale.card)
        sale = lock_month_sale(sale.pk)
        if sale.refunded_fen:
            raise DomainError("month_refunded", {"number": card.logical_no})
        of_card = MonthSale.objects.unscoped("sales of a card in scope").filter(card=card, refunded_fen=0)
        if of_card.filter(pk__gt=sale.pk).exists():
            raise DomainError("month_not_last", {"number": card.logical_no})
        if (
            isinstance(amount_fen, bool)
            or not isinstance(amount_fen, int)
            or not 1 <= amount_fen <= sale.amount_fen
        ):
            most = {"maximum_yuan": f"{sale.amount_fen / 100:.2f}"}
            raise DomainError("month_above", most, field="amount")
        if amount_fen > settings.REFUND_APPROVAL_FEN and not policy.allows(actor, "billing.approve_refund"):
            limit = {"limit_yuan": f"{settings.REFUND_APPROVAL_FEN / 100:.2f}"}
            raise DomainError("card_cash_limit", limit, field="amount")
        sale.refund_journal = ledger.post(
            key=f"month-back:{sale.pk}",
            kind=Journal.Kind.MONTH_CARD_BACK,
            lines=[(_income(card), -amount_fen), (_cash(), amount_fen)],
            actor=actor,
            memo=f"{card.logical_no} {reason}",
        )
        sale.refunded_fen, sale.refund_reason = amount_fen, reason[:255]
        sale.refunded_at, sale.refunded_by = clock.now(), actor.name[:128]
        sale.save(
            update_fields=["refunded_fen", "refund_reason", "refunded_at", "refunded_by", "refund_journal"]
        )
        audit.record(
            actor=actor,
            action="billing.pay_back_month_card",
            target=card,
            reason=reason,
            after={"sale": sale.pk, "amount_fen": amount_fen},
        )
        cards.update_card(actor=actor, card=card, changes=_period_after(card, sale))
    return sale


def _period_after(card: Card, sale: MonthSale) -> dict[str, date | None]:
    """What a card is valid for once its last period was paid back."""
    today = business_day.today()
    if sale.valid_from > today:
        return {"valid_from": sale.before_from, "valid_until": sale.before_until}
    ends = today if card.valid_until is None else min(card.valid_until, today)
    return {"valid_until": ends}


def _cash() -> Account:
    return ledger.account_of(Account.Kind.MANUAL_TOPUP)


def _income(card: Card) -> Account:
    return ledger.account_of(Account.Kind.OPERATOR_MONTH_CARDS, operator=card.operator)
