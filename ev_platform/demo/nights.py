"""The demo's past as the finance desk lived it: nights that divide, state and pay out, mornings that compare and close,
and what still waits for somebody.

Every step is (moment, act); the history merges them with the visits and runs each with the clock held at its moment.
"""

import itertools
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

from django.utils import translation

from billing import business_day
from billing.models import (
    ChargingOrder,
    Difference,
    Invoice,
    Payout,
    Proposal,
    Statement,
)
from billing.services import month_cards, nightly, proposals, refunds
from billing.services.clearing import clear, payees
from billing.services.invoices import requests
from billing.services.invoices.paid import paid_by_kinds
from billing.services.payouts import contracts, decisions, statements
from billing.services.reconciliation import day_close, reconcile
from ev_platform.demo import world
from ev_platform.demo.agreements import agree, person
from ev_platform.demo.till import JOB, Till
from kernel.errors import DomainError
from kernel.services import exports
from users.actors import of_driver
from users.models import Card, Driver, Operator

WHY = "the demo's own rows"
DAYS = 7
CLOSED_BEFORE = 3  # days back: from here on a person has closed them; the last two are left to do
STRANGER, RETURNED = (2, 3_680, "wechat"), (5, 2_600, "wechat")
Step = tuple[datetime, Callable[[], None]]


def steps(till: Till, now: datetime) -> list[Step]:
    """Everything that happened before `now`, in order."""
    desk = _Desk(till, business_day.day_of(now))
    found = itertools.chain(desk.nights(), desk.events())
    return sorted((step for step in found if step[0] < now), key=lambda step: step[0])


class _Desk:
    def __init__(self, till: Till, today: date):
        self.till, self.today = till, today

    def at(self, days_ago: int, hour: int, minute: int = 0) -> datetime:
        """A moment of Beijing's wall clock, so many days ago."""
        return datetime.combine(
            self.today - timedelta(days=days_ago), time(hour, minute), tzinfo=business_day.ZONE
        )

    # --- every night and morning ---------------------------------------------------------
    def nights(self) -> Iterator[Step]:
        for back in range(DAYS, 0, -1):
            day, after = self.today - timedelta(days=back), back - 1
            yield self.at(after, 1, 50), lambda: clear.clear_due(actor=JOB, everything=True)
            yield self.at(after, 2), lambda back=back: self._state(back)
            yield self.at(after, 3, 5), nightly.run_if_due
            yield self.at(after, 3, 10), lambda back=back: self._pay_out(self.at(back - 1, 3, 10))
            yield self.at(after, 9, 30), lambda back=back: self._morning(back)
            yield self.at(after, 10, 5), lambda day=day: self._compare(day)
            if back >= CLOSED_BEFORE:
                yield self.at(after, 10, 40), lambda day=day: self._close(day)

    def _state(self, back: int) -> None:
        """Statements and payouts; one night the merchant's account is empty for an hour, one payee is refused."""
        contracts.book_due_fees(actor=JOB)
        statements.build_due_statements(actor=JOB)
        faults = self.till.faults
        if back == 3:
            faults.transfer_funds_fen = 0
        if back == 1:
            faults.fail_next, faults.fail_status = 1, 400
            faults.fail_code, faults.fail_message = "PAYEE_ACCOUNT_ABNORMAL", "收款账户状态异常"
        self._pay_out(self.at(back - 1, 2))
        faults.transfer_funds_fen, faults.fail_next = -1, 0

    def _pay_out(self, at: datetime) -> None:
        self.till.pay_out(at)

    def _morning(self, back: int) -> None:
        """People look at yesterday's statements; the newest payouts of the second operator are left to approve."""
        for statement in Statement.objects.unscoped(WHY).filter(
            confirmed_at=None, operator__code=world.PEOPLE_OF, payee__kind="operator"
        ):
            if back > 1:
                statements.confirm_statement(actor=person("caiwu"), statement=statement)
        if back > 1:
            for payout in Payout.objects.unscoped(WHY).filter(state=Payout.State.CREATED):
                decisions.approve_payout(actor=person("admin"), payout=payout)
            for payout in Payout.objects.unscoped(WHY).filter(state=Payout.State.FAILED):
                decisions.retry_payout(actor=person("admin"), payout=payout, reason="商户余额已补足")
            self._pay_out(self.at(back - 1, 9, 31))

    def _compare(self, day: date) -> None:
        for channel in reconcile.channels_of(day):
            reconcile.reconcile_day(actor=JOB, day=day, channel=channel)

    def _close(self, day: date) -> None:
        desk = person("zhangwu")
        for row in Difference.objects.filter(day=day, state=Difference.State.OPEN):
            day_close.explain(
                actor=desk, difference=row, note="车主误扫旧收款码，已在微信商户平台原路退回，平台无需入账"
            )
        day_close.close_day(actor=desk, day=day)

    # --- what happened once ----------------------------------------------------------------
    def events(self) -> Iterator[Step]:
        days, amount, channel = RETURNED
        yield (
            self.at(days, 12),
            lambda: self.till.strangers_payment(self.at(RETURNED[0], 12), amount, channel, returned=True),
        )
        yield (
            self.at(STRANGER[0], 12),
            lambda: self.till.strangers_payment(self.at(STRANGER[0], 12), *STRANGER[1:], returned=False),
        )
        yield self.at(6, 15), self._month_card
        yield self.at(5, 15), lambda: self._refund(2_000, "充值金额过多", 5, 16)
        yield self.at(4, 16), lambda: self._order_refund(200, "枪头接触不良，补偿电费", approved=True)
        yield (
            self.at(3, 14),
            lambda: self._refund(5_000, "误操作充值", 3, 15, rejected="余额可继续使用，车主同意不退"),
        )
        yield self.at(3, 11), self._adjustment
        yield self.at(4, 19), lambda: self._invoice("person", self.at(4, 20))
        yield self.at(3, 19), lambda: self._invoice("wrong", self.at(3, 20))
        yield self.at(2, 11), lambda: self._red(self.at(2, 15))
        yield (
            self.at(2, 19),
            lambda: self._invoice("person", self.at(2, 20), rejected="抬头与实名不符，请重新提交"),
        )
        yield self.at(1, 18), lambda: self._refund(6_800, "车辆已出售，余额退回")
        yield self.at(1, 20), lambda: self._invoice("company")
        yield self.at(1, 17), self._weekly
        yield self.at(1, 21), lambda: self._order_refund(150, "充电中断，申请部分退款", approved=False)

    def _month_card(self) -> None:
        card = Card.objects.unscoped(WHY).filter(kind=Card.Kind.MONTH).first()
        day = self.today - timedelta(days=6)
        if card is not None:
            month_cards.sell_month(
                actor=person("huiyun"), card=card, amount_fen=9_900, valid_from=day,
                valid_until=day + timedelta(days=29), reason="月卡续费", idempotency_key="demo",
            )  # fmt: skip

    def _refund(
        self, amount_fen: int, reason: str, days: int = 0, hour: int = 0, *, rejected: str = ""
    ) -> None:
        """A driver who has so much asks for it; with an hour it is decided and carried out then."""
        drivers = list(Driver.objects.unscoped(WHY).filter(is_frozen=False).order_by("pk"))
        turn = amount_fen // 100 % len(drivers)  # not always the same driver
        for driver in drivers[turn:] + drivers[:turn]:
            try:
                refund = refunds.request_refund(
                    actor=of_driver(driver), driver=driver, amount_fen=amount_fen, reason=reason
                )
            except DomainError:
                continue
            break
        else:
            return
        if hour:
            with self.till.held_at(self.at(days, hour)):
                if rejected:
                    refunds.reject_refund(actor=person("zhangwu"), refund=refund, reason=rejected)
                    return
                refunds.approve_refund(actor=person("zhangwu"), refund=refund)
            self.till.carry_out_refunds(self.at(days, hour, 1))

    def _order_refund(self, amount_fen: int, reason: str, *, approved: bool) -> None:
        """The newest order of the first operator that still has so much of its electricity."""
        operator = Operator.objects.unscoped(WHY).get(code=world.PEOPLE_OF)
        orders = ChargingOrder.objects.unscoped(WHY).filter(
            operator=operator, state="settled", electricity_fen__gt=amount_fen, payer_kind="wallet"
        )
        for order in orders.order_by("-settled_at")[:10]:
            payload = {"order_no": order.order_no, "amounts": {"electricity": amount_fen}}
            try:
                asked = proposals.propose(
                    actor=person("caiwu"),
                    kind=Proposal.Kind.ORDER_REFUND,
                    operator=operator,
                    payload=payload,
                    reason=reason,
                )
            except DomainError:
                continue
            if approved:
                proposals.approve(actor=person("zhangwu"), proposal=asked)
            return

    def _adjustment(self) -> None:
        operator = Operator.objects.unscoped(WHY).get(code=world.PEOPLE_OF)
        agree(
            Proposal.Kind.ADJUSTMENT,
            {"payee": payees.operator_payee(operator).pk, "amount_fen": 1_250},
            operator=operator,
            reason="上月停机期间服务费补付",
        )

    def _invoice(self, buyer: str, decided_at: datetime | None = None, *, rejected: str = "") -> None:
        """A driver with orders at the first operator asks for an invoice over the newest of them."""
        for driver in Driver.objects.unscoped(WHY).order_by("pk"):
            rows = list(requests.invoiceable_orders(driver).filter(operator__code=world.PEOPLE_OF)[:3])
            paid = paid_by_kinds(rows)
            try:
                (invoice,) = requests.request_invoices(
                    actor=of_driver(driver),
                    driver=driver,
                    order_nos=[row.order_no for row in rows if paid[row.pk]],
                    buyer=requests.Buyer(*world.BUYERS[buyer]),
                )
            except DomainError:
                continue
            break
        else:
            return
        if decided_at is None:
            return
        with self.till.held_at(decided_at):
            if rejected:
                requests.reject_invoice(actor=person("caiwu"), invoice=invoice, reason=rejected)
                return
            requests.approve_invoice(actor=person("caiwu"), invoice=invoice)
        self.till.issue_invoices(decided_at + timedelta(minutes=1))

    def _red(self, approved_at: datetime) -> None:
        blue = (
            Invoice.objects.unscoped(WHY).filter(buyer_name=world.BUYERS["wrong"][1], state="issued").first()
        )
        if blue is None:
            return
        red = requests.request_red(actor=person("caiwu"), invoice=blue, reason="购方名称有误，冲红重开")
        with self.till.held_at(approved_at):
            requests.approve_invoice(actor=person("zhangwu"), invoice=red)
        self.till.issue_invoices(approved_at + timedelta(minutes=1))

    def _weekly(self) -> None:
        """Other terms for the second operator, which nobody has approved yet."""
        proposals.propose(
            actor=person("zhangwu"),
            kind=Proposal.Kind.FINANCE_TERMS,
            operator=Operator.objects.unscoped(WHY).exclude(code=world.PEOPLE_OF).order_by("pk").first(),
            payload={"cycle": "weekly", "minimum_payout_fen": 10_000},
            reason="对方申请改为周结",
        )


def export_week(now: datetime) -> None:
    """The week by operator and day, as a file that the platform's finance asked for."""
    today = business_day.day_of(now)
    params = {
        "dimension": "operator",
        "grain": "day",
        "first": (today - timedelta(days=DAYS)).isoformat(),
        "last": today.isoformat(),
    }
    with translation.override("zh-hans"):
        job = exports.request_export(
            actor=person("zhangwu"), exporter="report", file_format="xlsx", params=params
        )
    exports.run_export(job_id=job.pk)
