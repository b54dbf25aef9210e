"""The pricing function against published figures, hand calculations and an independent pricer."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing import (
    Bill,
    PricingError,
    allocate,
    estimate,
    price,
    price_segments,
    split_by_slot,
    tier_energy_from_segments,
    tier_energy_from_wire,
    with_loss,
)

from .samples import FOUR, D, at, tariff
from .strategies import readings_of, snapshots, steps

units = st.integers(0, 9_999_999).map(lambda number: Decimal(number).scaleb(-4))


@st.composite
def charges(draw):
    snapshot = draw(snapshots())
    return snapshot, {tier.code: draw(units) for tier in snapshot.tiers}


def fen(yuan: Fraction) -> int:
    """Half up, written independently of the code under test."""
    cents = yuan * 100
    whole = cents.numerator // cents.denominator
    return whole + 1 if cents - whole >= Fraction(1, 2) else whole


def test_published_figures():
    bill = price(FOUR, {"sharp": D("0"), "peak": D("12.3456"), "flat": D("3.0001"), "valley": D("20")})
    assert (bill.electricity_fen, bill.service_fen, bill.total_fen) == (2045, 1413, 3458)
    assert [line.tier for line in bill.lines] == ["peak", "flat", "valley"]
    assert bill.energy_kwh == D("35.3457")

    lossy = price(tariff({"flat": ("2", "0.4")}), with_loss({"flat": D("10")}, D("0.05")))
    assert (lossy.electricity_fen, lossy.service_fen, lossy.total_fen) == (2100, 420, 2520)

    assert allocate(1001, [60, 25, 15]) == [601, 250, 150]


def test_the_half_fen_goes_up_once():
    snapshot = tariff({"flat": ("0.55", "0.55")})
    bill = price(snapshot, {"flat": D("0.1")})
    assert (bill.electricity_fen, bill.service_fen, bill.total_fen) == (6, 5, 11)
    assert price(tariff({"flat": ("0.005", "0")}), {"flat": D("1")}).total_fen == 1
    assert price(tariff({"flat": ("0.00499", "0")}), {"flat": D("1")}).total_fen == 0


def test_nothing_delivered_costs_nothing():
    bill = price(FOUR, {})
    assert bill == price(FOUR, {"peak": D("0.0000")})
    assert (bill.lines, bill.total_fen, bill.energy_kwh) == ((), 0, D("0"))


@given(charges())
def test_parts_lines_and_total_always_add_up(charge):
    snapshot, energies = charge
    bill = price(snapshot, energies)
    assert bill.electricity_fen + bill.service_fen == bill.total_fen
    assert sum(line.electricity_fen for line in bill.lines) == bill.electricity_fen
    assert sum(line.service_fen for line in bill.lines) == bill.service_fen
    assert sum(line.total_fen for line in bill.lines) == bill.total_fen
    assert sum(line.energy_kwh for line in bill.lines) == bill.energy_kwh == sum(energies.values())
    assert min([bill.electricity_fen, bill.service_fen, *(line.total_fen for line in bill.lines)]) >= 0
    for line in bill.lines:
        assert abs(line.electricity_fen - line.electricity * 100) < 2
        assert abs(line.service_fen - line.service * 100) < 2


@given(charges())
def test_the_total_is_price_times_energy_rounded_once(charge):
    snapshot, energies = charge
    bill = price(snapshot, energies)
    electricity = sum(Fraction(energies[t.code]) * Fraction(t.electricity_price) for t in snapshot.tiers)
    service = sum(Fraction(energies[t.code]) * Fraction(t.service_price) for t in snapshot.tiers)
    assert bill.total_fen == fen(electricity + service)
    assert bill.electricity_fen == fen(electricity)
    assert sum(Fraction(line.electricity) for line in bill.lines) == electricity
    assert sum(Fraction(line.service) for line in bill.lines) == service


@given(charges(), st.data())
def test_more_energy_never_costs_less(charge, data):
    snapshot, energies = charge
    code = data.draw(st.sampled_from(sorted(energies)))
    more = {**energies, code: energies[code] + data.draw(units)}
    before, after = price(snapshot, energies), price(snapshot, more)
    assert after.total_fen >= before.total_fen
    assert after.electricity_fen >= before.electricity_fen


@given(charges())
def test_bill_json_round_trip(charge):
    bill = price(*charge)
    stored = json.loads(json.dumps(bill.to_json()))
    assert Bill.from_json(stored) == bill


@given(charges())
def test_the_active_decimal_context_does_not_matter(charge):
    usual = price(*charge)
    with localcontext() as context:
        context.prec = 3
        assert price(*charge) == usual


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.update(total_fen=data["total_fen"] - 1),
        lambda data: data.update(electricity_fen=0, service_fen=data["total_fen"]),
        lambda data: data.update(energy_kwh="1.0000"),
        lambda data: data["lines"].pop(),
        lambda data: data["lines"][0].update(energy_kwh="99.0000"),
        lambda data: data["lines"][0].update(service_fen=0),
        lambda data: data["lines"][0].update(electricity="0.000000000"),
    ],
)
def test_an_edited_bill_is_not_read_as_a_good_one(damage):
    data = price(FOUR, {"peak": D("12.3456"), "flat": D("3.0001")}).to_json()
    assert Bill.from_json(data).total_fen == 2058  # 12.3456 × 1.4 + 3.0001 × 1.1 = 20.58395
    damage(data)
    with pytest.raises(PricingError, match="bill_mismatch"):
        Bill.from_json(data)


@pytest.mark.parametrize("data", [{}, {"lines": None}, {"lines": [{}]}, {"lines": ["x"]}])
def test_something_that_is_no_bill_is_refused(data):
    with pytest.raises(PricingError, match="bad_bill"):
        Bill.from_json(data)


@pytest.mark.parametrize(
    ("energies", "code"),
    [
        ({"night": D("1")}, "unknown_tier"),
        ({"peak": D("-0.0001")}, "negative_energy"),
        ({"peak": D("1.00001")}, "too_many_places"),
        ({"peak": 1.5}, "not_a_decimal"),
        ({"peak": D("NaN")}, "not_finite"),
        ({"peak": D("1E+9")}, "too_large"),
    ],
)
def test_energy_that_cannot_be_priced_is_refused(energies, code):
    with pytest.raises(PricingError) as refused:
        price(FOUR, energies)
    assert refused.value.code == code


def test_record_positions_become_tiers():
    names = ["deep_valley", "peak", "flat"]
    snapshot = tariff(dict.fromkeys(names, ("1", "0")), (names * 16)[:48])
    energies = [D("1.5"), D("2"), D("0"), D("0")]
    assert tier_energy_from_wire(snapshot, energies) == {
        "deep_valley": D("1.5"),
        "peak": D("2"),
        "flat": D("0"),
    }
    with pytest.raises(PricingError) as refused:
        tier_energy_from_wire(snapshot, [D("0"), D("0"), D("0"), D("0.0001")])
    assert refused.value.code == "energy_on_empty_position"
    with pytest.raises(PricingError, match="energy_on_empty_position"):
        tier_energy_from_wire(snapshot, [D("0")] * 8 + [D("1")])


@pytest.mark.parametrize(
    "key", ["2026-11-20T10:15+08:00", "2026-11-20T10:30", "yesterday", "2026-11-20T10:30:01+08:00"]
)
def test_a_segment_off_the_half_hour_is_refused(key):
    with pytest.raises(PricingError, match="bad_segment"):
        tier_energy_from_segments(FOUR, {key: D("1")})


@given(snapshots(), steps)
def test_every_segment_falls_into_the_tier_of_its_half_hour(snapshot, steps):
    readings = readings_of(steps)
    segments = split_by_slot(readings, snapshot.zone)
    by_tier = tier_energy_from_segments(snapshot, segments)
    assert sum(by_tier.values()) == readings[-1][1] - readings[0][1]
    assert set(by_tier) <= set(snapshot.used_tiers())
    assert price_segments(snapshot, segments) == price(snapshot, by_tier)


@given(steps)
def test_splitting_a_session_does_not_change_the_energy_per_tier(steps):
    readings = readings_of(steps)
    middle = len(readings) // 2
    whole = tier_energy_from_segments(FOUR, split_by_slot(readings, FOUR.zone))
    first = tier_energy_from_segments(FOUR, split_by_slot(readings[: middle + 1], FOUR.zone))
    second = tier_energy_from_segments(FOUR, split_by_slot(readings[middle:], FOUR.zone))
    assert whole == {code: first.get(code, D(0)) + second.get(code, D(0)) for code in {*first, *second}}


def test_estimate_by_energy_and_by_duration_agree():
    start = at("2026-11-20 09:40")  # flat until 10:00, peak afterwards
    by_time = estimate(FOUR, start=start, power_kw=D("60"), duration=timedelta(minutes=40))
    by_energy = estimate(FOUR, start=start, power_kw=D("60"), energy_kwh=D("40"))
    assert by_time == by_energy
    assert by_time.total_fen == 2000 * 110 // 100 + 2000 * 140 // 100


def test_estimate_equals_the_bill_of_a_charge_that_went_as_foreseen():
    start = at("2026-11-20 13:47")
    readings = [(start + timedelta(minutes=m), D("200") + D(m)) for m in range(91)]
    bill = price_segments(FOUR, split_by_slot(readings, FOUR.zone))
    assert estimate(FOUR, start=start, power_kw=D("60"), duration=timedelta(minutes=90)) == bill


def test_estimate_of_nothing():
    start = at("2026-11-20 10:00")
    assert estimate(FOUR, start=start, power_kw=D("0"), duration=timedelta(hours=1)).total_fen == 0
    assert estimate(FOUR, start=start, power_kw=D("0"), energy_kwh=D("0")).total_fen == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "bad_estimate"),
        ({"duration": timedelta(hours=1), "energy_kwh": D("1")}, "bad_estimate"),
        ({"duration": timedelta(seconds=-1)}, "bad_estimate"),
        ({"energy_kwh": D("-1")}, "bad_estimate"),
        ({"energy_kwh": D("1"), "power_kw": D("0")}, "bad_estimate"),
        ({"duration": timedelta(hours=1), "power_kw": D("-7")}, "bad_estimate"),
        ({"duration": timedelta(hours=1), "power_kw": D("NaN")}, "bad_estimate"),
        ({"duration": timedelta(hours=1), "power_kw": D("1E+999999")}, "bad_estimate"),
        ({"energy_kwh": D("1"), "power_kw": D("1E-999999")}, "bad_estimate"),
        ({"energy_kwh": D("9999"), "power_kw": D("0.001")}, "interval_too_long"),
    ],
)
def test_an_estimate_that_makes_no_sense_is_refused(arguments, code):
    with pytest.raises(PricingError) as refused:
        estimate(FOUR, **{"start": at("2026-11-20 10:00"), "power_kw": D("7"), **arguments})
    assert refused.value.code == code


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_allocation_adds_up_and_stays_within_one(total, weights):
    if not sum(weights):
        weights = [*weights, 1]
    parts = allocate(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
        assert weight or not part
    assert allocate(-total, weights) == [-part for part in parts]


def test_loss_is_added_per_tier_and_never_negative():
    lossy = with_loss({"peak": D("0.0001"), "flat": D("3.3333")}, D("0.015"))
    assert lossy == {"peak": D("0.0001"), "flat": D("3.3833")}
    assert with_loss({"peak": D("1")}, D("0")) == {"peak": D("1")}
    with pytest.raises(PricingError, match="negative_loss_ratio"):
        with_loss({"peak": D("1")}, D("-0.01"))
    with pytest.raises(PricingError, match="negative_energy"):
        with_loss({"peak": D("-1")}, D("0.01"))


def test_allocation_edges():
    assert allocate(2, [1, 1, 1]) == [1, 1, 0]
    assert allocate(0, [0, 0]) == [0, 0]
    assert allocate(100, [D("0.333"), D("0.667")]) == [33, 67]
    with pytest.raises(PricingError, match="no_weight"):
        allocate(1, [0, 0])
    with pytest.raises(PricingError, match="no_weight"):
        allocate(1, [])
    with pytest.raises(PricingError, match="negative_weight"):
        allocate(1, [2, -1])


# --- an independent pricer: fractions and overlaps of intervals, sharing no code with the one under test ---


def slow_energy_by_tier(snapshot, readings):
    """Exact kWh per tier in Shanghai time: the overlap of every interval with every half-hour."""
    totals = dict.fromkeys((tier.code for tier in snapshot.tiers), Fraction(0))
    midnight = datetime(2026, 11, 18, 16, tzinfo=UTC)  # 00:00 of 2026-11-19 in Shanghai
    for (begin, low), (end, high) in pairwise(readings):
        lower = Fraction((begin - midnight) // timedelta(microseconds=1), 1_800_000_000)
        upper = Fraction((end - midnight) // timedelta(microseconds=1), 1_800_000_000)
        for index in range(int(lower), int(upper) + 1):
            overlap = min(upper, index + 1) - max(lower, index)
            if overlap > 0:
                totals[snapshot.slots[index % 48]] += (
                    (Fraction(high) - Fraction(low)) * overlap / (upper - lower)
                )
    return totals


def random_charge(rng):
    names = rng.sample(["sharp", "peak", "flat", "valley", "deep_valley", "solar"], rng.randint(1, 6))
    snapshot = tariff(
        {
            name: (f"{rng.randint(0, 250000) / 1e5:.5f}", f"{rng.randint(0, 120000) / 1e5:.5f}")
            for name in names
        },
        [rng.choice(names) for _ in range(48)],
    )
    time = datetime(2026, 11, 19, tzinfo=UTC) + timedelta(microseconds=rng.randrange(86_400_000_000))
    register, readings = rng.randint(0, 10**8), []
    period = rng.choice([15, 60, 900, 7200])
    for _ in range(rng.randint(2, 9)):
        readings.append((time, Decimal(register).scaleb(-4)))
        seconds = rng.randint(1, 2 * period)
        time += timedelta(seconds=seconds, microseconds=rng.randrange(10**6))
        register += rng.randint(0, seconds * 600)
    return snapshot, readings


def test_against_an_independent_pricer_on_three_thousand_charges():
    rng = random.Random(20261120)
    crossed = 0
    for _ in range(3000):
        snapshot, readings = random_charge(rng)
        segments = split_by_slot(readings, snapshot.zone)
        ours = tier_energy_from_segments(snapshot, segments)
        exact = slow_energy_by_tier(snapshot, readings)
        cuts = len(segments) + len(readings)
        for code, energy in exact.items():
            assert abs(Fraction(ours.get(code, D(0))) - energy) <= Fraction(cuts, 10_000)
        bill = price_segments(snapshot, segments)
        tiers = {tier.code: tier for tier in snapshot.tiers}
        electricity = sum(Fraction(e) * Fraction(tiers[c].electricity_price) for c, e in ours.items())
        service = sum(Fraction(e) * Fraction(tiers[c].service_price) for c, e in ours.items())
        assert bill.total_fen == fen(electricity + service)
        assert bill.electricity_fen == fen(electricity)
        ideal = sum(
            energy * (Fraction(tiers[c].electricity_price) + Fraction(tiers[c].service_price))
            for c, energy in exact.items()
        )
        assert abs(bill.total_fen - ideal * 100) <= Fraction(1, 2) + Fraction(cuts * 370, 10_000)
        crossed += len(ours) > 1
    assert crossed > 1000  # the sample really contains charges over tariff boundaries


def test_against_counting_every_second():
    rng = random.Random(7)
    for _ in range(40):
        start = at("2026-11-20 00:00") + timedelta(seconds=rng.randrange(86_400))
        pieces = [
            (rng.randint(60, 2400), rng.randint(1, 9)) for _ in range(4)
        ]  # seconds, 0.001 kWh per second
        readings, counted = [(start, D("0"))], {}
        time, total = start, 0
        for seconds, rate in pieces:
            for _second in range(seconds):
                code = FOUR.slots[time.hour * 2 + time.minute // 30]
                counted[code] = counted.get(code, 0) + rate
                time += timedelta(seconds=1)
                total += rate
            readings.append((time, Decimal(total).scaleb(-3)))
        ours = tier_energy_from_segments(FOUR, split_by_slot(readings, FOUR.zone))
        assert ours == {code: Decimal(count).scaleb(-3) for code, count in counted.items()}
