"""The power curves: energy integrates, nothing runs backwards, power stays believable."""

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.simulators.battery import CAR_MODELS, Car, ChargingRun, Meter


def run_of(car: Car, **options) -> ChargingRun:
    options = {"rated_kw": 60.0, "rng": random.Random(7)} | options
    return ChargingRun(car, **options)


@pytest.mark.feature("PIL-11", "PIL-12", "PIL-16")
@settings(max_examples=60, deadline=None)
@given(
    model=st.sampled_from(CAR_MODELS),
    soc=st.floats(0, 99),
    rated=st.floats(3, 250),
    dc=st.booleans(),
    steps=st.lists(st.floats(0, 40), min_size=1, max_size=60),
)
def test_energy_is_power_over_time_and_never_more_than_the_pile_can_give(model, soc, rated, dc, steps):
    run = run_of(Car(model, soc_pct=soc), rated_kw=rated, dc=dc)
    seen = 0
    last_soc = run.car.soc_pct
    for step in steps:
        delivered = run.advance(step)
        assert delivered >= 0
        seen += delivered
        assert run.power_kw <= rated + 1e-9
        assert run.car.soc_pct >= last_soc
        last_soc = run.car.soc_pct
    assert seen == run.energy_ticks
    assert float(run.energy_kwh) <= rated * sum(steps) / 3600 + 1e-6
    assert run.car.soc_pct <= 100


def test_a_charge_ramps_up_holds_and_tapers_above_eighty_percent():
    run = run_of(Car(CAR_MODELS[2], soc_pct=20), rated_kw=120.0)
    run.advance(1)
    assert run.power_kw < 10
    run.advance(60)
    plateau = run.power_kw
    assert plateau > 85
    powers = {}
    while not run.full:
        run.advance(5)
        powers[run.soc_pct] = run.power_kw
    assert powers[79] > 0.65 * plateau
    assert powers[90] < 0.35 * plateau
    assert powers[97] < 0.15 * plateau


def test_the_battery_takes_what_the_register_counts_less_the_loss():
    car = Car(CAR_MODELS[1], soc_pct=10)
    before = car.stored_kwh
    run = run_of(car)
    for _ in range(900):
        run.advance(1)
    assert car.stored_kwh - before == pytest.approx(float(run.energy_kwh) * 0.95, abs=0.001)


def test_ac_power_is_flat():
    run = run_of(Car(CAR_MODELS[2], soc_pct=30), rated_kw=7.0, dc=False)
    run.advance(60)
    powers = []
    for _ in range(100):
        run.advance(10)
        powers.append(run.power_kw)
    assert 6.9 <= min(powers) <= max(powers) <= 7.0
    assert 215 < run.voltage_v < 225


def test_speed_multiplies_power_so_that_power_times_time_stays_energy():
    run = run_of(Car(CAR_MODELS[3], soc_pct=20), rated_kw=60.0, speed=30.0)
    run.advance(1)
    before = run.energy_kwh
    run.advance(10)
    gained = float(run.energy_kwh - before)
    assert gained == pytest.approx(run.power_kw * 10 / 3600, rel=0.05)
    assert 1500 < run.power_kw <= 1800


def test_a_car_stops_at_its_target():
    run = run_of(Car(CAR_MODELS[0], soc_pct=79, target_soc_pct=80))
    run.advance(3600)
    assert run.full
    assert run.soc_pct == 80
    assert run.advance(60) == 0
    assert run.power_kw == 0


def test_the_register_only_grows():
    meter = Meter(12.5)
    meter.add(25)
    assert meter.kwh == Decimal("12.5025")
    assert meter.wh == 12502
    with pytest.raises(ValueError, match="backwards"):
        meter.add(-1)
