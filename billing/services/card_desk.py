"""What the card desk does with money: deposits, un-graying, returning a card. Month cards are in `month_cards`.

Cash at the desk is booked against the same account as top-ups by hand.
"""

from decimal import Decimal

from django.conf import settings
from django.db import transaction

from billing import payers
from billing.locks import lock_accounts, lock_order
from billing.models import Account, ChargingOrder, Journal, Proposal
from billing.models.order import OPEN_STATES
from billing.pricing import Finding
from billing.services import ledger, reviews
from billing.services.paying import unsettled_of_card
from billing.services.settlement import WAITS_FOR_RECORD, to_review
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import Card
from users.services import cards, edits

S = ChargingOrder.State


def take_deposit(*, actor: Actor, card: Card, amount_fen: int, reason: str, idempotency_key: str) -> Journal:
    """Book the deposit that a holder pays for a card; it goes back when the card is returned.

    Needs `billing.top_up_card`. Raises `amount_invalid`, `reason_required`, `card_state`, `permission_denied`,
    `not_found`.
    """
    policy.require(actor, "billing.top_up_card")
    edits.in_scope(actor, card)
    ledger.check_amount(amount_fen)
    reason = edits.require_reason(reason)
    payer = payers.of_card(card)
    with transaction.atomic():
        card = living_card(card)
        deposit = ledger.account_of(Account.Kind.CARD_DEPOSIT, payer=payer)
        journal = ledger.post(
            key=f"deposit:{card.pk}:{idempotency_key}"[:96],
            kind=Journal.Kind.CARD_DEPOSIT,
            lines=[(ledger.account_of(Account.Kind.MANUAL_TOPUP), -amount_fen), (deposit, amount_fen)],
            actor=actor,
            memo=reason,
        )
        audit.record(
            actor=actor,
            action="billing.take_deposit",
            target=card,
            reason=reason,
            after={"amount_fen": amount_fen},
        )
    return journal


def gray_order(card: Card) -> ChargingOrder | None:
    """The order that makes a card gray: one that is not at its end, so that piles refuse the card."""
    order_no = unsettled_of_card(card)
    orders = ChargingOrder.objects.unscoped("the card was read in scope").select_related("pile", "station")
    return None if order_no is None else orders.get(order_no=order_no)


def ungray(
    *, actor: Actor, card: Card, how: str, reason: str, energy_kwh: Decimal | None = None
) -> ChargingOrder | Proposal:
    """Free a gray card: settle its unfinished transaction by what is known of it, or write it off.

    A transaction that still waits for its record waits for a person from now on; its record is taken when it comes
    after all. Needs `users.ungray_card`.

    Args:
        how, energy_kwh: as in `reviews.settle_review`; `zero` writes the transaction off.

    Returns:
        The settled order; or the proposal a second person has to approve when more is at stake than
        `EV_REVIEW_ALONE_FEN` (the card stays gray until then).

    Raises:
        DomainError: `card_not_gray`, `card_session_runs` while its pile is online, and those of `settle_review`.
    """
    policy.require(actor, "users.ungray_card")
    edits.in_scope(actor, card)
    reason = edits.require_reason(reason)
    found = gray_order(card)
    if found is None:
        raise DomainError("card_not_gray", {"number": card.logical_no})
    with transaction.atomic():
        order = lock_order(found.pk)
        if order.state == S.STARTING or (order.state in OPEN_STATES and order.pile.online):
            raise DomainError("card_session_runs", {"order_no": order.order_no})
        if order.state in (*OPEN_STATES, S.FINISHING):
            event = "record_doubtful" if order.state == S.CHARGING else "record_missing"
            to_review(order, [Finding(WAITS_FOR_RECORD)], actor, event=event)
        audit.record(
            actor=actor,
            action="billing.ungray_card",
            target=card,
            reason=reason,
            before={"order_no": order.order_no, "state": found.state},
            after={"how": how},
        )
        return reviews.settle_review(
            actor=actor,
            order_no=order.order_no,
            how=how,
            reason=reason,
            energy_kwh=energy_kwh,
            permission="users.ungray_card",
        )


def return_card(*, actor: Actor, card: Card, to_wallet: bool, reason: str) -> int:
    """Take a card back: its money and deposit go to its driver's wallet or out in cash, and the card is dead.

    Needs `users.issue_card` and `billing.top_up_card`. Cash above `EV_REFUND_APPROVAL_FEN` takes somebody who may
    approve refunds.

    Returns:
        The fen that went out.

    Raises:
        DomainError: `card_busy`, `card_in_arrears`, `card_no_wallet`, `card_cash_limit`, `reason_required`,
            `illegal_transition`, `permission_denied`, `not_found`.
    """
    policy.require(actor, "billing.top_up_card")
    edits.in_scope(actor, card)
    reason = edits.require_reason(reason)
    payer = payers.of_card(card)
    if to_wallet and card.driver is None:
        raise DomainError("card_no_wallet", {"number": card.logical_no}, field="to_wallet")
    with transaction.atomic():
        card = cards.lock_card(card)
        own = [
            ledger.paying_account(payer),
            ledger.account_of(Account.Kind.CARD_DEPOSIT, payer=payer),
        ]
        target = ledger.wallet_of(card.driver) if to_wallet else ledger.account_of(Account.Kind.MANUAL_TOPUP)
        locked = lock_accounts([target.pk, *(account.pk for account in own)])
        if (order_no := unsettled_of_card(card)) is not None:
            raise DomainError("card_busy", {"number": card.logical_no, "order_no": order_no})
        if owed := ledger.owed_fen(payer):
            raise DomainError("card_in_arrears", {"yuan": f"{owed / 100:.2f}"})
        lines = [(account, -locked[account.pk].balance_fen) for account in own]
        total = -sum(amount for _account, amount in lines)
        if total and not to_wallet and total > settings.REFUND_APPROVAL_FEN:
            limit = {"limit_yuan": f"{settings.REFUND_APPROVAL_FEN / 100:.2f}"}
            if not policy.allows(actor, "billing.approve_refund"):
                raise DomainError("card_cash_limit", limit, field="to_wallet")
        if total:
            ledger.post(
                key=f"card-return:{card.pk}",
                kind=Journal.Kind.CARD_RETURN,
                lines=[*lines, (target, total)],
                actor=actor,
                memo=f"{card.logical_no} {reason}",
            )
        cards.mark_returned(actor=actor, card=card, reason=reason)
        audit.record(
            actor=actor,
            action="billing.return_card",
            target=card,
            reason=reason,
            after={"amount_fen": total, "to_wallet": to_wallet},
        )
    return total


def living_card(card: Card) -> Card:
    """The card, locked; raises `card_state` for one that is in stock or dead."""
    locked = cards.lock_card(card)
    if locked.state in (Card.State.STOCK, Card.State.RETURNED):
        raise DomainError(
            "card_state", {"number": locked.logical_no, "state": str(locked.get_state_display())}
        )
    return locked
