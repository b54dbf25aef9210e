"""E-bike ports sold by time: bought again while they charge, pauses, nights, safety stops, cash of the box."""

import json
from datetime import datetime, time, timedelta
from decimal import Decimal
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from billing.models import Account, BoxCashDay, ChargingOrder, PaidStart, Payment
from billing.pricing import Bill
from billing.pricing.components import PackageFee, PowerFee, PowerStep, TimeFee
from billing.services import checks, evidence, ledger, orders, sweeps
from devices import events
from devices.services import income, meters, records, sensors, status
from kernel.actor import system
from kernel.commands import Refused
from kernel.errors import DomainError
from stations.models import Connector, Pile
from stations.services import piles
from tests.api_client import ApiClient
from tests.billing import flow
from tests.factories import make_driver, make_site

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
JOB = system("tests")
MORNING = datetime.fromisoformat("2026-11-20T08:30:00+08:00")
PACKAGES = PackageFee(((100, 3_600), (200, 9_000)))


@pytest.fixture
def clock():
    with time_machine.travel(MORNING, tick=False) as travel:
        yield travel


def box(*components, **options):
    """A ten-port box: electricity 0.60 by the kWh, the service fee as the components say."""
    site = make_site(protocol="mqtt", connectors=10, rated_power_kw="1.0", **options)
    flow.publish(site, prices=[("flat", "0.60000", "0")], slots=["flat"] * 48, components=components)
    return site


def charging(site, **options):
    order = flow.start(site, **options)
    flow.answer(order)
    flow_started(site, order)
    return order


def flow_started(site, order):
    status.charge_started(
        events.ChargeStarted(
            pile=site.ref,
            connector_no=order.connector.number,
            at=timezone.now(),
            transaction_ref=order.order_no,
            id_tag=order.order_no,
        )
    )
    order.refresh_from_db()
    assert order.state == "charging"


def end(site, order, energy, reason="full", **more):
    flow.send_record(
        site,
        records.ReportedTransaction(
            connector_no=order.connector.number,
            protocol="mqtt",
            identity=f"mqtt:{site.pile.code}:{order.order_no}",
            transaction_ref=order.order_no,
            started_at=order.started_at,
            ended_at=timezone.now(),
            energy_kwh=Decimal(energy),
            stop_reason=reason,
            raw="{}",
            **more,
        ),
    )
    order.refresh_from_db()
    assert order.state == "settled", order.review_reasons
    assert evidence.recompute(order) == Bill.from_json(order.bill)
    assert not [one for one in checks.order_problems() if one.code != "overdue"]
    flow.assert_books_balance()


@pytest.mark.feature("EBK-07", "EBK-14")
def test_a_second_payment_adds_time_to_the_same_order(clock):
    site = box(PACKAGES)
    order = charging(site, package_fen=100, limit_fen=500)
    started = flow.last_command(order).params
    assert (started["duration_s"], started["stop_at_full"]) == (3_600, True)
    client = ApiClient(site.driver)
    address = f"/api/v1/driver/orders/{order.order_no}/extend"
    for body, code in (({}, "package_invalid"), ({"package_fen": 150}, "package_invalid"), ({"package_fen": 200, "amount_fen": 100}, "amount_invalid")):  # fmt: skip
        assert client.post(address, body).json()["code"] == code
    assert ApiClient(make_driver()).post(address, {"package_fen": 200}).json()["code"] == "order_unknown"
    order.refresh_from_db()
    held = order.stop_at_fen
    assert order.targets == {"seconds": 3_600} and flow.last_command(order, "extend") is None

    clock.shift(timedelta(minutes=30))
    flow.sample(site, order, "0.1000", power="0.2")
    for _ in range(2):  # the app asks again with its key
        answer = client.post(address, {"package_fen": 200}, **{"Idempotency-Key": "again"})
        assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["bought_fen"], told["remaining_s"]) == (300, 3_600 + 9_000 - 1_800)
    order.refresh_from_db()
    assert (order.stop_at_fen, order.further_packages) == (held + 200, [200])
    assert flow.last_command(order, "extend").params["duration_s"] == 12_600, "the whole, not the difference"
    assert flow.money(site.driver)[1] == held + 200
    flow.answer(order, "extend", state="rejected", reason="busy")
    assert order.events.filter(kind="extend_failed").exists()

    clock.shift(timedelta(minutes=90))
    assert sweeps.stop_due(actor=JOB) == 0, "the bought time is not over"
    end(site, order, "0.4000")
    # An hour of the first package is 100; of the second an hour of two and a half: 80; 0.4 kWh are 24.
    assert (order.electricity_fen, order.service_fen, order.total_fen) == (24, 180, 204)
    assert [line["fen"] for line in order.bill["fees"]] == [100, 80]
    shown = client.get(f"/api/v1/driver/orders/{order.order_no}").json()
    assert (shown["stop_reason"], shown["remaining_s"]) == ("full", None), "the rest of the time is gone"
    assert flow.money(site.driver) == (10_000 - 204, 0, 0)
    assert client.post(address, {"package_fen": 100}).json()["code"] == "order_not_running"
    poor = box(PACKAGES, balance_fen=500)  # the whole wallet is held already, and covers both
    order = charging(poor, package_fen=100)
    address = f"/api/v1/driver/orders/{order.order_no}/extend"
    assert ApiClient(poor.driver).post(address, {"package_fen": 200}).status_code == 200
    assert flow.money(poor.driver) == (500, 500, 0)
    refused = ApiClient(poor.driver).post(address, {"package_fen": 200, "amount_fen": 300})
    assert (refused.status_code, refused.json()["code"]) == (402, "insufficient_balance")
    order.refresh_from_db()
    assert order.further_packages == [200]
    credit = box(TimeFee(100, fee="service"))
    order = charging(credit, limit_fen=500)
    ledger.release_hold(order=order)  # as of an order that somebody's credit stands behind
    answer = ApiClient(credit.driver).post(
        f"/api/v1/driver/orders/{order.order_no}/extend", {"amount_fen": 100}
    )
    order.refresh_from_db()
    assert (answer.json()["code"], order.stop_at_fen) == ("extend_needs_hold", 500)
    other = make_site(protocol="ocpp16")
    running = flow.charging(other)
    answer = ApiClient(other.driver).post(
        f"/api/v1/driver/orders/{running.order_no}/extend", {"amount_fen": 100}
    )
    assert answer.json()["code"] == "extend_not_possible"


@pytest.mark.feature("EBK-13")
def test_unplugged_before_the_end_the_rest_is_not_charged(clock):
    site = box(PACKAGES)
    order = charging(site, package_fen=200)
    clock.shift(timedelta(minutes=20))
    end(site, order, "0.1", reason="unplugged")
    # 1200 of 9000 seconds: 26.67 rounded up
    assert (order.stop_reason, order.service_fen, order.electricity_fen) == ("unplugged", 27, 6)


@pytest.mark.feature("EBK-15")
def test_an_overload_pauses_the_port_and_ends_it_when_it_stays(clock):
    site = box(TimeFee(100, unit_s=60, fee="service"))
    order = charging(site)
    client = ApiClient(site.driver)

    def tell(change, reason="overload"):
        change(
            pile=site.ref, connector_no=1, at=timezone.now(), transaction_ref=order.order_no, reason=reason
        )
        order.refresh_from_db()

    clock.shift(timedelta(minutes=30))
    for _ in range(2):
        tell(status.charge_paused)
    shown = client.get(f"/api/v1/driver/orders/{order.order_no}").json()
    assert shown["paused"] and len(order.pauses) == 1
    clock.shift(timedelta(minutes=6))
    assert sweeps.stop_due(actor=JOB) == 0
    tell(status.charge_resumed)
    assert client.get(f"/api/v1/driver/orders/{order.order_no}").json()["paused"] == ""
    clock.shift(timedelta(minutes=24))
    flow.sample(site, order, "0.2", power="0.2")
    assert order.service_fen == 90, "54 minutes charged, 6 stood still"
    tell(status.charge_paused)
    clock.shift(timedelta(minutes=11))
    assert sweeps.stop_due(actor=JOB) == 1
    order.refresh_from_db()
    assert order.events.get(kind="stop_requested").data == {"reason": "overload"}
    end(site, order, "0.2", reason="overload")
    assert (order.service_fen, order.electricity_fen) == (90, 12)


def test_time_that_only_the_box_knows_it_stood_still_costs_nothing(clock):
    site = box(PowerFee((PowerStep(200, 60),)))
    order = charging(site)
    clock.shift(timedelta(hours=2))
    end(site, order, "0.1", charged_s=3_600)
    assert order.service_fen == 60


@pytest.mark.feature("EBK-20")
def test_at_night_nothing_starts_and_what_runs_ends_billed_right(clock):
    site = box(PACKAGES)
    pile = Pile.objects.get(pk=site.pile.pk)
    with pytest.raises(DomainError):
        piles.update_pile(actor=JOB, pile=pile, changes={"night_from": time(23)})
    piles.update_pile(actor=JOB, pile=pile, changes={"night_from": time(10), "night_until": time(5, 30)})
    order = charging(site, package_fen=200)
    assert order.stop_due_at == MORNING + timedelta(minutes=90), (
        "the cut-off comes before the bought time ends"
    )
    clock.shift(timedelta(minutes=90))
    assert sweeps.stop_due(actor=JOB) == 1
    order.refresh_from_db()
    assert order.events.get(kind="stop_requested").data == {"reason": "night"}
    end(site, order, "0.3", reason="platform")
    assert (order.service_fen, order.electricity_fen) == (120, 18)
    with pytest.raises(DomainError) as refusal:
        flow.start(site, package_fen=100)
    assert (refusal.value.code, refusal.value.params["until"]) == ("night_cut_off", "05:30")
    assert (
        orders.why_not_startable(connector=Connector.objects.get(pk=site.connector.pk)).code
        == "night_cut_off"
    )
    clock.move_to(datetime.fromisoformat("2026-11-21T05:31:00+08:00"))
    assert flow.start(site, package_fen=100).state == "starting"


@pytest.mark.feature("EBK-19")
def test_a_box_that_is_too_hot_or_smells_smoke_stops_every_port(clock):
    site = box(TimeFee(100, fee="service"))
    running = [charging(site, connector=row, driver=make_driver()) for row in site.connectors[:3]]
    sensors.report(pile=site.ref, sensor="t1", kind="temperature", at=timezone.now(), value=Decimal("71"))
    for order in running:
        order.refresh_from_db()
        assert (order.state, order.events.get(kind="stop_requested").data) == (
            "stopping",
            {"reason": "safety"},
        )
    clock.shift(timedelta(minutes=3))
    for order in running:
        end(site, order, "0.01", reason="over_temperature")
        assert order.total_fen == 6  # 0.6 and 5 fen, rounded once
    again = charging(site, connector=site.connectors[5], driver=make_driver())
    status.report_fault(pile=site.ref, connector_no=0, at=timezone.now(), fault_code="smoke")
    again.refresh_from_db()
    assert again.state == "stopping"


@pytest.mark.feature("EBK-08")
def test_a_free_port_costs_nothing_and_is_still_metered(clock):
    site = box(TimeFee(100, fee="service"))
    Pile.objects.filter(pk=site.pile.pk).update(charge_mode="offline_free")
    record = flow.send_record(
        site,
        records.ReportedTransaction(
            connector_no=4,
            protocol="mqtt",
            identity=f"mqtt:{site.pile.code}:OWN-7",
            transaction_ref="OWN-7",
            started_at=MORNING - timedelta(hours=1),
            ended_at=MORNING,
            energy_kwh=Decimal("0.25"),
            start_method="free",
            stop_reason="full",
            raw="{}",
        ),
    )
    order = ChargingOrder.objects.get(record=record)
    assert (order.state, order.total_fen, order.energy_kwh) == ("settled", 0, Decimal("0.25"))
    assert flow.money(site.driver) == (10_000, 0, 0) and not list(checks.order_problems())


@pytest.mark.feature("EBK-02")
def test_coins_and_cards_are_booked_per_box_and_day(clock):
    site = box()
    for minutes, coins, cards in ((0, 5_000, 0), (10, 5_300, 200), (5, 9_999, 9_999), (20, 100, 250), (1_440, 400, 250)):  # fmt: skip
        income.report_income(
            pile=site.ref,
            at=MORNING + timedelta(minutes=minutes),
            coins_fen_total=coins,
            cards_fen_total=cards,
            coins_total=coins // 100,
        )
    days = BoxCashDay.objects.filter(pile=site.pile).order_by("day")
    rows = list(days.values_list("day", "coins_fen", "cards_fen", "coins"))
    # The base counts for nothing, the late report is dropped, the emptied box is a new base.
    assert rows == [(MORNING.date(), 300, 250, 3), (MORNING.date() + timedelta(days=1), 300, 0, 3)]
    held = Account.objects.get(kind=Account.Kind.OPERATOR_CASH, operator=site.operator)
    assert held.balance_fen == -850
    flow.assert_books_balance()


@pytest.mark.feature("EBK-21")
def test_the_meter_of_a_box_is_compared_with_its_ports(clock):
    site = box()
    meters.note_pile_register(pile=site.ref, at=MORNING, register_kwh=Decimal("100"))
    order = charging(site)
    clock.shift(timedelta(hours=2))
    end(site, order, "0.9")
    meters.note_pile_register(pile=site.ref, at=timezone.now(), register_kwh=Decimal("101.1"))
    (day,) = meters.meter_days(pile=site.pile)
    assert (day.meter_kwh, day.ports_kwh, day.difference_kwh) == (
        Decimal("1.1"),
        Decimal("0.9"),
        Decimal("0.2"),
    )
    assert Connector.objects.filter(pile=site.pile).count() == 10


@pytest.mark.feature("EBK-25")
def test_abnormal_transactions_are_listed_by_rule(clock):
    def listed():
        out = StringIO()
        call_command("abnormal_transactions", "--json", stdout=out)
        return [(row["code"], row["pile"]) for row in json.loads(out.getvalue())["found"]]

    site = box(TimeFee(100, fee="service"))
    for _ in range(4):
        order = charging(site)
        clock.shift(timedelta(minutes=2))
        end(site, order, "0.01", reason="unplugged")
        if _ < 3:
            assert listed() == []
    idle = charging(site, connector=site.connectors[1], driver=make_driver())
    now = timezone.now()
    payment = Payment.objects.create(
        out_trade_no="P1", channel="wechat", way="native", driver=site.driver, operator=site.operator,
        amount_fen=500, paid_fen=500, paid_at=now, created_at=now, expires_at=now,
    )  # fmt: skip
    PaidStart.objects.create(
        payment=payment, driver=site.driver, connector=site.connector, pile=site.pile, station=site.station,
        operator=site.operator, state="due", created_at=timezone.now(), next_at=timezone.now(),
    )  # fmt: skip
    assert listed() == [("short_sessions", site.pile.code)]
    clock.shift(timedelta(minutes=31))
    code = site.pile.code
    assert listed() == [("paid_not_started", code), ("no_power", code), ("short_sessions", code)]
    end(site, idle, "0.2")
    assert [code for code, _pile in listed()] == ["paid_not_started", "short_sessions"]
    with pytest.raises(Refused, match="1 to 744"):
        call_command("abnormal_transactions", "--hours", "0")
