"""Following a register, one test per way in which real piles report it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing import NOTE, REVIEW, PricingError, RegisterRun, price_segments, split_by_slot
from billing.pricing.slots import advance

from .samples import FOUR, D, at

START = at("2026-11-20 09:50")


def minute(number) -> datetime:
    return START + timedelta(minutes=number)


def follow(run, *values):
    """Feed one value per minute; return [(delivered, finding code or None)]."""
    seen = [run.observe(None if v is None else D(v), minute(i)) for i, v in enumerate(values, 1)]
    return [(delivered, finding and finding.code) for delivered, finding in seen]


def begin(value="1000", power="60"):
    return RegisterRun.start(None if value is None else D(value), START, rated_power_kw=D(power))


def test_a_lifetime_register_counts_from_the_start():
    assert follow(begin("48210.5"), "48211", "48212.25") == [(D("0.5"), None), (D("1.75"), None)]


def test_a_session_register_counts_from_zero():
    assert follow(begin("0"), "0.5", "1.75") == [(D("0.5"), None), (D("1.75"), None)]


def test_without_a_start_the_first_value_is_the_start():
    assert follow(begin(None), "77", "77.5") == [(D("0"), None), (D("0.5"), None)]


def test_a_sample_with_only_state_of_charge_changes_nothing():
    run = begin()
    follow(run, "1000.5")
    before = run.to_json()
    assert run.observe(None, minute(5)) == (D("0.5"), None)
    assert run.to_json() == before
    assert follow(run, None, "1001", None)[1] == (D("1"), None)


def test_begin_zero_then_the_lifetime_register_is_not_billed():
    run = begin("0", power="7")
    assert follow(run, "910", "910.083") == [(D("0"), "register_jump"), (D("0.083"), None)]
    assert run.breaks == 1


def test_a_session_register_under_a_lifetime_start_counts_its_own_run():
    run = begin("48210.5")
    assert follow(run, "0", "0.5", "1") == [
        (D("0"), "register_backwards"),
        (D("0.5"), None),
        (D("1"), None),
    ]


def test_a_register_that_restarts_keeps_what_was_delivered():
    run = begin()
    assert follow(run, "1000.8", "0.1", "0.9") == [
        (D("0.8"), None),
        (D("0.8"), "register_backwards"),
        (D("1.6"), None),
    ]


def test_one_wild_value_adds_nothing_by_falling_or_by_coming_back():
    run = begin()
    assert follow(run, "1000.8", "0", "1000.9", "1001.2") == [
        (D("0.8"), None),
        (D("0.8"), "register_backwards"),
        (D("0.8"), "register_jump"),
        (D("1.1"), None),
    ]
    assert run.breaks == 2


def test_a_step_back_within_the_resolution_is_no_break():
    run = begin("1000.01")
    assert follow(run, "1000", "1000.01", "1000.2") == [
        (D("0"), None),
        (D("0"), None),
        (D("0.19"), None),
    ]
    assert run.breaks == 0


def test_resent_and_late_samples_change_nothing():
    run = begin()
    follow(run, "1000.5", "1001")
    assert run.observe(D("1001"), minute(2)) == (D("1"), None)
    assert run.observe(D("1000.5"), minute(1)) == (D("1"), None)
    delivered, finding = run.observe(D("1005"), minute(1))
    assert (delivered, finding.code, finding.severity) == (D("1"), "sample_out_of_order", NOTE)
    assert run.reading == (minute(2), D("1"))


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-1", "1E+9", "1E+999999"])
def test_a_value_that_is_no_quantity_is_noted_and_ignored(value):
    run = begin()
    follow(run, "1000.5")
    before = run.to_json()
    delivered, finding = run.observe(D(value), minute(2))
    assert (delivered, finding.code, finding.severity) == (D("0.5"), "register_not_a_number", NOTE)
    assert len(finding.params["value"]) <= 40
    assert run.to_json() == before
    assert RegisterRun.start(D(value), START, rated_power_kw=D("7")).last_kwh is None


def test_the_jump_limit_is_power_times_time_with_its_margins():
    # one minute and 30 s of lag at 60 kW: 60 × 90/3600 × 1.1 + 0.1 = 1.75 kWh
    assert follow(begin(), "1001.75") == [(D("1.75"), None)]
    run = begin()
    delivered, finding = run.observe(D("1001.7501"), minute(1))
    assert (delivered, finding.code, finding.severity) == (D("0"), "register_jump", REVIEW)
    assert finding.params == {"from_kwh": "1000.0000", "to_kwh": "1001.7501", "limit_kwh": "1.7500"}


def test_a_long_silence_allows_a_long_rise():
    run = begin()
    assert run.observe(D("1055"), START + timedelta(hours=1)) == (D("55"), None)


@pytest.mark.parametrize("power", [D("0"), D("-7"), D("NaN"), None, 7.0])
def test_without_a_rated_power_nothing_is_followed(power):
    with pytest.raises(PricingError, match="bad_rated_power"):
        RegisterRun.start(D("0"), START, rated_power_kw=power)


def test_naive_times_are_the_callers_mistake():
    with pytest.raises(PricingError, match="naive_time"):
        begin().observe(D("1000"), datetime(2026, 11, 20))


observations = st.lists(
    st.tuples(
        st.integers(-120, 900),
        st.one_of(st.none(), st.decimals(min_value=-5, max_value=2000, allow_nan=True, places=5)),
    ),
    max_size=30,
)


@given(st.one_of(st.none(), st.decimals(0, 1500, places=4)), observations)
def test_the_total_never_falls_and_every_restart_continues_it(meter_start, observations):
    run = RegisterRun.start(meter_start, START, rated_power_kw=D("60"))
    other = RegisterRun.start(meter_start, START, rated_power_kw=D("60"))
    time, last = START, D("0")
    reviews = 0
    for seconds, value in observations:
        time += timedelta(seconds=seconds)
        delivered, finding = run.observe(value, time)
        other = RegisterRun.from_json(json.loads(json.dumps(other.to_json())))
        assert other.observe(value, time) == (delivered, finding)
        assert delivered >= last
        last = delivered
        reviews += bool(finding and finding.severity == REVIEW)
    assert other == run
    assert run.breaks == reviews
    if run.breaks == 0 and run.run_start_kwh is not None:
        assert run.delivered_kwh == run.last_kwh - run.run_start_kwh


@given(st.lists(st.tuples(st.integers(1, 3600), st.integers(0, 100)), min_size=1, max_size=20))
def test_running_cost_and_bill_are_the_same_on_the_same_evidence(steps):
    time, register, evidence = START, D("5000"), []
    run = RegisterRun.start(register, time, rated_power_kw=D("60"))
    previous, segments, costs = run.reading, {}, [0]
    for seconds, percent in steps:
        time += timedelta(seconds=seconds)
        register += (D(60) * seconds * percent / 360000).quantize(Decimal("0.0001"))
        evidence.append((time, register))
        delivered, finding = run.observe(register, time)
        assert finding is None
        segments = advance(segments, previous, run.reading, FOUR.zone)
        previous = run.reading
        running = price_segments(FOUR, segments)
        assert running.energy_kwh == delivered
        costs.append(running.total_fen)
    assert costs == sorted(costs)
    assert running == price_segments(FOUR, split_by_slot([(START, D("5000")), *evidence], FOUR.zone))
