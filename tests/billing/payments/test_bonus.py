"""Recharge bonuses: apart from the driver's own money, spent after it, taken back when the recharge is."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from billing.models import Account, Hold, Payment, RechargeBonus, Refund
from billing.order_money import money_of
from billing.services import bonuses, proposals, refunds
from billing.services.paid_starts import PaidStart
from kernel.errors import DomainError
from kernel.models import AuditEvent
from marketing.models import RechargeOffer
from marketing.services import recharge_offers
from tests.api_client import ApiClient
from tests.billing import flow
from tests.billing.finance.desk import agreed, settled, two_people
from tests.billing.payments.desk import JOB, ask_refund, assert_books_balance, balance, work_refunds
from tests.factories import make_driver, make_site, make_staff, staff_actor
from users.models import Driver
from users.services import drivers


def offer(**fields) -> RechargeOffer:
    now = timezone.now()
    fields = {
        "name": "50 + 5", "least_fen": 5_000, "bonus_fen": 500, "opens_at": now - timedelta(days=1),
        "closes_at": now + timedelta(days=1), **fields,
    }  # fmt: skip
    return recharge_offers.save_offer(actor=JOB, **fields)


def platform_bonus() -> int:
    account = Account.objects.filter(kind="platform_bonus").first()
    return account.balance_fen if account else 0


@pytest.mark.feature("WAL-13")
def test_it_is_given_with_the_recharge_spent_last_and_comes_back_last(desk):
    offer(per_driver=1)
    site = make_site(balance_fen=0)
    driver, app = site.driver, ApiClient(site.driver)
    assert app.get("recharge-offers").json()[0]["bonus_fen"] == 500
    desk.paid(driver, 4_999)
    assert balance(driver, "bonus") == 0
    desk.paid(driver, 5_000)
    desk.paid(driver, 5_000)  # once per driver
    assert (balance(driver), balance(driver, "bonus"), platform_bonus()) == (14_999, 500, -500)
    shown = app.get("wallet").json()
    assert (shown["balance_fen"], shown["bonus_fen"], shown["available_fen"]) == (14_999, 500, 15_499)

    order = flow.charging(site, limit_fen=15_400)
    hold = Hold.objects.get(order=order)
    assert (hold.amount_fen, hold.bonus_fen, order.stop_at_fen) == (14_999, 401, 15_400)
    flow.shift_into_past(order, timedelta(hours=4))
    flow.send_record(site, flow.reported(site, order, {"flat": "139"}))
    order.refresh_from_db()
    assert (order.state, order.total_fen) == ("settled", 15_290)
    spent = 291
    assert (balance(driver), balance(driver, "bonus")) == (0, 500 - spent)
    assert bonuses.bonus_paid_of([order.pk]) == {order.pk: spent}
    assert (money_of(order).state, money_of(order).charged_fen) == ("paid", order.total_fen)
    assert not Account.objects.filter(held_fen__gt=0).exists()
    assert_books_balance()

    amounts = {"service": order.service_fen, "electricity": order.electricity_fen}
    agreed("order_refund", {"order_no": order.order_no, "amounts": amounts}, operator=site.operator)
    assert (balance(driver), balance(driver, "bonus")) == (14_999, 500)
    assert_books_balance()


def test_paying_a_recharge_back_takes_its_bonus_back_and_a_rejection_restores_it(desk):
    offer()
    driver = make_driver(balance_fen=0)
    desk.paid(driver, 5_000)
    refund = ask_refund(driver, 1_001)
    assert (balance(driver), balance(driver, "bonus"), platform_bonus()) == (3_999, 399, -399)
    refunds.reject_refund(actor=staff_actor("billing.approve_refund"), refund=refund, reason="no")
    assert (balance(driver), balance(driver, "bonus"), platform_bonus()) == (5_000, 500, -500)
    with pytest.raises(DomainError) as refusal:
        ask_refund(driver, 5_001)  # a bonus is never paid out
    assert refusal.value.code == "refund_above"
    refund = ask_refund(driver, 5_000)
    refunds.approve_refund(actor=staff_actor("billing.approve_refund"), refund=refund)
    work_refunds()
    desk.sandbox.finish_refunds()
    work_refunds()
    refund.refresh_from_db()
    assert refund.state == "succeeded"
    assert (balance(driver), balance(driver, "bonus"), platform_bonus()) == (0, 0, 0)
    given = RechargeBonus.objects.get()
    assert given.taken_back_fen == given.bonus_fen == 500
    assert_books_balance()


def test_only_the_first_only_within_the_budget_and_never_for_pay_and_start(desk):
    first = offer(first_only=True, bonus_fen=800, budget_fen=800)
    driver, late = make_driver(balance_fen=0), make_driver(balance_fen=0)
    desk.paid(driver, 5_000)
    desk.paid(driver, 5_000)
    desk.paid(late, 5_000)  # the budget is gone
    assert (balance(driver, "bonus"), balance(late, "bonus")) == (800, 0)
    first.refresh_from_db()
    assert first.given_fen == 800
    offer()
    payment = Payment.objects.filter(driver=late).get()
    site = make_site(balance_fen=0)
    PaidStart.objects.create(
        payment=payment, driver=late, connector=site.connector, operator=site.operator, station=site.station,
        pile=site.pile, created_at=timezone.now(),
    )  # fmt: skip
    assert bonuses.give(payment) is None


@pytest.mark.promise(6)
def test_a_start_and_a_refund_at_once_leave_sound_books_and_budgets_hold(desk):
    offer()
    for turn in range(3):
        site = make_site(balance_fen=0)
        desk.paid(site.driver, 5_000)

        def work(number):
            if number == turn % 2:  # noqa: B023
                return flow.start(site, limit_fen=5_400)  # noqa: B023
            return ask_refund(site.driver, 5_000)  # noqa: B023

        results = flow.in_threads(2, work)
        assert sum(isinstance(result, DomainError) for result in results) == 1, results
        held = sum(Account.objects.filter(driver=site.driver).values_list("held_fen", flat=True))
        refunded = any(isinstance(result, Refund) for result in results)
        assert (held, balance(site.driver, "bonus")) == ((0, 0) if refunded else (5_400, 500))
        assert_books_balance()

    few = offer(name="few", least_fen=9_000, bonus_fen=700, budget_fen=2_200)

    def take(number):
        with transaction.atomic():
            return recharge_offers.take_offer(
                amount_fen=9_000, at=timezone.now(), is_first=False, times=dict.fromkeys((few.pk - 1,), 9)
            )

    results = flow.in_threads(8, take)
    few.refresh_from_db()
    assert sum(result == few for result in results) == 3 and few.given_fen == 2_100


@pytest.mark.feature("USR-08", "WAL-13")
@pytest.mark.promise(6, 10)
def test_an_account_that_ends_gives_its_bonus_back_to_the_giver(desk):
    offer()
    offer(name="more", least_fen=6_000, bonus_fen=900)
    site = make_site(balance_fen=0)
    driver, staff = site.driver, staff_actor("users.cancel_driver")
    desk.paid(driver, 5_000)
    desk.paid(driver, 6_000)
    order = settled(site, electricity_fen=11_000, service_fen=300)  # 300 of it by the bonus
    assert (balance(driver), balance(driver, "bonus")) == (0, 1_100)
    desk.paid(driver, 100)
    late = desk.recharge(driver, 5_000)
    with pytest.raises(DomainError) as refusal:
        drivers.cancel_driver(actor=staff, driver=driver, reason="leaves")
    assert refusal.value.code == "driver_has_money" and balance(driver, "bonus") == 1_100
    settled(site, electricity_fen=100, service_fen=0)

    drivers.cancel_driver(actor=staff, driver=driver, reason="leaves")
    assert (balance(driver, "bonus"), platform_bonus()) == (0, -300)
    assert list(RechargeBonus.objects.order_by("pk").values_list("taken_back_fen", flat=True)) == [200, 900]
    event = AuditEvent.objects.get(action="billing.give_back_bonus")
    assert (event.actor_id, event.reason, event.before) == (staff.id, "leaves", {"bonus_fen": 1_100})
    assert_books_balance()
    # What comes back to the account later is the driver's own; the bonus of it is the giver's.
    amounts = {"electricity": order.electricity_fen, "service": order.service_fen}
    agreed("order_refund", {"order_no": order.order_no, "amounts": amounts}, operator=site.operator)
    assert (balance(driver), balance(driver, "bonus"), platform_bonus()) == (11_000, 0, 0)
    desk.sandbox.pay(late.out_trade_no)
    assert (balance(driver), balance(driver, "bonus")) == (16_000, 0), "no bonus for nobody"
    assert_books_balance()


@pytest.mark.promise(6)
def test_an_end_beside_a_start_or_a_refund_leaves_the_bonus_in_one_place(desk):
    offer(bonus_fen=900)  # enough to start with
    staff = staff_actor("users.cancel_driver")
    proposer, approver = two_people()
    for turn in range(4):
        site = make_site(balance_fen=0)
        driver = site.driver
        desk.paid(driver, 5_000)
        order = settled(site, electricity_fen=5_000, service_fen=100)
        proposal = proposals.propose(
            actor=proposer, kind="order_refund", operator=site.operator, reason="x",
            payload={"order_no": order.order_no, "amounts": {"electricity": 5_000, "service": 50}},
        )  # fmt: skip
        before = platform_bonus()

        def work(number):
            if number == turn % 2:  # noqa: B023
                return drivers.cancel_driver(actor=staff, driver=driver, reason="leaves")  # noqa: B023
            if turn < 2:  # noqa: B023
                return flow.start(site, limit_fen=400)  # noqa: B023
            return proposals.approve(actor=approver, proposal=proposal)  # noqa: B023

        results = flow.in_threads(2, work)
        ended = Driver.objects.unscoped("test").get(pk=driver.pk).cancelled_at is not None
        refused = {result.code for result in results if isinstance(result, DomainError)}
        assert not any(isinstance(r, Exception) and not isinstance(r, DomainError) for r in results), results
        if turn < 2:
            assert refused == ({"driver_frozen"} if ended else {"driver_unsettled"})
            assert (balance(driver, "bonus"), platform_bonus() - before) == ((0, 800) if ended else (800, 0))
        else:
            assert refused == (set() if ended else {"driver_has_money"})
            assert balance(driver) == 5_000 and balance(driver, "bonus") == (0 if ended else 850)
        assert_books_balance()


def test_offers_are_the_platforms_and_refuse_what_contradicts_itself(db, client):
    now = timezone.now()
    for fields, field in (
        ({"bonus_fen": 0}, "bonus_fen"),
        ({"least_fen": 0}, "least_fen"),
        ({"closes_at": now - timedelta(days=9)}, "closes_at"),
        ({"budget_fen": 499}, "budget_fen"),
    ):
        with pytest.raises(DomainError) as refusal:
            offer(**fields)
        assert (refusal.value.code, refusal.value.field) == ("recharge_offer_invalid", field)
    client.force_login(make_staff(superuser=True))
    form = {
        "name": "充100送10", "least_fen": "10000", "bonus_fen": "1000", "opens_at_0": "2026-01-01",
        "opens_at_1": "00:00", "closes_at_0": "2030-01-01", "closes_at_1": "00:00", "is_active": "on",
    }  # fmt: skip
    assert client.post("/admin/marketing/rechargeoffer/add/", form).status_code == 302
    page = client.get("/admin/marketing/rechargeoffer/").content.decode()
    assert "充100送10" in page and "¥10.00" in page
    assert client.get("/admin/billing/rechargebonus/").status_code == 200
