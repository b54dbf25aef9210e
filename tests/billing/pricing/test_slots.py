"""Energy per half-hour: exact sums, midnight, time zones, and the same digits however it is followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing import PricingError, advance, segments_from_json, segments_to_json, split_by_slot

from .samples import D, at
from .strategies import readings_of, steps

ZONE = "Asia/Shanghai"


def test_even_spread_is_cut_at_the_half_hour():
    readings = [(at("2026-11-20 10:24"), D("50.370")), (at("2026-11-20 10:39"), D("57.120"))]
    assert split_by_slot(readings, ZONE) == {
        "2026-11-20T10:00+08:00": D("2.7000"),
        "2026-11-20T10:30+08:00": D("4.0500"),
    }


def test_over_midnight_and_over_many_half_hours():
    readings = [(at("2026-12-31 23:20"), D("0")), (at("2027-01-01 00:50"), D("9"))]
    assert split_by_slot(readings, ZONE) == {
        "2026-12-31T23:00+08:00": D("1"),
        "2026-12-31T23:30+08:00": D("3"),
        "2027-01-01T00:00+08:00": D("3"),
        "2027-01-01T00:30+08:00": D("2"),
    }


def test_ends_on_a_boundary_belong_to_the_half_hour_they_close():
    readings = [(at("2026-11-20 10:00"), D("0")), (at("2026-11-20 10:30"), D("5"))]
    assert split_by_slot(readings, ZONE) == {"2026-11-20T10:00+08:00": D("5")}


def test_the_smallest_energy_is_neither_lost_nor_doubled():
    readings = [(at("2026-11-20 10:29"), D("0")), (at("2026-11-20 11:31"), D("0.0001"))]
    assert sum(split_by_slot(readings, ZONE).values()) == D("0.0001")


def test_energy_within_one_instant():
    moment = at("2026-11-20 10:30")
    assert split_by_slot([(moment, D("1")), (moment, D("1.5"))], ZONE) == {"2026-11-20T10:30+08:00": D("0.5")}


def test_a_sample_without_rise_leaves_no_trace():
    readings = [(at("2026-11-20 10:00"), D("7")), (at("2026-11-20 12:00"), D("7"))]
    assert split_by_slot(readings, ZONE) == {}
    assert split_by_slot(readings[:1], ZONE) == {}
    assert split_by_slot([], ZONE) == {}


def test_the_repeated_hour_of_winter_time_is_two_hours():
    # Berlin, 2026-10-25: 03:00 +02:00 becomes 02:00 +01:00 at 01:00 UTC
    start = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    readings = [(start, D("0")), (start + timedelta(hours=2), D("8"))]
    assert split_by_slot(readings, "Europe/Berlin") == {
        "2026-10-25T02:00+02:00": D("2"),
        "2026-10-25T02:30+02:00": D("2"),
        "2026-10-25T02:00+01:00": D("2"),
        "2026-10-25T02:30+01:00": D("2"),
    }


def test_the_local_half_hour_counts_where_the_offset_is_not_whole_hours():
    start = datetime(2026, 11, 20, 4, 45, tzinfo=UTC)  # 10:30 in Kathmandu
    readings = [(start, D("0")), (start + timedelta(minutes=45), D("3"))]
    assert split_by_slot(readings, "Asia/Kathmandu") == {
        "2026-11-20T10:30+05:45": D("2"),
        "2026-11-20T11:00+05:45": D("1"),
    }


def test_registers_finer_than_four_decimals_add_up():
    readings = [(at("2026-11-20 10:00"), D("1.00004")), (at("2026-11-20 10:10"), D("1.00008")),
                (at("2026-11-20 10:20"), D("1.00012"))]  # fmt: skip
    assert split_by_slot(readings, ZONE) == {"2026-11-20T10:00+08:00": D("0.0001")}


@given(steps, st.integers(0, 10**9))
def test_nothing_is_lost_and_nothing_is_invented(steps, start_units):
    readings = readings_of(steps, start_units)
    segments = split_by_slot(readings, ZONE)
    assert sum(segments.values()) == readings[-1][1] - readings[0][1]
    assert all(value > 0 and value.as_tuple().exponent == -4 for value in segments.values())


@given(steps, st.data())
def test_following_a_charge_gives_what_splitting_it_at_the_end_gives(steps, data):
    readings = readings_of(steps)
    running: dict[str, Decimal] = {}
    for previous, new in pairwise(readings):
        stored = segments_to_json(running)  # a restart between any two samples
        running = advance(segments_from_json(stored), previous, new, ZONE)
    assert running == split_by_slot(readings, ZONE)

    cut = data.draw(st.integers(0, len(readings) - 1))
    first, second = split_by_slot(readings[: cut + 1], ZONE), split_by_slot(readings[cut:], ZONE)
    joined = {key: first.get(key, D(0)) + second.get(key, D(0)) for key in {*first, *second}}
    assert joined == running


@given(steps, st.integers(0, 400), st.integers(0, 400))
def test_the_register_base_does_not_matter(steps, one, other):
    assert split_by_slot(readings_of(steps, one), ZONE) == split_by_slot(readings_of(steps, other), ZONE)


def test_advance_leaves_its_argument_alone():
    before = {"2026-11-20T10:00+08:00": D("1.0000")}
    after = advance(before, (at("2026-11-20 10:00"), D("1")), (at("2026-11-20 10:10"), D("2")), ZONE)
    assert before == {"2026-11-20T10:00+08:00": D("1.0000")}
    assert after == {"2026-11-20T10:00+08:00": D("2.0000")}


@pytest.mark.parametrize(
    ("previous", "new", "code"),
    [
        ((at("2026-11-20 10:00"), D("2")), (at("2026-11-20 10:10"), D("1")), "reading_backwards"),
        ((at("2026-11-20 10:00"), D("1")), (at("2026-11-20 09:59"), D("2")), "readings_out_of_order"),
        ((at("2026-11-20 10:00"), D("1")), (datetime(2026, 11, 20, 11), D("2")), "naive_time"),
        ((at("1970-01-01 00:00"), D("1")), (at("2026-11-20 10:10"), D("2")), "interval_too_long"),
        ((at("2026-11-20 10:00"), D("1")), (at("2026-11-20 10:10"), D("NaN")), "not_finite"),
        ((at("2026-11-20 10:00"), D("1")), (at("2026-11-20 10:10"), D("1E+20")), "too_large"),
        ((at("2026-11-20 10:00"), D("1")), (at("2026-11-20 10:10"), 2.0), "not_a_decimal"),
    ],
)
def test_impossible_readings_are_refused(previous, new, code):
    with pytest.raises(PricingError) as refused:
        advance({}, previous, new, ZONE)
    assert refused.value.code == code
