"""What people decide about payouts: approve, retry, give back to the payee's account, and the bank's answers."""

from django.conf import settings
from django.db import transaction

from billing import business_day
from billing.locks import lock_payout
from billing.models import Account, Payout, PayoutChannel, SettlementItem
from billing.services import ledger
from billing.services.payouts.items import book_item
from billing.services.payouts.sending import paid
from billing.services.payouts.states import PAYOUT_STATES, S, move_payout, needs_two, note
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit, outbox
from users import policy
from users.services import edits

SEND_TOPIC = "billing.send_payout"


def approve_payout(*, actor: Actor, payout: Payout, reason: str = "") -> Payout:
    """Approve; above the limit the first of two approvals only. Then it is sent.

    Needs `billing.approve_payout`. Who bound the account the money goes to cannot approve.
    DomainError `permission_denied`, `not_found`, `payout_decided`, `four_eyes`.
    """
    _require(actor, payout)
    with transaction.atomic():
        locked = lock_payout(payout.pk)
        if locked.state != S.CREATED:
            raise DomainError("payout_decided", {"number": locked.number})
        if actor.key in (locked.first_approved_by_key, locked.account.bound_by_key):
            raise DomainError("four_eyes")
        if needs_two(locked) and not locked.first_approved_by_key:
            locked.first_approved_by_key = actor.key[:96]
            locked.first_approved_by_name = actor.name[:128]
            locked.save(update_fields=["first_approved_by_key", "first_approved_by_name"])
            note(locked, "approved_first", actor, {"reason": reason})
            _audit(actor, "billing.payout_approved_first", locked, reason)
            return locked
        locked.approved_by_key, locked.approved_by_name = actor.key[:96], actor.name[:128]
        locked.next_at = None if locked.channel == PayoutChannel.BANK else clock.now()
        fields = ["approved_by_key", "approved_by_name", "next_at"]
        move_payout(locked, "approved", actor, {"reason": reason}, update_fields=fields)
        _audit(actor, "billing.payout_approved", locked, reason)
        if locked.next_at:
            outbox.enqueue(SEND_TOPIC, {"payout": locked.pk})
    return locked


def retry_payout(*, actor: Actor, payout: Payout, reason: str = "") -> Payout:
    """Send again under the same number: what failed, or what waits for its next attempt.

    DomainError `permission_denied`, `not_found`, `payout_not_to_send` (paid, returned, or ended by the channel:
    that number pays nothing any more).
    """
    _require(actor, payout)
    with transaction.atomic():
        locked = lock_payout(payout.pk)
        if locked.closed_there or locked.state not in (S.FAILED, S.SENDING, S.WAITING, S.APPROVED):
            raise DomainError("payout_not_to_send", {"number": locked.number})
        locked.next_at = None if locked.channel == PayoutChannel.BANK else clock.now()
        locked.refused_code, locked.needs_attention = "", False
        fields = ["next_at", "refused_code", "needs_attention"]
        if locked.state == S.FAILED:
            move_payout(locked, "retried", actor, {"reason": reason}, update_fields=fields)
        else:
            locked.save(update_fields=fields)
            note(locked, "retried", actor, {"reason": reason})
        _audit(actor, "billing.payout_retried", locked, reason)
        if locked.next_at:
            outbox.enqueue(SEND_TOPIC, {"payout": locked.pk})
    return locked


def return_payout(*, actor: Actor, payout: Payout, reason: str) -> Payout:
    """Give the money back to the payee's account; the next statement pays it under another number.

    Possible before it was ever sent, and after it failed for certain. DomainError `permission_denied`,
    `not_found`, `payout_not_to_return`, `reason_required`.
    """
    _require(actor, payout)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        locked = lock_payout(payout.pk)
        sent_once = locked.attempts and locked.state != S.FAILED
        if not PAYOUT_STATES.allows(locked.state, "returned") or sent_once:
            raise DomainError("payout_not_to_return", {"number": locked.number})
        book_item(
            actor=actor,
            key=f"returned:{locked.number}",
            payee=locked.payee,
            kind=SettlementItem.Kind.PAYOUT_RETURNED,
            amount_fen=locked.amount_fen,
            day=business_day.today(),
            note=locked.number,
            against=ledger.payable_of(locked.payee_id, Account.Kind.PAYOUTS_IN_TRANSIT),
        )
        locked.next_at, locked.finished_at = None, clock.now()
        move_payout(locked, "returned", actor, {"reason": reason}, update_fields=["next_at", "finished_at"])
        _audit(actor, "billing.payout_returned", locked, reason)
    return locked


def export_bank_payouts(*, actor: Actor) -> list[Payout]:
    """Take every approved bank payout for a bank file: they are with the bank from then on."""
    policy.require(actor, "billing.approve_payout")
    rows = Payout.objects.for_actor(actor).filter(channel=PayoutChannel.BANK, state=S.APPROVED)
    taken = []
    for payout_id in list(rows.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            locked = lock_payout(payout_id)
            if locked.state != S.APPROVED:
                continue
            locked.attempts, locked.sent_at = locked.attempts + 1, clock.now()
            move_payout(locked, "sent", actor, {"by": "bank file"}, update_fields=["attempts", "sent_at"])
            _audit(actor, "billing.payout_exported", locked, "")
            taken.append(locked)
    return taken


def settle_bank_payout(*, actor: Actor, payout: Payout, is_paid: bool, reference: str) -> Payout:
    """Write down what the bank did with a payout of a bank file; `reference` is its number, or why it failed."""
    _require(actor, payout)
    reference = edits.require_reason(reference)
    with transaction.atomic():
        locked = lock_payout(payout.pk)
        if locked.channel != PayoutChannel.BANK or locked.state != S.SENDING:
            raise DomainError("payout_not_with_bank", {"number": locked.number})
        if is_paid:
            paid(locked, reference[:64], actor)
        else:
            locked.last_error = reference[:255]
            move_payout(locked, "failed", actor, {"reason": reference}, update_fields=["last_error"])
        _audit(actor, "billing.payout_by_bank", locked, reference)
    return locked


def _require(actor: Actor, payout: Payout) -> None:
    policy.require(actor, "billing.approve_payout")
    edits.in_scope(actor, payout)


def _audit(actor: Actor, action: str, payout: Payout, reason: str) -> None:
    after = {
        "state": payout.state,
        "amount_fen": payout.amount_fen,
        "limit_fen": settings.PAYOUT_APPROVAL_FEN,
    }
    audit.record(actor=actor, action=action, target=payout, reason=reason, after=after)
