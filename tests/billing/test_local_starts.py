"""Starts by card and by VIN at the pile: every check of a start from the app, with the reason a pile can show."""

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import ChargingOrder, EnterpriseStation, Hold, ReviewItem
from billing.services import ledger, local_starts
from devices import events
from devices.events import START_REFUSALS, StartRequested
from devices.services import transactions
from kernel.actor import system
from kernel.errors import DomainError
from stations.models import Pile, PileModel, Station
from tests import factories as f
from tests.billing import flow
from users.models import Card, EnterpriseMember, WhitelistEntry
from users.services import cards

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
SYSTEM = system("tests")
YEAR = timedelta(days=365)


@pytest.fixture
def site():
    return f.make_site()


def ask(site, credential, *, method="card", connector=1, **more):
    """What the pile is told; YKC pads card numbers to sixteen digits."""
    padded = method == "card" and not more.get("transaction_ref")
    number = credential.rjust(16, "0") if padded else credential
    answers = events.publish(
        StartRequested(
            pile=site.ref,
            connector_no=connector,
            at=timezone.now(),
            method=method,
            credential=number,
            **more,
        )
    )
    return answers[0]


def money_card(site, amount_fen=10_000, **fields):
    card = f.CardFactory(**{"operator": site.operator, **fields})
    if amount_fen:
        ledger.top_up(actor=SYSTEM, driver=card, amount_fen=amount_fen, reason="r", idempotency_key="1")
    return card


def fleet(site, *, amount_fen=50_000, bound=True, **fields):
    """An enterprise with money that pays at the site's station."""
    enterprise = f.EnterpriseFactory(operator=site.operator, **fields)
    if amount_fen:
        ledger.top_up(actor=SYSTEM, driver=enterprise, amount_fen=amount_fen, reason="r", idempotency_key="1")
    if bound:
        EnterpriseStation.objects.create(enterprise=enterprise, station=site.station)
    return enterprise


def account(owner):
    return ledger.paying_account(ledger.payers.of(owner))


@pytest.mark.feature("STA-04", "CRD-05", "CRD-06", "CRD-04")
@pytest.mark.promise(2, 6)
def test_a_card_pays_from_its_own_account_and_is_asked_for_once(site):
    card = money_card(site)
    decision = ask(site, card.physical_no)
    order = ChargingOrder.objects.get()
    assert (decision.refusal, decision.order_no) == ("", order.order_no)
    assert decision.transaction_ref == order.transaction_ref != ""
    assert (decision.account_label, decision.balance_fen) == (card.logical_no, 10_000)
    assert (order.payer_kind, order.card, order.driver, order.start_method) == ("card", card, None, "card")
    assert account(card).held_fen == 10_000
    # The answer got lost: the pile asks again and hears the same.
    assert ask(site, card.physical_no) == decision
    assert ChargingOrder.objects.count() == 1
    flow.begin(site, order)
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    order.refresh_from_db()
    assert (order.state, order.total_fen) == ("settled", 1_100)
    assert (account(card).balance_fen, account(card).held_fen) == (8_900, 0)
    flow.assert_books_balance()


@pytest.mark.feature("STA-06", "VEH-08", "USR-03")
def test_a_verified_vehicle_of_a_fleet_starts_by_vin_and_its_enterprise_pays(site):
    enterprise = fleet(site)
    vehicle = f.VehicleFactory(enterprise=enterprise)
    decision = ask(site, vehicle.vin, method="vin")
    order = ChargingOrder.objects.get(order_no=decision.order_no)
    assert (order.payer_kind, order.enterprise, order.vin) == ("enterprise", enterprise, vehicle.vin)
    assert order.start_method == "vin"
    assert account(enterprise).held_fen == 20_000
    flow.begin(site, order)
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    assert account(enterprise).balance_fen == 48_900
    flow.assert_books_balance()


def _unpaid(site):
    card = money_card(site, 0)
    account(card)
    arrears = ledger.account_of("arrears", payer=ledger.payers.of(card))
    income = ledger.account_of("operator_service", operator=site.operator)
    ledger.post(key="owes", kind="correction", lines=[(arrears, -100), (income, 100)], actor=SYSTEM)
    return card.physical_no


def _unsettled(site):
    card = money_card(site)
    ask(site, card.physical_no, connector=2)
    ChargingOrder.objects.update(state="review")
    return card.physical_no


def _finishing(site):
    ask(site, money_card(site).physical_no)
    ChargingOrder.objects.update(state="finishing")
    return money_card(site, physical_no="77").physical_no


def _closed(site):
    Station.objects.update(is_open=False)
    return money_card(site).physical_no


def _no_capacity(site):
    def check(connector):
        raise DomainError("capacity_short")

    local_starts._CAPACITY_CHECKS.append(check)
    return money_card(site).physical_no


def _no_cards(site):
    model = PileModel.objects.create(brand="b", name="m", current_type="dc", rated_power_kw=60)
    Pile.objects.update(model=model, charge_mode="offline_billed")
    site.pile.refresh_from_db()
    return money_card(site).physical_no


def _member_limit(site):
    enterprise = fleet(site)
    driver = f.make_driver()
    EnterpriseMember.objects.create(
        enterprise=enterprise, operator=site.operator, driver=driver, day_limit_fen=400
    )
    card = f.CardFactory(operator=site.operator, driver=driver, enterprise=enterprise, pays_from="enterprise")
    return card.physical_no


def _enterprise_card(site, **fields):
    enterprise = fleet(site, **fields)
    return f.CardFactory(operator=site.operator, enterprise=enterprise, pays_from="enterprise").physical_no


def _frozen_driver(site):
    driver = f.make_driver(is_frozen=True)
    return f.CardFactory(operator=site.operator, driver=driver, pays_from="driver").physical_no


def _busy_driver(site):
    card = f.CardFactory(operator=site.operator, driver=site.driver, pays_from="driver")
    flow.start(site, connector=site.connectors[1])
    return card.physical_no


CASES = {
    "unknown card": ("no_account", lambda site: "FFFF0001"),
    "card in stock": ("no_account", lambda site: money_card(site, state="stock").physical_no),
    "returned card": ("no_account", lambda site: money_card(site, state="returned").physical_no),
    "frozen card": ("account_frozen", lambda site: money_card(site, state="frozen").physical_no),
    "lost card": ("account_frozen", lambda site: money_card(site, state="lost").physical_no),
    "expired card": (
        "account_frozen",
        lambda site: money_card(site, valid_until=timezone.localdate() - YEAR).physical_no,
    ),
    "frozen driver": ("account_frozen", _frozen_driver),
    "disabled enterprise": ("account_frozen", lambda site: _enterprise_card(site, is_active=False)),
    "empty card": ("balance_too_low", lambda site: money_card(site, 499).physical_no),
    "owing card": ("balance_too_low", _unpaid),
    "member's limit": ("balance_too_low", _member_limit),
    "empty enterprise": ("balance_too_low", lambda site: _enterprise_card(site, amount_fen=0)),
    "order in review": ("unsettled_record", _unsettled),
    "driver charges already": ("unsettled_record", _busy_driver),
    "closed station": ("pile_stopped", _closed),
    "foreign card": (
        "not_allowed_here",
        lambda site: money_card(site, operator=f.OperatorFactory()).physical_no,
    ),
    "enterprise elsewhere": ("not_allowed_here", lambda site: _enterprise_card(site, bound=False)),
    "enterprise is full": ("not_allowed_here", lambda site: _enterprise_card(site, max_parallel=0)),
    "no capacity": ("station_capacity_short", _no_capacity),
    "record of the last session": ("pile_has_unsettled_record", _finishing),
    "pile without cards": ("no_card_support", _no_cards),
}


@pytest.mark.feature("STA-04")
@pytest.mark.parametrize("case", CASES)
def test_a_card_is_refused_for_the_right_reason(site, case, monkeypatch):
    monkeypatch.setattr(local_starts, "_CAPACITY_CHECKS", [])
    reason, prepare = CASES[case]
    number = prepare(site)
    before = ChargingOrder.objects.count(), Hold.objects.count()
    assert ask(site, number).refusal == reason
    assert (ChargingOrder.objects.count(), Hold.objects.count()) == before
    flow.assert_books_balance()


@pytest.mark.feature("STA-06", "VEH-02")
def test_other_refusals_and_that_every_one_is_reached(site):
    card = money_card(site, password=cards.password_digest("246810"))
    md5 = hashlib.md5(b"246810").hexdigest()
    for typed in ("", "0" * 32, md5[::-1]):
        assert ask(site, card.physical_no, password_md5=typed).refusal == "wrong_password"
    assert ask(site, card.physical_no, connector=9).refusal == "not_allowed_here"
    unverified = f.VehicleFactory(enterprise=fleet(site), state="waiting")
    for vin in (unverified.vin, "LSVAA0000000000AA", ""):
        assert ask(site, vin, method="vin").refusal == "vin_unknown"
    assert not ChargingOrder.objects.exists()
    # The whole digest in upper case, and the sixteen characters as the text of the frame.
    assert ask(site, card.physical_no, password_md5=md5.upper()).refusal == ""
    assert cards.password_is_right(card, md5[8:24])
    assert cards.password_is_right(card, md5[8:24].encode().hex())
    reached = {reason for reason, _prepare in CASES.values()} | {"wrong_password", "vin_unknown"}
    assert reached == set(START_REFUSALS)


@pytest.mark.feature("USR-09", "MKT-07")
def test_the_whitelist_starts_without_money(site):
    vehicle = f.VehicleFactory(driver=f.make_driver(balance_fen=0))
    assert ask(site, vehicle.vin, method="vin").refusal == "balance_too_low"
    entry = WhitelistEntry.objects.create(
        operator=site.operator, vehicle=vehicle, limit_fen=3_000, reason="r"
    )
    decision = ask(site, vehicle.vin, method="vin")
    order = ChargingOrder.objects.get(order_no=decision.order_no)
    assert (order.cover, order.stop_at_fen, decision.balance_fen) == ("later", 3_000, 3_000)
    flow.begin(site, order)
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    assert flow.money(vehicle.driver) == (0, 0, 1_100)
    # It owes, and may until the limit is reached; free entries cost nobody here anything.
    assert ask(site, vehicle.vin, method="vin").balance_fen == 1_900
    ChargingOrder.objects.filter(state="starting").update(state="closed")
    entry.delete()
    assert ask(site, vehicle.vin, method="vin").refusal == "balance_too_low"
    WhitelistEntry.objects.create(
        operator=site.operator, driver=vehicle.driver, limit_fen=3_000, pays="free", reason="r"
    )
    order = ChargingOrder.objects.get(order_no=ask(site, vehicle.vin, method="vin").order_no)
    flow.begin(site, order)
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}, meter_start="110"))
    order.refresh_from_db()
    assert (order.total_fen, order.covered_fen, order.payable_fen) == (1_100, 1_100, 0)
    assert flow.money(vehicle.driver) == (0, 0, 1_100)
    flow.assert_books_balance()


@pytest.mark.feature("CRD-17")
def test_a_month_card_covers_its_days_allowance_and_the_rest_costs_the_normal_price(site):
    card = money_card(site, 5_000, kind="month", daily_times=2, daily_energy_kwh=15)
    amounts = []
    for meter in (100, 110, 120):
        decision = ask(site, card.physical_no)
        order = ChargingOrder.objects.get(order_no=decision.order_no)
        flow.begin(site, order)
        flow.shift_into_past(order, timedelta(hours=1))
        flow.send_record(site, flow.reported(site, order, {"flat": "10"}, meter_start=str(meter)))
        order.refresh_from_db()
        amounts.append((order.cover, order.total_fen, order.payable_fen))
    # All of the first, half of the second (15 of 20 kWh), nothing of the third (the day's energy is used up).
    assert amounts == [("month_card", 1_100, 0), ("month_card", 1_100, 550), ("", 1_100, 1_100)]
    assert account(card).balance_fen == 5_000 - 1_650
    assert ledger.account_of("operator_month_cards", operator=site.operator).balance_fen == -1_650
    flow.assert_books_balance()


@pytest.mark.feature("STA-05", "CRD-07")
@pytest.mark.promise(2, 3)
def test_an_offline_card_is_billed_by_its_record_once_and_doubts_wait_for_a_person(site):
    model = PileModel.objects.create(brand="b", name="m", current_type="ac", rated_power_kw=60)
    Pile.objects.update(model=model)
    site.pile.refresh_from_db()
    card = money_card(site, 5_000, kind="offline", daily_times=2)

    def bring(number, who=card, **changes):
        started = timezone.now() - timedelta(hours=2)
        order = ChargingOrder(
            connector=site.connector,
            transaction_ref=f"{site.pile.code}01{timezone.now():%y%m%d%H%M%S}{number:04d}",
            started_at=started,
            tariff_snapshot={"tiers": []},
        )
        from billing.services.tariffs import snapshot_of

        order.tariff_snapshot = snapshot_of(site.version).to_json()
        record = flow.reported(
            site,
            order,
            {"flat": "10"},
            started_at=started,
            ended_at=started + timedelta(hours=1),
            start_method="offline_card",
            id_tag=who.physical_no,
            payload={"physical_card": who.physical_no.rjust(16, "0")},
            **changes,
        )
        for _ in range(2):
            flow.send_record(site, record)
        return ChargingOrder.objects.filter(transaction_ref=order.transaction_ref).first()

    first = bring(1)
    assert (first.state, first.start_method, first.payer_kind) == ("settled", "offline_card", "card")
    assert account(card).balance_fen == 5_000 - first.total_fen
    second, third = bring(2), bring(3)
    assert second.state == "settled"
    assert (third.state, [r["code"] for r in third.review_reasons]) == ("review", ["card_daily_cap"])
    stranger = bring(4, who=f.CardFactory.build(physical_no="BEEF01"))
    assert stranger is None and ReviewItem.objects.filter(kind="orphan_record").count() == 1
    Card.objects.filter(pk=card.pk).update(
        state="frozen", state_changed_at=timezone.now() - timedelta(days=1), daily_times=None
    )
    blocked = bring(5)
    assert (blocked.state, [r["code"] for r in blocked.review_reasons]) == ("review", ["payer_blocked"])
    # What began before it was frozen is paid as ever.
    Card.objects.filter(pk=card.pk).update(state_changed_at=timezone.now())
    assert bring(6).state == "settled"
    flow.assert_books_balance()


def test_a_pile_that_names_its_sessions_gets_the_order_of_its_card():
    site = f.make_site(protocol="ocpp16")
    card = money_card(site)
    now = timezone.now()

    def authorize(tag):
        return transactions.authorize(pile=site.ref, connector_no=0, id_tag=tag, at=now)

    assert authorize(card.physical_no.lower()) == "accepted"
    assert authorize("NOBODY") == "invalid"
    for state, status in (("frozen", "blocked"), ("returned", "invalid"), ("active", "accepted")):
        Card.objects.update(state=state)
        assert authorize(card.physical_no) == status
    Card.objects.update(valid_until=timezone.localdate() - YEAR)
    assert authorize(card.physical_no) == "expired"
    Card.objects.update(valid_until=None)
    decision = ask(site, card.physical_no, transaction_ref="4711")
    order = ChargingOrder.objects.get()
    assert (decision.transaction_ref, order.transaction_ref, order.id_tag) == (
        "4711",
        "4711",
        card.physical_no,
    )
    assert ask(site, card.physical_no, transaction_ref="4711") == decision
    # The tag of its own session may end it; elsewhere it is in use.
    assert authorize(card.physical_no) == "accepted"
    other = f.make_site(protocol="ocpp16", operator=site.operator)
    there = transactions.authorize(pile=other.ref, connector_no=0, id_tag=card.physical_no, at=now)
    assert there == "concurrent"
