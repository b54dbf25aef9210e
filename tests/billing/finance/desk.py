"""Short words for tests of clearing, settlement and reconciliation: orders that are settled, people who decide."""

import itertools
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from billing import business_day
from billing.models import Account, Booking, ChargingOrder, MonthSale, PayoutAccount, Proposal
from billing.pricing.components import ReservationFee
from billing.services import bookings, debts, month_cards, proposals
from billing.services.checks import ledger_problems
from billing.services.clearing import clear
from billing.services.finance_checks import finance_problems
from billing.services.payment_checks import payment_problems
from kernel import clock
from kernel.actor import Actor, system
from tests import factories as f
from tests.users.tenants import make_order

JOB = system("tests")
_numbers = itertools.count(1)


def settled(
    site: f.Site,
    *,
    electricity_fen: int = 700,
    service_fen: int = 400,
    energy_kwh: str = "10.0000",
    driver=None,
    at: datetime | None = None,
    **fields,
) -> ChargingOrder:
    """An order that was settled at a moment and debited its driver, as `settling.settle` leaves it."""
    driver = driver or site.driver
    at = at or timezone.now()
    number = next(_numbers)
    order = make_order(
        site,
        driver,
        order_no=f"F{number:09d}{site.pile.pk}",
        transaction_ref=f"F{number:031d}",
        energy_kwh=Decimal(energy_kwh),
        electricity_fen=electricity_fen,
        service_fen=service_fen,
        total_fen=electricity_fen + service_fen,
        created_at=at - timedelta(hours=1),
        started_at=at - timedelta(hours=1),
        ended_at=at,
        settled_at=at,
        **fields,
    )
    with clock.held_at(at):
        debts.capture(actor=JOB, order=order)
    if order.covered_fen:
        order.save(update_fields=["covered_fen"])
    return order


def no_show(site: f.Site, *, driver=None, at: datetime | None = None, fen: int = 500) -> Booking:
    """A booking that nobody came to, ended by the clock at a moment."""
    at = at or timezone.now()
    booking = Booking.objects.create(
        booking_no=f"B{next(_numbers):09d}",
        operator=site.operator,
        station=site.station,
        pile=site.pile,
        connector=site.connector,
        driver=driver or site.driver,
        state="active",
        rule=ReservationFee(no_show_fen=fen).to_json(),
        created_at=at - timedelta(minutes=30),
        expires_at=at,
    )
    with clock.held_at(at):
        assert bookings.expire_due(actor=JOB) == 1
    booking.refresh_from_db()
    return booking


def month_sold(site: f.Site, *, at: datetime | None = None, fen: int = 3_000, card=None) -> MonthSale:
    """A month of a card, sold at the desk at a moment."""
    card = card or f.CardFactory(operator=site.operator, kind="month")
    with clock.held_at(at or timezone.now()):
        day = business_day.today()
        month_cards.sell_month(
            actor=JOB, card=card, amount_fen=fen, valid_from=day, valid_until=day + timedelta(days=29), reason="sold",
            idempotency_key=f"{next(_numbers)}",
        )  # fmt: skip
    return card.month_sales.first()


def bound_account(payee, *, channel="wechat", identity="oPayee", real_name="张三", **fields) -> PayoutAccount:
    """The account that a payee is paid to from now on, as two people and the payee's phone confirmed it."""
    PayoutAccount.objects.filter(payee=payee, state="verified").update(state="replaced")
    now = timezone.now()
    return PayoutAccount.objects.create(
        payee=payee,
        operator=payee.operator,
        channel=channel,
        identity=identity,
        real_name=real_name,
        state="verified",
        bound_by_key="staff:binder",
        bound_at=now,
        verified_by_key="staff:checker",
        verified_at=now,
        **fields,
    )


def clear_all() -> int:
    return clear.clear_due(actor=JOB, everything=True)


def two_people(*permissions: str, operator=None) -> tuple[Actor, Actor]:
    """One who asks and one who decides."""
    return (
        f.staff_actor("billing.propose_change", *permissions, operator=operator),
        f.staff_actor("billing.approve_change", *permissions, operator=operator),
    )


def agreed(kind: str, payload: dict, *, operator=None) -> Proposal:
    """A change that one asked for and another approved."""
    one, other = two_people()
    proposal = proposals.propose(actor=one, kind=kind, operator=operator, payload=payload, reason="as agreed")
    return proposals.approve(actor=other, proposal=proposal)


def money_of(payee, kind: str = "payable") -> int:
    account = Account.objects.filter(kind=kind, payee=payee).first()
    return account.balance_fen if account else 0


def platform(kind: str) -> int:
    account = Account.objects.filter(kind=kind, driver=None, operator=None).first()
    return account.balance_fen if account else 0


def assert_ties() -> None:
    """The whole ledger balances, and is what clearing, payments and payouts add up to."""
    assert [*ledger_problems(), *payment_problems(), *finance_problems()] == []
