"""Sending payouts: claim, call outside every lock, take over what the channel says; never guess, never twice.

A payout is marked as sent before the channel is called. When nobody knows what came of the call, the channel is
asked about the same number; only when it knows nothing of it is the same number sent again. A refusal is believed
after such a question, too.
"""

import logging
from datetime import timedelta

from django.db import transaction

from billing.locks import lock_payout
from billing.models import Account, Journal, Payout, PayoutChannel
from billing.payments.channels import transfers_of
from billing.payments.merchants import ChannelOff
from billing.payments.provider import ProviderRefused, ProviderUnknown
from billing.payments.transfers import TransferRequest, TransferState, TransferView
from billing.services import ledger
from billing.services.payments import CHANNEL_ACCOUNTS
from billing.services.payouts.states import S, move_payout
from kernel import clock
from kernel.actor import Actor

logger = logging.getLogger(__name__)
WAITS_S = (10, 30, 60, 300, 900, 3600)
ATTENTION_AFTER = len(WAITS_S)
CONFIRM_AFTER_S = 10
WAITING_EVERY_S = 900
RETRY_LATER_S = 3600
PAID_FROM = {**CHANNEL_ACCOUNTS, PayoutChannel.BANK.value: Account.Kind.BANK}


def work_due_payouts(*, actor: Actor, limit: int = 200) -> int:
    """Send and query every payout that is due; returns how many were worked on. Finds what was lost."""
    rows = Payout.objects.unscoped("every payout that is due").filter(next_at__lte=clock.now())
    worked = 0
    for payout_id in list(rows.order_by("next_at").values_list("pk", flat=True)[:limit]):
        try:
            worked += work(payout_id=payout_id, actor=actor)
        except Exception:
            logger.exception("payout %s could not be worked on", payout_id)
    return worked


def work(*, payout_id: int, actor: Actor) -> bool:
    """One step of one payout; False when it is not due, or somebody else is at it."""
    claimed = _claim(payout_id, actor)
    if claimed is None:
        return False
    payout, fresh = claimed
    try:
        provider = transfers_of(payout.channel)
        if not fresh:
            view = provider.query_transfer(payout.number)
            if view.state is not TransferState.ABSENT:
                return _take(payout.pk, view, actor)
            if payout.refused_code or payout.state == S.WAITING:
                return _take(payout.pk, view, actor, refused=bool(payout.refused_code))
        view = provider.transfer(
            TransferRequest(
                number=payout.number,
                amount_fen=payout.amount_fen,
                identity=payout.account.identity,
                real_name=payout.account.real_name,
                remark=payout.statement.number,
            )
        )
        return _take(payout.pk, view, actor)
    except ProviderRefused as refusal:
        return _note_refusal(payout.pk, refusal)
    except (ProviderUnknown, ChannelOff) as error:
        return _note_error(payout.pk, str(error) or type(error).__name__)


def _claim(payout_id: int, actor: Actor) -> tuple[Payout, bool] | None:
    """Mark a due payout as with the channel; (payout, whether it was never sent before), None when not due."""
    with transaction.atomic():
        payout = lock_payout(payout_id)
        now = clock.now()
        if payout.next_at is None or payout.next_at > now or payout.channel == PayoutChannel.BANK:
            return None
        fresh = not payout.attempts
        payout.attempts += 1
        payout.sent_at = payout.sent_at or now
        payout.next_at = now + timedelta(seconds=WAITS_S[min(payout.attempts, len(WAITS_S)) - 1])
        payout.needs_attention = payout.needs_attention or (
            payout.attempts > ATTENTION_AFTER and payout.state == S.SENDING
        )
        fields = ["attempts", "sent_at", "next_at", "needs_attention"]
        if payout.state in (S.APPROVED, S.SENDING):
            move_payout(payout, "sent", actor, update_fields=fields)
        elif payout.state == S.WAITING:
            payout.next_at = now + timedelta(seconds=WAITING_EVERY_S)
            payout.save(update_fields=fields)
        else:
            return None
        return payout, fresh


def _take(payout_id: int, view: TransferView, actor: Actor, *, refused: bool = False) -> bool:
    with transaction.atomic():
        payout = lock_payout(payout_id)
        if payout.state not in (S.SENDING, S.WAITING):
            return True
        if view.amount_fen is not None and view.amount_fen != payout.amount_fen:
            payout.needs_attention, payout.last_error = True, f"the channel says {view.amount_fen} fen"
            payout.save(update_fields=["needs_attention", "last_error"])
            logger.error("payout %s: %s", payout, payout.last_error)
            return True
        match view.state:
            case TransferState.PAID:
                paid(payout, view.provider_no, actor)
            case TransferState.FAILED:
                payout.closed_there, payout.provider_no = True, view.provider_no
                _failed(payout, view.reason or "ended by the channel", actor)
            case TransferState.ABSENT:
                if refused:
                    _failed(payout, payout.last_error, actor)
                else:  # it was waiting there, and is gone: a person looks
                    payout.needs_attention, payout.last_error = True, "the channel no longer knows it"
                    payout.save(update_fields=["needs_attention", "last_error"])
            case TransferState.WAITS_FOR_PAYEE:
                payout.provider_no = view.provider_no or payout.provider_no
                payout.confirm_params = view.confirm_params or payout.confirm_params
                payout.refused_code = payout.last_error = ""
                fields = ["provider_no", "confirm_params", "refused_code", "last_error"]
                if payout.state == S.SENDING:
                    move_payout(payout, "waits", actor, update_fields=fields)
                else:
                    payout.save(update_fields=fields)
            case _:
                payout.refused_code = payout.last_error = ""
                payout.save(update_fields=["refused_code", "last_error"])
        return True


def paid(payout: Payout, provider_no: str, actor: Actor) -> None:
    """Book a locked payout as paid: off the payouts under way, out of the channel or bank."""
    ledger.post(
        key=f"payout:{payout.number}:paid",
        kind=Journal.Kind.PAYOUT_PAID,
        lines=[
            (ledger.payable_of(payout.payee_id, Account.Kind.PAYOUTS_IN_TRANSIT), -payout.amount_fen),
            (ledger.account_of(PAID_FROM[payout.channel]), payout.amount_fen),
        ],
        actor=actor,
        memo=payout.number,
    )
    payout.provider_no, payout.finished_at, payout.next_at = provider_no, clock.now(), None
    payout.needs_attention, payout.refused_code, payout.last_error = False, "", ""
    fields = ["provider_no", "finished_at", "next_at", "needs_attention", "refused_code", "last_error"]
    move_payout(payout, "paid", actor, {"provider_no": provider_no}, update_fields=fields)


def _failed(payout: Payout, why: str, actor: Actor) -> None:
    payout.next_at, payout.last_error, payout.needs_attention = None, why[:255], True
    fields = ["next_at", "last_error", "needs_attention", "closed_there", "provider_no"]
    move_payout(payout, "failed", actor, {"reason": why[:200]}, update_fields=fields)


def _note_refusal(payout_id: int, refusal: ProviderRefused) -> bool:
    """A refusal is believed after the next query has found nothing; a retryable one is tried again later."""
    rows = Payout.objects.unscoped("one payout").filter(pk=payout_id, state=S.SENDING)
    if refusal.retryable:
        later = {"next_at": clock.now() + timedelta(seconds=RETRY_LATER_S), "needs_attention": True}
    else:
        later = {"next_at": clock.now() + timedelta(seconds=CONFIRM_AFTER_S)}
    rows.update(
        last_error=str(refusal)[:255],
        refused_code="" if refusal.retryable else refusal.code[:64],
        **later,
    )
    return True


def _note_error(payout_id: int, text: str) -> bool:
    Payout.objects.unscoped("one payout").filter(pk=payout_id).update(last_error=text[:255])
    return True
