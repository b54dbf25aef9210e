"""Recharges and refunds that happened on a day gone by, here and in the sandbox's book."""

from datetime import datetime, timedelta

from billing.models import Payment, Refund
from billing.payments.sandbox import Sandbox
from billing.payments.sandbox.book import PAID, new_number
from billing.services import payment_queries, refund_sending, refunds
from kernel import clock
from tests import factories as f
from tests.billing.finance.desk import JOB
from tests.billing.payments.desk import open_payment, see


def paid_at_channel(
    sandbox: Sandbox, driver, at: datetime, amount_fen: int = 5_000, channel: str = "wechat"
) -> Payment:
    """A payment that the channel took at a moment, and whose notice never came."""
    payment = open_payment(driver, amount_fen, channel, way={"wechat": "native", "alipay": "qr"}[channel])
    see(sandbox, payment)
    with sandbox.book.lock:
        row = sandbox.book.trades[channel, payment.out_trade_no]
        row.state, row.paid_at = PAID, at.timestamp()
        row.provider_no = row.provider_no or f"42{new_number()}"[:28]
    return payment


def recharge(
    sandbox: Sandbox, driver, at: datetime, amount_fen: int = 5_000, channel: str = "wechat"
) -> Payment:
    """A recharge that was paid and booked at a moment."""
    payment = paid_at_channel(sandbox, driver, at, amount_fen, channel)
    Payment.objects.filter(pk=payment.pk).update(next_query_at=at)
    with clock.held_at(at):
        payment_queries.query_due_payments(actor=JOB)
    payment.refresh_from_db()
    assert payment.state == "succeeded" and payment.paid_at == at.replace(microsecond=0), payment.last_error
    return payment


def refund(sandbox: Sandbox, driver, at: datetime, amount_fen: int) -> Refund:
    """A refund that was sent at a moment and reached its payer."""
    known = set(sandbox.book.refunds)
    with clock.held_at(at):
        one = refunds.request_refund(
            actor=f.staff_actor("billing.request_refund"),
            driver=driver,
            amount_fen=amount_fen,
            reason="asked",
        )
        refunds.approve_refund(actor=f.staff_actor("billing.approve_refund"), refund=one)
        refund_sending.send_refund(actor=JOB, refund_id=one.pk)
    sandbox.finish_refunds()
    with sandbox.book.lock:
        for key in set(sandbox.book.refunds) - known:
            row = sandbox.book.refunds[key]
            row.created_at = row.finished_at = at.timestamp()
    with clock.held_at(at + timedelta(minutes=30)):
        refund_sending.work_due_refunds(actor=JOB)
    one.refresh_from_db()
    assert one.state == "succeeded", [part.last_error for part in one.parts.all()]
    return one
