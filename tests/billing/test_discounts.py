"""Discounts: frozen with the order, booked against who bears them, within their budgets under two connections."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from billing.models import Account, ChargingOrder, ClearingLine, Discount, DiscountUse
from billing.services import checks, discounts, price_groups
from billing.services.clearing import clear
from billing.services.clearing.order_refunds import income_left
from billing.services.offers import offer_for
from kernel.actor import system
from kernel.errors import DomainError
from tests.billing import flow
from tests.billing.finance.desk import agreed
from tests.factories import make_driver, make_site, staff_actor

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
JOB = system("tests")
HALF_PAST_NINE = datetime.fromisoformat("2026-11-20T09:30:00+08:00")


@pytest.fixture
def clock():
    """09:30 in the station: flat (0.70 + 0.40) until 10:00, then peak (1.00 + 0.40) until 12:00."""
    with time_machine.travel(HALF_PAST_NINE, tick=False) as travel:
        yield travel


def discount(site=None, **fields) -> Discount:
    fields = {
        "name": "Autumn",
        "off_bp": 0 if "off_fen" in fields else 1_000,
        "fees": ["service"],
        "valid_from": timezone.now() - timedelta(hours=1),
        **fields,
    }
    return discounts.save_discount(actor=JOB, operator=site and site.operator, **fields)


def settled(site, clock, energies=None, **options) -> ChargingOrder:
    order = flow.charging(site, **options)
    clock.shift(timedelta(minutes=30))
    flow.send_record(site, flow.reported(site, order, energies or {"flat": "10"}))
    order.refresh_from_db()
    assert order.state == "settled"
    return order


def balance(kind, operator=None):
    account = Account.objects.filter(kind=kind, operator=operator).first()
    return account.balance_fen if account else 0


@pytest.mark.feature("MKT-01", "MKT-04", "TAR-13")
@pytest.mark.feature("USR-15")
def test_it_is_frozen_at_the_start_and_borne_by_the_operator(clock):
    site, elsewhere = make_site(), make_site()
    rule = discount(site, station=site.station, off_bp=2_500)
    order = flow.charging(site)
    discounts.save_discount(
        actor=JOB, operator=site.operator, discount_id=rule.pk, off_bp=10_000, is_active=False
    )
    clock.shift(timedelta(minutes=30))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    order.refresh_from_db()
    assert (order.service_fen, order.discount_fen, order.total_fen) == (400, 100, 1_000)
    assert order.bill["discounts"][0]["name"] == "Autumn" and DiscountUse.objects.get().used_fen == 100
    assert balance("operator_discounts", site.operator) == -100
    assert flow.money(site.driver) == (9_000, 0, 0)
    assert settled(elsewhere, clock).discount_fen == 0
    assert not list(checks.order_problems())
    flow.assert_books_balance()


@pytest.mark.feature("FIN-05")
def test_shares_are_of_what_was_paid_and_a_refund_is_no_more(clock):
    site = make_site()
    from billing.services.clearing import payees

    owner = payees.operator_payee(site.operator)
    payload = {
        "terms": {
            "commission": {"service": {"bp": 1_000}},
            "shares": {"any": [{"payee": owner.pk, "bp": 10_000}]},
        },
        "station": None,
        "effective_at": (timezone.now() + timedelta(seconds=1)).isoformat(),
    }
    agreed("clearing_rule", payload, operator=site.operator)
    clock.shift(2)
    discount(site, off_bp=2_500)
    order = settled(site, clock)
    clear.clear_due(actor=JOB, everything=True)
    lines = {(r.fee_kind, r.role): r.amount_fen for r in ClearingLine.objects.all()}
    # the service fee was 4.00, 3.00 after the discount: the platform keeps 10 % of what was paid
    assert lines == {("electricity", "share"): 700, ("service", "commission"): 30, ("service", "share"): 270}
    assert balance("operator_service", site.operator) == balance("operator_discounts", site.operator) == 0
    assert income_left(order) == {"electricity": 700, "service": 300}
    with pytest.raises(DomainError) as refusal:
        agreed(
            "order_refund", {"order_no": order.order_no, "amounts": {"service": 301}}, operator=site.operator
        )
    assert refusal.value.code == "order_refund_above"
    agreed(
        "order_refund",
        {"order_no": order.order_no, "amounts": {"service": 300, "electricity": 700}},
        operator=site.operator,
    )
    clear.clear_due(actor=JOB, everything=True)
    assert sum(ClearingLine.objects.values_list("amount_fen", flat=True)) == 0
    assert flow.money(site.driver) == (10_000, 0, 0)
    flow.assert_books_balance()


@pytest.mark.feature("MKT-02")
def test_a_time_of_day_discount_takes_only_from_the_energy_of_its_window(clock):
    site = make_site(protocol="ocpp16")
    discount(site, off_bp=10_000, from_slot=20, to_slot=24, fees=["electricity", "service"])  # 10:00-12:00
    order = flow.charging(site)
    begun = order.started_at
    for energy in ("5", "10", "15", "20"):
        clock.shift(timedelta(minutes=15))
        flow.sample(site, order, energy, power="20")
    flow.send_record(
        site,
        flow.ocpp_record(
            site, order, meter_start="100", meter_end="120", started_at=begun, ended_at=timezone.now()
        ),
    )
    order.refresh_from_db()
    # 10 kWh flat at 1.10 before ten, 10 kWh peak at 1.40 after
    assert (order.state, order.discount_fen, order.total_fen) == ("settled", 1_400, 1_100)
    assert not list(checks.order_problems())


@pytest.mark.feature("MKT-03")
def test_only_the_driver_or_the_group_it_names(clock, monkeypatch):
    site, friend = make_site(), make_driver()
    discount(site, driver=friend, off_bp=10_000)
    discount(site, group="taxi", off_bp=5_000)
    monkeypatch.setattr(
        price_groups, "_provider", lambda driver, operator: ["taxi"] if driver == site.driver else []
    )
    assert settled(site, clock, driver=friend).discount_fen == 400
    assert settled(site, clock).discount_fen == 200
    assert settled(site, clock, driver=make_driver()).discount_fen == 0


@pytest.mark.feature("MKT-05")
def test_a_campaign_holds_within_its_dates_and_its_budget(clock):
    site = make_site(balance_fen=50_000)
    rule = discount(
        site,
        off_bp=5_000,
        cap_fen=150,
        budget_fen=250,
        valid_to=timezone.now() + timedelta(hours=3),
    )
    first = flow.charging(site)
    rule.refresh_from_db()
    assert (rule.reserved_fen, rule.used_fen) == (150, 0)
    # 100 are left, less than one order may take: the second goes without
    assert settled(site, clock, driver=make_driver(), connector=site.connectors[1]).discount_fen == 0
    flow.send_record(site, flow.reported(site, first, {"flat": "5"}))
    rule.refresh_from_db()
    assert (rule.reserved_fen, rule.used_fen) == (0, 100)
    abandoned = flow.start(site)
    rule.refresh_from_db()
    assert rule.reserved_fen == 150
    flow.answer(abandoned, state="rejected", reason="fault")
    rule.refresh_from_db()
    assert (rule.reserved_fen, rule.used_fen) == (0, 100)
    assert settled(site, clock).discount_fen == 150
    assert settled(site, clock).discount_fen == 0  # used up
    clock.shift(timedelta(hours=3))
    rule = discount(site, off_bp=100, valid_to=timezone.now() + timedelta(minutes=1))
    clock.shift(timedelta(minutes=2))
    assert settled(site, clock).discount_fen == 0


@pytest.mark.feature("MKT-06")
def test_a_new_driver_has_it_for_the_first_orders_only(clock):
    site, other = make_site(), make_site()
    discount(site, first_orders=2, off_bp=10_000)
    settled(other, clock, driver=site.driver)  # at another operator: counts there
    refused = flow.start(site)
    flow.answer(refused, state="rejected", reason="fault")  # no charge at all
    assert [settled(site, clock).discount_fen for _ in range(3)] == [400, 400, 0]


@pytest.mark.parametrize(
    ("rules", "off"),
    [
        ([{"off_bp": 1_000}, {"off_fen": 150}], 150),  # the better one
        ([{"off_bp": 1_000}, {"off_fen": 50, "stack": True}], 90),  # on top
        ([{"off_fen": 5_000}], 400),  # never below nothing
        ([{"off_bp": 10_000, "cap_fen": 120}], 120),
    ],
)
def test_several_at_once(clock, rules, off):
    site = make_site()
    for rule in rules:
        discount(site, **rule)
    order = settled(site, clock)
    assert (order.discount_fen, order.total_fen) == (off, 1_100 - off)


@pytest.mark.feature("MKT-05")
def test_what_the_platform_bears_leaves_the_operator_whole(clock):
    site = make_site()
    discount(None, off_bp=10_000, fees=["electricity", "service"])
    order = settled(site, clock)
    assert (order.total_fen, order.discount_fen) == (0, 1_100)
    assert balance("operator_electricity", site.operator) == 700
    assert balance("platform_discounts") == -1_100
    assert income_left(order) == {"electricity": 0, "service": 0}, "nothing was paid, nothing can go back"
    assert not list(checks.order_problems())
    flow.assert_books_balance()


def test_what_cannot_be_is_refused_in_words(clock):
    site = make_site()
    own = staff_actor("billing.change_discount", operator=site.operator)
    base = {"name": "N", "off_bp": 100, "fees": ["service"], "valid_from": timezone.now()}
    for operator, fields, code in (
        (site.operator, {"name": " "}, "discount_invalid"),
        (site.operator, {"off_fen": 5}, "discount_invalid"),
        (site.operator, {"budget_fen": 100}, "discount_invalid"),
        (site.operator, {"from_slot": 3}, "discount_invalid"),
        (site.operator, {"from_slot": 3, "to_slot": 9, "fees": ["time"]}, "discount_invalid"),
        (site.operator, {"fees": ["parking"]}, "discount_invalid"),
        (site.operator, {"valid_to": timezone.now() - timedelta(days=1)}, "discount_invalid"),
        (site.operator, {"bearer": "platform"}, "discount_invalid"),
        (site.operator, {"station": make_site().station}, "not_found"),
        (None, {}, "permission_denied"),
    ):
        with pytest.raises(DomainError) as refusal:
            discounts.save_discount(actor=own, operator=operator, **{**base, **fields})
        assert refusal.value.code == code, fields
    assert not Discount.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_starts_at_once_never_overspend_a_budget_and_no_settlement_meets_a_start_crosswise():
    site = make_site(connectors=4)
    drivers = [make_driver(balance_fen=50_000) for _ in range(4)]
    rule = discount(site, off_bp=10_000, cap_fen=100, budget_fen=250)

    def begin(number):
        return flow.start(site, connector=site.connectors[number], driver=drivers[number])

    orders = [one for one in flow.in_threads(4, begin) if isinstance(one, ChargingOrder)]
    assert len(orders) == 4
    rule.refresh_from_db()
    assert rule.reserved_fen == 200 and DiscountUse.objects.count() == 2
    for order in orders:
        flow.answer(order)
        flow.begin(site, order)
        flow.shift_into_past(order, timedelta(minutes=10))
        flow.report_state(site, order, "idle")
        flow.report_state(site, order, "idle")
    # each driver starts again while the record of the first charge comes: wallet, then budget, on both ways
    Discount.objects.filter(pk=rule.pk).update(budget_fen=1_000)

    def work(number):
        if number % 2:
            return flow.start(site, connector=site.connectors[number // 2], driver=drivers[number // 2])
        return flow.send_record(site, flow.reported(site, orders[number // 2], {"flat": "0.5"}))

    assert not [one for one in flow.in_threads(4, work) if isinstance(one, Exception)]
    assert set(ChargingOrder.objects.filter(pk__in=[o.pk for o in orders[:2]]).values_list("state")) == {
        ("settled",)
    }
    rule.refresh_from_db()
    had = DiscountUse.objects.filter(order__in=orders[:2]).count()
    assert (rule.reserved_fen, rule.used_fen) == (100 * (2 - had + 2), 20 * had)
    assert not list(checks.ledger_problems())


def test_the_offer_before_the_start_names_them(clock):
    site = make_site()
    discount(site, off_bp=2_500)
    offer = offer_for(pile=site.pile, station=site.station, driver=site.driver, at=timezone.now())
    assert [rule.name for rule in offer.snapshot.discounts] == ["Autumn"]
