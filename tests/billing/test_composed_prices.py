"""Prices composed of components and prices of groups, from the tariff to the booked bill."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from billing.pricing import Bill, component_from_json
from billing.pricing.components import (
    MinimumFee,
    PackageFee,
    PowerFee,
    PowerStep,
    StartFee,
    TimeFee,
    UseFee,
)
from billing.services import checks, evidence, price_groups, sweeps, tariff_assignments, tariffs
from kernel.actor import system
from kernel.errors import DomainError
from tests.billing import flow
from tests.factories import make_driver, make_site

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
JOB = system("tests")
HALF_PAST_EIGHT = datetime.fromisoformat("2026-11-20T08:30:00+08:00")
# An e-bike port: watts decide what an hour costs as service fee, electricity by the kWh.
BY_POWER = PowerFee((PowerStep(120, 25), PowerStep(200, 33), PowerStep(400, 50)))


@pytest.fixture
def clock():
    """08:30 in the station: flat, 0.70 + 0.40 yuan, until ten."""
    with time_machine.travel(HALF_PAST_EIGHT, tick=False) as travel:
        yield travel


def ebike(*components, **options):
    """A port with electricity at 0.60 and no service fee by the kWh."""
    site = make_site(protocol="ocpp16", rated_power_kw="3.0", **options)
    flow.publish(site, prices=[("flat", "0.60000", "0")], slots=["flat"] * 48, components=components)
    return site


def end(site, order, energy):
    flow.send_record(
        site,
        flow.ocpp_record(
            site,
            order,
            meter_start="0",
            meter_end=energy,
            started_at=order.started_at,
            ended_at=timezone.now(),
        ),
    )
    order.refresh_from_db()
    assert order.state == "settled", order.review_reasons
    assert evidence.recompute(order) == Bill.from_json(order.bill)
    assert not list(checks.order_problems())
    flow.assert_books_balance()
    return order


@pytest.mark.feature("TAR-06", "TAR-08")
def test_a_mode_is_composed_from_components_and_every_line_is_on_the_bill(clock):
    site = make_site()
    components = [
        {"kind": "time", "fen": 100, "per_s": 3600, "unit_s": 1800, "free_s": 600, "fee": "time"},
        {"kind": "start", "fen": 50},
        {"kind": "use", "fen": 30, "fee": "service"},
    ]
    flow.publish(site, components=[component_from_json(row) for row in components])
    order = flow.charging(site)
    clock.shift(timedelta(minutes=45))
    flow.sample(site, order, "9.9", power="10")
    assert order.fees_fen == 150 and order.service_fen == 426
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    order.refresh_from_db()
    # 35 minutes after the free ten: two started half-hours at 0.50
    assert (order.state, order.electricity_fen, order.service_fen, order.fees_fen) == (
        "settled",
        700,
        430,
        150,
    )
    assert order.total_fen == 1_280 and flow.money(site.driver) == (8_720, 0, 0)
    assert [(line["kind"], line["fen"]) for line in order.bill["fees"]] == [
        ("time", 100),
        ("start", 50),
        ("service", 30),
    ]
    assert evidence.recompute(order) == Bill.from_json(order.bill) and not list(checks.order_problems())


@pytest.mark.feature("TAR-07", "EBK-17")
def test_the_power_drawn_decides_what_an_hour_costs(clock):
    site = ebike(BY_POWER)
    order = flow.charging(site)
    for minutes, energy, power in ((1, "0.0020", "0.118"), (60, "0.1180", "0.150"), (60, "0.2680", "0.060")):
        clock.shift(timedelta(minutes=minutes))
        flow.sample(site, order, energy, power=power)
    assert [watts for _at, watts in order.power_steps] == [118, 150]
    end(site, order, "0.2680")
    # 61 min at 25 fen an hour, then, risen once, at 33: 25.4166 + 33 = 58.4166; 0.268 × 60 = 16.08
    assert (order.electricity_fen, order.service_fen, order.total_fen) == (16, 58, 74)
    assert [line["params"]["up_to_w"] for line in order.bill["fees"]] == [120, 200]


def test_a_package_buys_time_stops_at_its_end_and_what_is_unused_is_not_charged(clock):
    site = ebike(PackageFee(((100, 7_200), (200, 18_000))))
    with pytest.raises(DomainError) as refusal:
        flow.start(site)
    assert (refusal.value.code, refusal.value.field) == ("package_invalid", "package_fen")
    assert "100, 200" in refusal.value.message
    order = flow.charging(site, package_fen=100)
    assert order.package_fen == 100 and order.targets == {"seconds": 7_200}
    clock.shift(timedelta(minutes=90))
    end(site, order, "0.3")
    assert (order.electricity_fen, order.service_fen, order.total_fen) == (18, 75, 93)
    second = flow.charging(site, package_fen=100)
    clock.shift(timedelta(minutes=121))
    assert sweeps.stop_due(actor=JOB) == 1
    second.refresh_from_db()
    assert second.state == "stopping" and flow.last_command(second, "stop") is not None


def test_a_package_that_is_not_refundable_is_charged_whole(clock):
    site = ebike(PackageFee(((100, 7_200),), refundable=False))
    order = flow.charging(site, package_fen=100)
    clock.shift(timedelta(minutes=10))
    end(site, order, "0.05")
    assert (order.service_fen, order.total_fen) == (100, 103)


def test_a_minimum_is_held_and_topped_up_by_a_line_of_its_own(clock):
    site = make_site(balance_fen=600)
    flow.publish(site, components=[MinimumFee(800)])
    with pytest.raises(DomainError) as refusal:
        flow.start(site)
    assert refusal.value.params == {"available_yuan": "6.00", "needed_yuan": "8.00"}
    order = flow.charging(site, driver=(driver := make_driver()), limit_fen=100)
    assert order.stop_at_fen == 800
    clock.shift(timedelta(minutes=5))
    flow.send_record(site, flow.reported(site, order, {"flat": "1"}))
    order.refresh_from_db()
    assert (order.fees_fen, order.total_fen) == (690, 800) and flow.money(driver) == (9_200, 0, 0)


def test_a_charge_without_energy_costs_nothing_whatever_is_composed(clock):
    site = make_site()
    flow.publish(site, components=[StartFee(100), UseFee(100), TimeFee(100), MinimumFee(500)])
    order = flow.charging(site)
    clock.shift(timedelta(minutes=5))
    flow.send_record(site, flow.reported(site, order, {}))
    order.refresh_from_db()
    assert (order.state, order.total_fen) == ("settled", 0) and flow.money(site.driver) == (10_000, 0, 0)


def test_the_platform_stops_before_time_uses_up_the_money(clock):
    """Time costs while hardly any energy flows: the guard looks at the whole price."""
    site = ebike(TimeFee(600, per_s=3_600, unit_s=60))
    order = flow.charging(site, limit_fen=500)
    for minute in range(1, 60):
        clock.shift(timedelta(minutes=1))
        flow.sample(site, order, f"{minute / 10000:.4f}", power="0.006")
        if order.state != "charging":
            break
    assert order.state == "stopping" and 450 <= order.total_fen <= 500


class TestGroups:
    """Drivers of a group have a price of their own at a station or a pile."""

    @pytest.fixture
    def taxi(self, monkeypatch):
        driver = make_driver()
        monkeypatch.setattr(
            price_groups, "_provider", lambda who, operator: ["vip", "taxi"] if who.pk == driver.pk else []
        )
        return driver

    def price(self, site, group, service="0.10000", **place):
        tariff = tariffs.create_tariff(actor=JOB, operator=site.operator, name=f"For {group}")
        flow.publish(
            site,
            tariff=tariff,
            held=False,
            prices=[(code, "0.50000", service) for code in ("sharp", "peak", "flat", "valley")],
        )
        return tariff_assignments.assign_tariff(
            actor=JOB, tariff=tariff, station=site.station, group=group, pile=place.get("pile")
        )

    def test_the_strongest_group_wins_here_and_not_elsewhere(self, clock, taxi):
        site, elsewhere = make_site(protocol="ocpp16"), make_site(protocol="ocpp16")
        self.price(site, "taxi")
        one = flow.charging(site, driver=taxi)
        assert one.tariff_snapshot["tiers"][2]["electricity_price"] == "0.50000"
        other = flow.start(elsewhere, driver=site.driver)
        assert other.tariff_snapshot["tiers"][2]["service_price"] == "0.40000"
        flow.answer(other, state="rejected", reason="x")
        clock.shift(timedelta(minutes=30))
        end(site, one, "10")
        assert one.total_fen == 600
        assignment = self.price(site, "vip", service="0.00000", pile=site.pile)
        two = flow.start(site, driver=taxi)
        assert two.tariff_snapshot["tiers"][2]["service_price"] == "0.00000"
        flow.answer(two, state="rejected", reason="x")
        tariff_assignments.end_assignment(actor=JOB, assignment_id=assignment.pk)
        assert flow.start(site, driver=taxi).tariff_snapshot["tiers"][2]["service_price"] == "0.10000"

    def test_beside_a_pile_that_counts_by_everybodys_price(self, clock, taxi):
        site = make_site()
        self.price(site, "taxi")
        order = flow.charging(site, driver=taxi)
        assert order.held_snapshot["tiers"][2]["electricity_price"] == "0.70000"
        begun = order.started_at
        clock.shift(timedelta(minutes=30))
        flow.sample(site, order, "9.9", power="20")
        record = flow.reported(site, order, {"flat": "10"}, started_at=begun)
        assert record.device_amount == 11, "the pile's own price"
        flow.send_record(site, record)
        order.refresh_from_db()
        assert (order.state, order.total_fen) == ("settled", 600), order.review_reasons
        assert not list(checks.order_problems())
