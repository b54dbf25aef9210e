"""A simulated week: three operators, an agent, recharges over two channels, orders, refunds, and every settlement.

Every day drivers recharge at both channels and charge, somebody does not come to what they booked and somebody buys a
month card; the nights divide, state, pay out, compare with the channels'
bills and close. At the end payers ask for invoices. `report` adds the week up once more from the outside: the
sandbox's own books, the statements, and the ledger.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from billing import business_day
from billing.models import (
    Booking,
    ClearingLine,
    ClearingRecord,
    DayClose,
    Difference,
    Invoice,
    MonthSale,
    Payment,
    Payout,
    RefundPart,
    Statement,
)
from billing.payments.sandbox import Sandbox
from billing.services import bookings, month_cards
from billing.services.clearing import clear, payees
from billing.services.invoices import issuing, requests
from billing.services.invoices.paid import paid_by_kind
from billing.services.payouts import sending, statements
from billing.services.reconciliation import day_close, reconcile
from kernel import clock
from tests import factories as f
from tests.billing.finance.desk import JOB, agreed, bound_account, month_sold, no_show, settled
from tests.billing.finance.past import paid_at_channel, recharge, refund
from users.actors import of_driver

CHANNELS = ("wechat", "alipay")
AGENT_BP = 3_000
TAX_NO = "91310000MA1FL0000X"


@dataclass
class Week:
    """The people and places of the week, and what happened."""

    sandbox: Sandbox
    drivers_each: int = 2
    orders_a_day: int = 1
    seed: int = 7
    sites: list[f.Site] = field(default_factory=list)
    agents: list = field(default_factory=list)
    drivers: list[tuple[f.Site, object]] = field(default_factory=list)
    orders: list = field(default_factory=list)
    beside: list = field(default_factory=list)
    lost: int = 0

    def open(self) -> "Week":
        """Three operators: one with an agent of 30 %, one with commission, one with a monthly minimum."""
        for number in range(3):
            site = f.make_site(balance_fen=0)
            operator = site.operator
            terms = {"auto_payout": True, "minimum_payout_fen": 1 if number < 2 else 5_000}
            agreed("finance_terms", terms, operator=operator)
            invoice = {
                "seller_name": f"{operator.name}公司",
                "seller_tax_no": TAX_NO,
                "auto_approve_fen": 100_000_000,
            }
            agreed("invoice_terms", invoice, operator=operator)
            owner = payees.operator_payee(operator)
            owner.phone = f"1390000000{number}"
            owner.save()
            bound_account(
                owner,
                channel=CHANNELS[number % 2],
                identity=f"2088{number:012d}" if number % 2 else f"o{number}",
            )
            rule = {"channel_fee_bp": 60, "commission": {"any": {"bp": 500}}, "shares": {}}
            if number == 0:
                agent = payees.create_payee(
                    actor=f.staff_actor("billing.add_payee"), operator=operator, kind="agent", code="AG", name="代理",
                    phone="13900000099",
                )  # fmt: skip
                bound_account(agent, identity="oAgent")
                self.agents.append(agent)
                rule["shares"] = {
                    "any": [
                        {"payee": owner.pk, "bp": 10_000 - AGENT_BP},
                        {"payee": agent.pk, "bp": AGENT_BP},
                    ]
                }
            f_rule(operator, rule)
            self.sites.append(site)
            self.drivers += [
                (site, f.make_driver(balance_fen=0, operator=operator)) for _ in range(self.drivers_each)
            ]
        return self

    def live(self, first: datetime, days: int = 7) -> None:
        """Live the days from noon of `first` on, each with its night."""
        chance = random.Random(self.seed)
        for number in range(days):
            self._day(first + timedelta(days=number), chance)
            self._night(first + timedelta(days=number, hours=24))

    def _day(self, noon: datetime, chance: random.Random) -> None:
        for site, driver in self.drivers:
            channel = chance.choice(CHANNELS)
            amount = chance.randrange(8_000, 20_000) * self.orders_a_day
            if chance.random() < 0.2:  # the notice never comes: the night finds it
                paid_at_channel(self.sandbox, driver, noon, amount, channel)
                self.lost += 1
            recharge(self.sandbox, driver, noon + timedelta(minutes=1), amount, channel)
            for turn in range(self.orders_a_day):
                at = noon + timedelta(minutes=10 * (turn + 1), seconds=chance.randrange(500))
                electricity, service = chance.randrange(1, 4_000), chance.randrange(0, 1_500)
                order = settled(
                    site, driver=driver, at=at, electricity_fen=electricity, service_fen=service,
                    energy_kwh=f"{chance.randrange(1, 90_000) / 1000:.4f}",
                )  # fmt: skip
                self.orders.append(order)
        # What is paid for no charge: a booking that nobody came to, a month card, and now and then both given back.
        site, driver = chance.choice(self.drivers)
        booking = no_show(site, driver=driver, at=noon + timedelta(hours=6), fen=chance.randrange(1, 900))
        sale = month_sold(site, at=noon + timedelta(hours=6), fen=chance.randrange(1_000, 9_000))
        self.beside += [booking, sale]
        with clock.held_at(noon + timedelta(hours=10)):
            if chance.random() < 0.3:
                bookings.waive(actor=JOB, booking_no=booking.booking_no, reason="he did come")
            if chance.random() < 0.3:
                month_cards.pay_back_month(
                    actor=JOB, sale=sale, amount_fen=month_cards.unused_fen(sale), reason="moved away"
                )
        site, driver = chance.choice(self.drivers)
        refund(self.sandbox, driver, noon + timedelta(hours=8), chance.randrange(1, 300))
        given = chance.choice(self.orders)
        with clock.held_at(noon + timedelta(hours=9)):
            amounts = {"electricity": max(1, given.electricity_fen // 50)}
            agreed("order_refund", {"order_no": given.order_no, "amounts": amounts}, operator=given.operator)

    def _night(self, at: datetime) -> None:
        with clock.held_at(at):
            clear.clear_due(actor=JOB, everything=True)
            statements.build_due_statements(actor=JOB)
            for _turn in range(2):
                Payout.objects.filter(next_at__isnull=False).update(next_at=at)
                sending.work_due_payouts(actor=JOB)
                self.sandbox.finish_transfers()
            day = business_day.day_of(at) - timedelta(days=1)
            for channel in CHANNELS:
                assert reconcile.reconcile_day(actor=JOB, day=day, channel=channel).open == 0
            day_close.close_day(actor=JOB, day=day)

    def invoice_everything(self) -> None:
        """Every driver asks for invoices over all their orders, and gets them."""
        for _site, driver in self.drivers:
            numbers = [order.order_no for order in requests.invoiceable_orders(driver) if paid_by_kind(order)]
            buyer = requests.Buyer("individual", "张三")
            requests.request_invoices(
                actor=of_driver(driver), driver=driver, order_nos=numbers[:200], buyer=buyer
            )
        for _turn in range(2):
            Invoice.objects.filter(next_at__isnull=False).update(next_at=clock.now())
            issuing.work_due_invoices(actor=JOB, limit=10_000)
            self.sandbox.invoices.finish()

    def _beside(self) -> list:
        for row in self.beside:
            row.refresh_from_db()
        return self.beside

    def report(self) -> dict[str, int]:
        """The week in fen, each figure from another place; `assert_ties` of the desk covers the ledger itself."""
        book = self.sandbox.book
        paid = sum(row.amount_fen for row in book.trades.values() if row.state == "paid")
        back = sum(row.amount_fen for row in book.refunds.values() if row.state == "success")
        out = sum(row.amount_fen for row in book.transfers.values() if row.state == "success")
        fees = sum(row["fees_fen"] for day in DayClose.objects.all() for row in day.figures.values())
        lines = ClearingLine.objects.all()
        carried = Statement.objects.order_by("day_to").values_list(
            "payee_id", "carried_out_fen"
        )  # the last counts
        return {
            "orders": len(self.orders),
            "payments_fen": paid,
            "payments_here_fen": sum(
                Payment.objects.filter(state="succeeded").values_list("paid_fen", flat=True)
            ),
            "refunds_fen": back,
            "refunds_here_fen": sum(
                RefundPart.objects.filter(state="succeeded").values_list("amount_fen", flat=True)
            ),
            "bills_payments_fen": sum(
                r["payments_fen"] for d in DayClose.objects.all() for r in d.figures.values()
            ),
            "bills_refunds_fen": sum(
                r["refunds_fen"] for d in DayClose.objects.all() for r in d.figures.values()
            ),
            "channel_fees_fen": fees,
            "income_fen": sum(ClearingRecord.objects.values_list("gross_fen", flat=True)),
            "beside_fen": sum(ClearingRecord.objects.filter(order=None).values_list("gross_fen", flat=True)),
            "beside_here_fen": sum(
                row.amount_fen * (row.waiver_id is None)
                if isinstance(row, Booking)
                else row.amount_fen - row.refunded_fen
                for row in self._beside()
            ),
            "by_desk_fen": sum(row.amount_fen - row.refunded_fen for row in MonthSale.objects.all()),
            "divided_fen": sum(lines.values_list("amount_fen", flat=True)),
            "shares_fen": sum(lines.filter(role="share").values_list("amount_fen", flat=True)),
            "stated_fen": sum(Statement.objects.values_list("shares_fen", flat=True)),
            "payouts_fen": sum(Payout.objects.filter(state="paid").values_list("amount_fen", flat=True)),
            "transfers_fen": out,
            "carried_fen": sum(dict(carried).values()),
            "invoices": Invoice.objects.filter(state="issued").count(),
            "invoiced_fen": sum(Invoice.objects.filter(state="issued").values_list("gross_fen", flat=True)),
            "provider_invoiced_fen": sum(
                row.request["gross_fen"] for row in self.sandbox.invoices.rows.values()
            ),
            "differences_open": Difference.objects.filter(state="open").count(),
            "days_closed": DayClose.objects.filter(state="closed").count(),
        }


def f_rule(operator, terms) -> None:
    """The clearing rule of an operator, from before the week."""
    from billing.models import ClearingRule

    ClearingRule.objects.create(
        operator=operator,
        number=1,
        effective_at=f.LONG_AGO,
        terms=terms,
        published_by="x",
        published_at=f.LONG_AGO,
    )
