"""The payment channels of the demo's past: the sandbox's own book, filled through the real clients at moments gone by.

What drivers paid, what went back and what was paid out stands in the same book that `manage.py sandbox` serves
afterwards, so its bills of the past days agree with what the platform booked.
"""

import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from billing.models import Payment, Payout
from billing.payments.merchants import SANDBOX_FOLDER
from billing.payments.sandbox import Sandbox
from billing.payments.sandbox.book import PAID, RefundRow, TradeRow
from billing.services import (
    payment_notices,
    payment_queries,
    payments,
    refund_sending,
    score_orders,
    score_permissions,
)
from billing.services.invoices import issuing
from billing.services.payouts import sending
from kernel import clock
from kernel.actor import system
from users.actors import of_driver
from users.models import Driver

JOB = system("demo")
WAYS = {"wechat": "jsapi", "alipay": "qr"}


class Till:
    """Payers, payees and the channels' own time. Every method takes the moment at which it happens."""

    def __init__(self, sandbox: Sandbox):
        self.sandbox, self.book, self.faults = sandbox, sandbox.book, sandbox.faults

    @contextmanager
    def held_at(self, at: datetime) -> Iterator[None]:
        """Hold the platform's clock and the channels' at one moment."""
        before, self.book.moment = self.book.moment, at.timestamp()
        try:
            with clock.held_at(at):
                yield
        finally:
            self.book.moment = before

    # --- recharges -----------------------------------------------------------------
    def ask(self, driver: Driver, at: datetime, amount_fen: int, channel: str) -> Payment:
        """A recharge that waits for its payer."""
        with self.held_at(at):
            return payments.create_payment(
                actor=of_driver(driver),
                driver=driver,
                channel=channel,
                amount_fen=amount_fen,
                way=WAYS[channel],
                openid=f"oDemo{driver.pk:023d}" if channel == "wechat" else "",
            )

    def pay(self, payment: Payment, at: datetime, *, told: bool = True) -> None:
        """The payer pays; the notice comes, or is lost."""
        with self.held_at(at):
            with self.book.lock:
                row = self.book.trades[payment.channel, payment.out_trade_no]
                row.state, row.paid_at = PAID, at.timestamp()
                row.provider_no = row.provider_no or f"42{self.book.new_number()}"[:28]
            if told:
                side = self.sandbox.side(payment.channel)
                # Alipay's notices carry the moment they tell of, WeChat Pay's the present one of their signature.
                stale = self.faults.stale_s
                if payment.channel == "alipay":
                    self.faults.stale_s = max(0, int(time.time() - at.timestamp()))
                try:
                    self._tell(payment.channel, *side.notice_of(row, secrets.token_hex(16), self.faults))
                finally:
                    self.faults.stale_s = stale

    def recharge(self, driver: Driver, at: datetime, amount_fen: int, channel: str) -> None:
        self.pay(self.ask(driver, at, amount_fen, channel), at)

    def ask_about_payments(self, at: datetime) -> None:
        """The job that finds what a lost notice left behind, and closes what nobody paid."""
        with self.held_at(at):
            payment_queries.query_due_payments(actor=JOB)

    def strangers_payment(self, at: datetime, amount_fen: int, channel: str, *, returned: bool) -> None:
        """A payment that never went through the platform, and with `returned` its refund at the channel."""
        moment, number = at.timestamp(), f"QR{at:%Y%m%d%H%M%S}{secrets.randbelow(10**6):06d}"
        with self.book.lock:
            row = TradeRow(channel, number, amount_fen, "native", "", "充电费", moment)
            row.state, row.paid_at, row.payer = PAID, moment, "oSandboxPayer"
            with self.held_at(at):
                row.provider_no = f"42{self.book.new_number()}"[:28]
            self.book.add(row)
            if returned:
                later = (at + timedelta(minutes=40)).timestamp()
                back = RefundRow(channel, f"{number}T", number, amount_fen, later, state="success")
                back.provider_no, back.finished_at = f"50{row.provider_no[2:]}", later
                self.book.add(back)

    # --- refunds, payouts, invoices ----------------------------------------------------
    def carry_out_refunds(self, at: datetime) -> None:
        """Approved refunds leave, and reach their payers a minute later."""
        with self.held_at(at):
            refund_sending.work_due_refunds(actor=JOB)
        with self.held_at(at + timedelta(minutes=1)):
            self.sandbox.finish_refunds()
            refund_sending.work_due_refunds(actor=JOB)

    def pay_out(self, at: datetime) -> None:
        """Due payouts leave; payees confirm, the channels answer, refusals are believed after a question."""
        due = Payout.objects.unscoped("every payout that is due")
        for wait in (timedelta(0), timedelta(seconds=12), timedelta(minutes=16)):
            if not due.filter(next_at__lte=at + wait).exists():
                continue
            with self.held_at(at + wait):
                sending.work_due_payouts(actor=JOB)
                self.sandbox.finish_transfers()

    def issue_invoices(self, at: datetime) -> None:
        for wait in (timedelta(0), timedelta(seconds=20)):
            with self.held_at(at + wait):
                issuing.work_due_invoices(actor=JOB)
                self.sandbox.invoices.finish()

    # --- pay score ---------------------------------------------------------------------
    def permit_score(self, driver: Driver, at: datetime) -> None:
        """The driver gives permission for pay score; the platform finds it by its query."""
        with self.held_at(at):
            token = score_permissions.ask_permission(actor=of_driver(driver), driver=driver)
            with self.book.lock:
                self.sandbox.wechat.score.open(token["apply_permissions_token"])
        with self.held_at(at + timedelta(seconds=15)):
            score_permissions.query_due(actor=JOB)

    def debit_score(self, at: datetime, *, empty: bool) -> None:
        """Ended charges are completed and debited; with `empty` the driver's accounts have nothing for now."""
        with self.held_at(at):
            score_orders.sweep(actor=JOB)
            with self.book.lock:
                for row in self.book.scores.values():
                    row.waits = row.waits or (empty and self.sandbox.wechat.score.is_paying(row))
            before = {row.number for row in self.book.scores.values() if row.debit_no}
            self.sandbox.debit_due()
            for row in self.book.scores.values():
                if row.debit_no and row.number not in before:
                    resource = self.sandbox.wechat.score.view(row)
                    notice = self.sandbox.wechat.score_notice_of(
                        "PAYSCORE.USER_PAID", resource, secrets.token_hex(16), self.faults
                    )
                    self._tell("wechat", *notice)

    @staticmethod
    def _tell(channel: str, headers: dict[str, str], body: bytes) -> None:
        payment_notices.take_notice(channel=channel, headers=headers, body=body, ip="127.0.0.1")


@contextmanager
def opened() -> Iterator[Till | None]:
    """The till of this data folder; None where the caller has channels or a running sandbox of their own."""
    if settings.PAYMENT_CHANNELS or _answers(settings.PAYMENT_SANDBOX_URL):
        yield None
        return
    sandbox = Sandbox(Path(settings.EV_DATA_DIR) / SANDBOX_FOLDER, by_itself=False)
    sandbox.faults.refund_gap_s = 0
    sandbox.faults.drop_callback = True  # the platform is not up yet: notices are handed over here
    before = settings.PAYMENT_SANDBOX_URL
    sandbox.invoices.base_url = before or sandbox.url  # where the documents will be found
    settings.PAYMENT_SANDBOX_URL = sandbox.start().url
    try:
        with sandbox.book.deferred():
            yield Till(sandbox)
    finally:
        settings.PAYMENT_SANDBOX_URL = before
        sandbox.stop()


def _answers(url: str) -> bool:
    """Whether a sandbox runs there already: its book is in its memory, and not ours to write."""
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    try:
        socket.create_connection((parts.hostname, parts.port or 80), timeout=1).close()
    except OSError:
        return False
    return True
