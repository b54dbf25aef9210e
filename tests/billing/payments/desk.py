"""Short words for tests of payments: recharge, pay, tell, look."""

from dataclasses import dataclass
from datetime import timedelta

import httpx
from django.utils import timezone

from billing.models import Account, Payment, RefundPart
from billing.payments.sandbox import Sandbox
from billing.services import payment_queries, payments, refund_sending, refunds
from billing.services.payment_checks import payment_problems
from kernel.actor import system
from tests.billing import flow
from tests.live import LiveGateway
from users.actors import of_driver

JOB = system("tests")


@dataclass
class Desk:
    """The sandbox and the live server behind it."""

    sandbox: Sandbox
    gateway: LiveGateway

    def recharge(self, driver, amount_fen: int = 5_000, channel: str = "wechat", **options) -> Payment:
        """A payment that waits for its payer, who has opened it."""
        payment = open_payment(driver, amount_fen, channel, **options)
        see(self.sandbox, payment)
        return payment

    def paid(self, driver, amount_fen: int = 5_000, channel: str = "wechat") -> Payment:
        """A payment that was paid and told."""
        payment = self.recharge(driver, amount_fen, channel)
        self.sandbox.pay(payment.out_trade_no)
        payment.refresh_from_db()
        assert payment.state == "succeeded", self.sandbox.told
        return payment

    def post(self, channel: str, headers: dict, body: bytes) -> httpx.Response:
        url = f"{self.gateway.http_url}/api/v1/payments/{channel}/notify"
        return httpx.post(url, headers=headers, content=body, trust_env=False)


def open_payment(driver, amount_fen: int = 5_000, channel: str = "wechat", **options) -> Payment:
    return payments.create_payment(
        actor=of_driver(driver), driver=driver, channel=channel, amount_fen=amount_fen, **options
    )


def see(sandbox: Sandbox, payment: Payment) -> None:
    """The payer opens what the app was given; an Alipay page exists there only from then on."""
    params = payment.pay_params
    if "pay_url" in params:
        assert httpx.get(params["pay_url"], trust_env=False).status_code == 303
    elif "order_string" in params:
        url = f"{sandbox.url}/alipay/app?{params['order_string']}"
        assert httpx.get(url, trust_env=False).status_code == 303
    elif "paySign" in params or "sign" in params:
        assert httpx.get(f"{sandbox.url}/wechat/app", params=params, trust_env=False).status_code == 303
    else:
        url = params.get("code_url") or params["h5_url"]
        assert httpx.get(url, trust_env=False).status_code == 200


def due(payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk).update(next_query_at=timezone.now() - timedelta(seconds=1))


def query_due() -> int:
    return payment_queries.query_due_payments(actor=JOB)


def expire(payment: Payment) -> None:
    """Let the payment have expired."""
    Payment.objects.filter(pk=payment.pk).update(
        expires_at=timezone.now() - timedelta(minutes=5), next_query_at=timezone.now()
    )


def ask_refund(driver, amount_fen: int, **options):
    return refunds.request_refund(actor=of_driver(driver), driver=driver, amount_fen=amount_fen, **options)


def work_refunds(times: int = 1) -> None:
    """Let the job run as if every wait were over."""
    for _ in range(times):
        past = timezone.now() - timedelta(seconds=1)
        RefundPart.objects.filter(next_at__isnull=False).update(next_at=past)
        RefundPart.objects.filter(sent_at__isnull=False).update(sent_at=past - timedelta(hours=1))
        refund_sending.work_due_refunds(actor=JOB)


def balance(driver, kind: str = "wallet") -> int:
    account = Account.objects.filter(kind=kind, driver=driver).first()
    return account.balance_fen if account else 0


def platform(kind: str) -> int:
    account = Account.objects.filter(kind=kind, driver=None, operator=None).first()
    return account.balance_fen if account else 0


def assert_books_balance() -> None:
    """The ledger balances, and is what payments and refunds add up to."""
    flow.assert_books_balance()
    assert list(payment_problems()) == []
