"""Notices of payment channels: verified first, then one transaction that remembers and books them.

A notice is answered with success only after the commit. No channel is called here: the answer is due within
five seconds.
"""

import logging
from collections.abc import Mapping

from django.db import transaction
from django.db.models import F

from billing.models import Payment, PaymentNotice, RefundPart, ScoreOrder
from billing.payments.channels import provider_of
from billing.payments.merchants import ChannelOff
from billing.payments.pay_score import ScoreView
from billing.payments.provider import Notice, NoticeRefused
from billing.services import score_debits, score_permissions
from billing.services.payments import Outcome, book_trade
from kernel import clock
from kernel.actor import Actor, system

logger = logging.getLogger(__name__)


def take_notice(*, channel: str, headers: Mapping[str, str], body: bytes, ip: str = "") -> str:
    """Handle one notice of a channel; returns its `PaymentNotice.Outcome`.

    Raises `NoticeRefused` for what is not genuine, not ours or too old; it is logged and changes nothing.
    """
    try:
        notice = provider_of(channel).read_notice(headers, body)
    except ChannelOff:
        raise NoticeRefused("channel_off", status=404) from None
    except NoticeRefused as refusal:
        logger.warning("%s notice from %s refused: %s", channel, ip or "?", refusal.reason)
        raise
    with transaction.atomic():
        row, created = PaymentNotice.objects.unscoped("notices of a channel").get_or_create(
            channel=channel,
            notice_id=notice.notice_id,
            defaults={
                "number": _about(notice)[:64],
                "body": dict(notice.body),
                "received_at": clock.now(),
            },
        )
        if not created:
            PaymentNotice.objects.unscoped("notices of a channel").filter(pk=row.pk).update(
                repeats=F("repeats") + 1
            )
        # A repeat is worked through again: the rows behind it decide what is left to do, not the notice's id.
        row.outcome, row.payment = _apply(channel, notice, row)
        row.save(update_fields=["outcome", "payment"] if created else ["payment"])
        return row.outcome


def _apply(channel: str, notice: Notice, row: PaymentNotice) -> tuple[str, Payment | None]:
    actor = system(f"{channel} notice")
    if notice.trade is not None:
        found = Payment.objects.unscoped("the payment of a verified notice").filter(
            channel=channel, out_trade_no=notice.trade.out_trade_no
        )
        payment = found.first()
        if payment is None:
            logger.error("%s notice about an unknown payment %s", channel, notice.trade.out_trade_no)
            return Outcome.UNKNOWN, None
        return book_trade(actor=actor, payment_id=payment.pk, trade=notice.trade), payment
    if notice.score_order is not None:
        return _apply_score(notice.score_order, actor)
    if notice.permission is not None:
        known = score_permissions.take_permission(actor=actor, view=notice.permission)
        return (Outcome.IGNORED if known else Outcome.UNKNOWN), None
    if notice.out_refund_no:
        # What it says is asked for, not believed: the part is due for a query now.
        RefundPart.objects.unscoped("the part of a verified notice").filter(
            channel=channel, out_refund_no=notice.out_refund_no, state=RefundPart.State.SENT
        ).update(next_at=clock.now())
        return Outcome.REFUND, None
    return Outcome.IGNORED, None


def _apply_score(view: ScoreView, actor: Actor) -> tuple[str, Payment | None]:
    rows = ScoreOrder.objects.unscoped("the order of a verified notice").filter(number=view.number)
    score_id = rows.values_list("pk", flat=True).first()
    if score_id is None:
        logger.error("pay-score notice about an unknown order %s", view.number)
        return Outcome.UNKNOWN, None
    before = rows.get().state
    row = score_debits.take_view(actor=actor, score_id=score_id, view=view)
    payment = row.payment
    if not view.debits or payment is None:
        return Outcome.IGNORED, payment
    payment.refresh_from_db()
    if payment.state != Payment.State.SUCCEEDED:
        return Outcome.DIFFERS, payment
    return (Outcome.REPEATED if before == row.state else Outcome.CREDITED), payment


def _about(notice: Notice) -> str:
    if notice.trade is not None:
        return notice.trade.out_trade_no
    if notice.score_order is not None:
        return notice.score_order.number
    return notice.permission.code if notice.permission is not None else notice.out_refund_no
