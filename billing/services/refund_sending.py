"""Approved refunds on their way: send each part, ask what became of it, book or give back.

A part is marked as sent before the channel is called, and the call is made outside every lock: killed in between,
the query finds that the channel knows nothing and sends it again with the same number. Money comes back to the
wallet only when the channel refused *and* a query confirms that it knows of no refund.
"""

import logging
from datetime import timedelta

from django.db import transaction

from billing.locks import lock_payments, lock_refund
from billing.models import Account, Journal, Refund, RefundPart
from billing.models.payment import SCORE_WAY
from billing.payments.channels import provider_of
from billing.payments.merchants import ChannelOff
from billing.payments.provider import (
    ProviderRefused,
    ProviderUnknown,
    RefundRequest,
    RefundState,
    RefundView,
)
from billing.services import ledger
from billing.services.payment_states import move_part, move_refund, note
from billing.services.payments import CHANNEL_ACCOUNTS
from billing.services.refunds import S, T, return_part
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy

logger = logging.getLogger(__name__)
APART_S = 60  # WeChat Pay: partial refunds of one payment at least one minute apart
WAITS_S = (10, 30, 60, 300, 900, 3600)
ATTENTION_AFTER = len(WAITS_S)
RETRY_LATER_S = 3600
CONFIRM_AFTER_S = 10  # a refund may show up in queries a moment after it was taken


def send_refund(*, actor: Actor, refund_id: int) -> int:
    """Work on every due part of one refund; returns how many were worked on."""
    parts = RefundPart.objects.unscoped("due parts of one refund").filter(
        refund_id=refund_id, next_at__lte=clock.now()
    )
    return sum(_work(part_id, actor) for part_id in list(parts.values_list("pk", flat=True)))


def work_due_refunds(*, actor: Actor, limit: int = 100) -> int:
    """Send and query every refund part that is due; returns how many were worked on. Finds what was lost."""
    parts = RefundPart.objects.unscoped("every refund part that is due").filter(next_at__lte=clock.now())
    worked = 0
    for part_id in list(parts.order_by("next_at").values_list("pk", flat=True)[:limit]):
        try:
            worked += _work(part_id, actor)
        except Exception:
            logger.exception("refund part %s could not be worked on", part_id)
    return worked


def retry_refund(*, actor: Actor, refund: Refund, reason: str = "") -> int:
    """Work on the open parts of a refund now instead of at their next time; the same numbers are used.

    Needs `billing.approve_refund`. Raises `refund_nothing_to_send`, `permission_denied`.
    """
    policy.require(actor, "billing.approve_refund")
    with transaction.atomic():
        locked = lock_refund(refund.pk)
        open_parts = locked.parts.filter(state__in=[T.PENDING, T.SENT])
        if locked.state not in (S.APPROVED, S.SENT) or not open_parts.update(next_at=clock.now()):
            raise DomainError("refund_nothing_to_send", {"number": locked.refund_no})
        note(locked, "retried", actor, {"reason": reason})
        audit.record(actor=actor, action="billing.refund_retried", target=locked, reason=reason)
    return send_refund(actor=actor, refund_id=refund.pk)


def _work(part_id: int, actor: Actor) -> bool:
    """One step of one part: claim it, call the channel, take over the answer."""
    claimed = _claim(part_id, actor)
    if claimed is None:
        return False
    part, fresh = claimed
    number = {"out_trade_no": part.payment.out_trade_no, "out_refund_no": part.out_refund_no}
    try:
        provider = provider_of(part.channel)
        if not fresh:
            view = provider.query_refund(**number)
            if view.state is not RefundState.ABSENT:
                return _take(part.pk, view, actor)
            if part.refused_code:
                return _take(part.pk, view, actor, refused=True)
        view = provider.refund(
            RefundRequest(
                **number,
                amount_fen=part.amount_fen,
                paid_fen=part.payment.paid_fen,
                provider_no=part.payment.provider_no if part.payment.way == SCORE_WAY else "",
            )
        )
        return _take(part.pk, view, actor)
    except ProviderRefused as refusal:
        return _note_refusal(part.pk, refusal)
    except (ProviderUnknown, ChannelOff) as error:
        return _note_error(part.pk, str(error) or type(error).__name__)


def _claim(part_id: int, actor: Actor) -> tuple[RefundPart, bool] | None:
    """Mark a due part as with the channel; (part, whether it was never sent before), None when not due."""
    with transaction.atomic():
        found = RefundPart.objects.unscoped("claim of one part").filter(pk=part_id).first()
        refund = lock_refund(found.refund_id)
        part = refund.parts.select_related("payment").get(pk=part_id)
        now = clock.now()
        if part.next_at is None or part.next_at > now or part.state not in (T.PENDING, T.SENT):
            return None
        fresh = part.state == T.PENDING
        if fresh and refund.state not in (S.APPROVED, S.SENT):
            return None
        if fresh and (wait := _too_soon(part)):
            part.next_at = now + wait
            part.save(update_fields=["next_at"])
            return None
        part.attempts += 1
        part.sent_at = part.sent_at or now
        part.next_at = now + timedelta(seconds=WAITS_S[min(part.attempts - 1, len(WAITS_S) - 1)])
        part.needs_attention = part.needs_attention or part.attempts > ATTENTION_AFTER
        move_part(part, "sent", update_fields=["attempts", "sent_at", "next_at", "needs_attention"])
        if refund.state == S.APPROVED:
            move_refund(refund, "sent", actor)
        return part, fresh


def _too_soon(part: RefundPart) -> timedelta | None:
    others = RefundPart.objects.unscoped("other refunds of one payment").filter(payment_id=part.payment_id)
    last = others.exclude(pk=part.pk).filter(sent_at__isnull=False).order_by("-sent_at").first()
    if last is None:
        return None
    wait = last.sent_at + timedelta(seconds=APART_S) - clock.now()
    return wait if wait > timedelta(0) else None


def _take(part_id: int, view: RefundView, actor: Actor, *, refused: bool = False) -> bool:
    """Take over what the channel says about a part, under the locks of its refund and payment."""
    with transaction.atomic():
        found = RefundPart.objects.unscoped("one part").get(pk=part_id)
        refund = lock_refund(found.refund_id)
        payment = lock_payments([found.payment_id])[found.payment_id]
        part = refund.parts.get(pk=part_id)
        if part.state != T.SENT:
            return True
        if view.amount_fen is not None and view.amount_fen != part.amount_fen:
            part.needs_attention = True
            part.last_error = f"the channel says {view.amount_fen} fen"
            part.save(update_fields=["needs_attention", "last_error"])
            logger.error("refund part %s: %s", part, part.last_error)
            return True
        match view.state:
            case RefundState.SUCCEEDED:
                _paid(part, view, actor)
            case RefundState.CLOSED:
                _failed(part, payment, actor, "closed by the channel")
            case RefundState.ABSENT if refused:
                _failed(part, payment, actor, part.last_error)
            case RefundState.ABNORMAL:
                part.needs_attention, part.last_error = True, "the channel could not reach the payer"
                part.next_at = clock.now() + timedelta(seconds=RETRY_LATER_S)
                part.save(update_fields=["needs_attention", "last_error", "next_at"])
            case _:
                part.refused_code = part.last_error = ""
                part.save(update_fields=["refused_code", "last_error"])
        _finish(refund, actor)
        return True


def _paid(part: RefundPart, view: RefundView, actor: Actor) -> None:
    driver = part.refund.driver
    ledger.post(
        key=f"refund:{part.out_refund_no}:paid",
        kind=Journal.Kind.REFUND_PAID,
        lines=[
            (ledger.account_of(Account.Kind.REFUNDS_IN_TRANSIT, driver=driver), -part.amount_fen),
            (ledger.account_of(CHANNEL_ACCOUNTS[part.channel]), part.amount_fen),
        ],
        actor=actor,
        memo=part.out_refund_no,
    )
    part.provider_no, part.finished_at, part.next_at = view.provider_no, clock.now(), None
    part.needs_attention, part.refused_code, part.last_error = False, "", ""
    fields = ["provider_no", "finished_at", "next_at", "needs_attention", "refused_code", "last_error"]
    move_part(part, "succeeded", update_fields=fields)


def _failed(part: RefundPart, payment, actor: Actor, why: str) -> None:
    return_part(part, payment, actor)
    part.finished_at, part.next_at, part.last_error = clock.now(), None, why[:255]
    move_part(part, "failed", update_fields=["finished_at", "next_at", "last_error"])


def _finish(refund: Refund, actor: Actor) -> None:
    """Move the refund when none of its parts is open any more."""
    parts = list(refund.parts.all())
    if any(part.state in (T.PENDING, T.SENT) for part in parts):
        return
    refund.refunded_fen = sum(part.amount_fen for part in parts if part.state == T.SUCCEEDED)
    refund.finished_at = clock.now()
    event = "succeeded" if refund.refunded_fen == refund.amount_fen else "partial"
    move_refund(
        refund,
        event if refund.refunded_fen else "failed",
        actor,
        {"refunded_fen": refund.refunded_fen},
        update_fields=["refunded_fen", "finished_at"],
    )


def _note_refusal(part_id: int, refusal: ProviderRefused) -> bool:
    """A refusal is believed after the next query has found no refund; a retryable one is tried again later."""
    rows = RefundPart.objects.unscoped("one part").filter(pk=part_id, state=T.SENT)
    later = {"next_at": clock.now() + timedelta(seconds=RETRY_LATER_S), "needs_attention": True}
    rows.update(
        last_error=str(refusal)[:255],
        refused_code="" if refusal.retryable else refusal.code[:64],
        **(later if refusal.retryable else {"next_at": clock.now() + timedelta(seconds=CONFIRM_AFTER_S)}),
    )
    return True


def _note_error(part_id: int, text: str) -> bool:
    rows = RefundPart.objects.unscoped("one part").filter(pk=part_id, state=T.SENT)
    rows.update(last_error=text[:255])
    return True
