"""Recharges and refunds that happened on a day gone by, here and in the sandbox's book."""

from datetime import datetime, timedelta

from billing.models import Payment, Refund, ScoreOrder
from billing.models.payment import SCORE_WAY
from billing.payments.sandbox import Sandbox
from billing.payments.sandbox.book import PAID, ScoreRow, new_number
from billing.services import payment_queries, refund_sending, refunds
from kernel import clock
from tests import factories as f
from tests.billing.finance.desk import JOB, settled
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


def score_order(
    sandbox: Sandbox, site: f.Site, at: datetime, fen: int = 550, state: str = "paying"
) -> ScoreOrder:
    """A charge on pay score that has ended at a moment, completed at the service, and not debited yet."""
    began = at - timedelta(hours=1)
    driver = f.make_driver(balance_fen=0)
    order = settled(site, driver=driver, at=at, electricity_fen=fen, service_fen=0, cover="score")
    row = ScoreOrder.objects.create(
        number=f"S{order.pk:022d}", driver=driver, operator=site.operator, station=site.station, pile=site.pile,
        connector=site.connector, openid="oPayer", fund_fen=20_000, rule="x", state=state, order=order, asked_fen=fen,
        completion={"items": []}, created_at=began, opened_at=began, ended_at=None if state == "paying" else at,
    )  # fmt: skip
    row.payment = Payment.objects.create(
        out_trade_no=row.number, channel="wechat", way=SCORE_WAY, driver=driver, amount_fen=fen, created_at=at,
        state="paying" if state == "paying" else "closed", expires_at=at + timedelta(days=30),
    )  # fmt: skip
    row.save(update_fields=["payment"])
    told = {"post_payments": [], "service_introduction": "充电服务", "risk_fund": {}, "time_range": {}}
    with sandbox.book.lock:
        sandbox.book.scores[row.number] = ScoreRow(
            number=row.number, request=told, notify_url="http://127.0.0.1:9", openid="oPayer", fund_fen=20_000,
            created_at=began.timestamp(), state="DOING", completed=told, total_fen=fen,
        )  # fmt: skip
    return row


def debited(sandbox: Sandbox, row: ScoreOrder, at: datetime, fen: int | None = None) -> str:
    """The service debits at a moment, all of it or a part, and nobody hears of it; its number of the debit."""
    with sandbox.book.lock:
        there = sandbox.wechat.score.debit(row.number, fen)
        number, taken, _now = there.debits[-1]
        there.debits[-1] = (number, taken, at.timestamp())
        there.debit_at = there.debit_at and at.timestamp()
        trade = next(one for one in sandbox.book.trades.values() if one.provider_no == number)
        trade.paid_at = at.timestamp()
    return number


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
