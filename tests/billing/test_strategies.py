"""Limits of a session: what the driver asks for, what the place allows, and the stop that follows."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from billing.models import ChargingStrategy, StrategyAssignment
from billing.services import sweeps, targets
from billing.services.targets import Targets
from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests.billing import flow
from tests.factories import make_site, staff_actor

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
JOB = system("tests")


@pytest.fixture
def clock():
    with time_machine.travel(datetime.fromisoformat("2026-11-20T09:30:00+08:00"), tick=False) as travel:
        yield travel


def strategy(site, *, methods=(), pile=None, name="Night", **limits) -> ChargingStrategy:
    made = targets.save_strategy(
        actor=JOB,
        operator=site.operator,
        name=name,
        limits=Targets.from_json(limits),
        methods=list(methods),
    )
    targets.assign_strategy(actor=JOB, strategy=made, station=site.station, pile=pile)
    return made


@pytest.mark.feature("STA-15", "STA-18")
@pytest.mark.parametrize(
    ("wanted", "reading", "reason"),
    [
        ({"energy_kwh": "5"}, {"energy": "4.95"}, "energy"),
        ({"soc_pct": 80}, {"energy": "3", "soc": 80}, "soc"),
        ({"seconds": 3_600}, {"energy": "3", "minutes": 60}, "time"),
        ({"fen": 600}, {"energy": "5.2"}, "balance"),
    ],
)
def test_the_platform_stops_where_the_driver_wanted(clock, wanted, reading, reason):
    site = make_site()
    order = flow.charging(site, targets=Targets.from_json(wanted))
    assert flow.last_command(order).params.get("limits", {}) == {
        k: v for k, v in wanted.items() if k != "fen"
    }
    clock.shift(timedelta(minutes=5))
    flow.sample(site, order, "1", power="30", soc=40)
    assert order.state == "charging"
    clock.shift(timedelta(minutes=reading.get("minutes", 10) - 5))
    flow.sample(site, order, reading["energy"], power="30", soc=reading.get("soc", 50))
    assert order.state == "stopping"
    stop = order.events.get(kind="stop_requested")
    assert stop.data["reason"] == reason and flow.last_command(order, "stop") is not None


def test_time_stops_without_any_reading(clock):
    site = make_site()
    order = flow.charging(site, targets=Targets(seconds=1_800))
    clock.shift(timedelta(minutes=29))
    assert sweeps.stop_due(actor=JOB) == 0
    clock.shift(timedelta(minutes=2))
    assert (sweeps.stop_due(actor=JOB), sweeps.stop_due(actor=JOB)) == (1, 0)
    order.refresh_from_db()
    assert order.state == "stopping"


@pytest.mark.feature("TAR-15")
def test_a_strategy_of_the_place_lowers_what_is_wanted_and_limits_the_ways(clock):
    site = make_site()
    strategy(site, energy_kwh="20", fen=3_000, power_kw="30", methods=["code"])
    strategy(site, name="Pile", soc_pct=90, pile=site.connectors[0].pile)
    order = flow.start(site, targets=Targets(energy_kwh=Decimal(50), soc_pct=95))
    assert order.targets == {"energy_kwh": "50", "soc_pct": 90}, "the pile's own wins over the station's"
    flow.answer(order, state="rejected", reason="x")
    targets.assign_strategy(actor=JOB, strategy=None, station=site.station, pile=site.pile)
    order = flow.start(site, targets=Targets(energy_kwh=Decimal(50)))
    assert order.targets == {"energy_kwh": "20.0000", "power_kw": "30.0"} and order.stop_at_fen == 3_000
    flow.answer(order, state="rejected", reason="x")
    ChargingStrategy.objects.filter(name="Night").update(methods=["card"])
    with pytest.raises(DomainError) as refusal:
        flow.start(site)
    assert refusal.value.code == "strategy_refuses" and "Night" in refusal.value.message


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"energy_kwh": "0"}, "energy_kwh"),
        ({"energy_kwh": "1.00001"}, "energy_kwh"),
        ({"energy_kwh": "NaN"}, "energy_kwh"),
        ({"soc_pct": 101}, "soc_pct"),
        ({"seconds": True}, "seconds"),
        ({"speed": 1}, "speed"),
    ],
)
def test_a_limit_that_is_none_is_refused_by_name(data, field):
    with pytest.raises(DomainError) as refusal:
        Targets.from_json(data)
    assert (refusal.value.code, refusal.value.field) == ("target_invalid", field)


@pytest.mark.promise(9)
def test_strategies_stay_with_their_operator(clock):
    site, other = make_site(), make_site()
    own = strategy(site)
    stranger = staff_actor("billing.change_chargingstrategy", operator=other.operator)
    for call in (
        lambda: targets.save_strategy(
            actor=stranger,
            operator=other.operator,
            name="X",
            limits=Targets(),
            methods=[],
            strategy_id=own.pk,
        ),
        lambda: targets.assign_strategy(actor=stranger, strategy=own, station=other.station),
    ):
        with pytest.raises(DomainError) as refusal:
            call()
        assert refusal.value.code == "not_found"
    with pytest.raises(DomainError) as refusal:
        strategy(site)
    assert refusal.value.code == "strategy_name_taken"
    assert StrategyAssignment.objects.count() == 1
    assert AuditEvent.objects.filter(action="billing.assign_strategy").count() == 1
    assert timezone.now() > own.created_at - timedelta(days=1)
