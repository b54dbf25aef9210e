"""The engine against a second pricer that knows nothing of it, and what must hold of any bill."""

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.pricing import Bill, TariffSnapshot, charge
from billing.pricing.components import OccupancyFee, ParkingFee
from billing.pricing.fees import cap_reached_at, occupancy, parking
from tests.billing.pricing import brute
from tests.billing.pricing.sessions import (
    compare,
    random_session,
    random_tariff,
    usage_of,
)

seeds = st.integers(0, 2**32)


def drawn(seed):
    dice = random.Random(seed)
    tariff = random_tariff(dice)
    return tariff, TariffSnapshot.from_json(tariff), random_session(dice, tariff), dice


@pytest.mark.promise(5)
def test_thousands_of_random_sessions_cost_the_same_to_the_fen():
    assert compare(20261126, 4_000) == []


def test_a_fen_of_difference_would_be_seen(monkeypatch):
    monkeypatch.setattr(brute, "half_up", lambda exact: int(exact))
    assert compare(1, 400)


@settings(max_examples=60)
@given(seeds)
def test_lines_add_up_and_survive_json(seed):
    _tariff, snapshot, session, _dice = drawn(seed)
    bill = charge(snapshot, usage_of(session, snapshot.zone))
    assert Bill.from_json(bill.to_json()) == bill
    assert sum(line.electricity_fen for line in bill.lines) == bill.electricity_fen
    by_service = sum(line.fen for line in bill.fee_lines if line.kind == "service")
    assert sum(line.service_fen for line in bill.lines) + by_service == bill.service_fen
    assert sum(line.fen for line in bill.fee_lines if line.kind != "service") == bill.fees_fen
    assert bill.total_fen == bill.electricity_fen + bill.service_fen + bill.fees_fen - bill.discount_fen
    assert bill.total_fen >= 0 and all(line.fen >= 0 for line in bill.fee_lines)


@settings(max_examples=60)
@given(seeds)
def test_a_session_cut_into_more_readings_costs_the_same(seed):
    """Only readings on either side of a half-hour's edge matter, and reports of an unchanged power do not."""
    _tariff, snapshot, session, dice = drawn(seed)
    zone, at, units = ZoneInfo(snapshot.zone), session["start"], 0
    readings = [(at, 0)]
    while len(readings) < 40 and dice.random() < 0.97:
        at, units = at + dice.randint(1, 600), units + dice.randrange(2_000)
        readings.append((at, units))

    def slot(number):
        local = datetime.fromtimestamp(readings[number][0], zone)
        return local.date(), local.hour, local.minute // 30

    last = len(readings) - 1
    edges = [
        number
        for number in range(len(readings))
        if number in (0, last) or not slot(number - 1) == slot(number) == slot(number + 1)
    ]
    session |= {"readings": readings, "end": at, "tiers": None}
    fewer = {**session, "readings": [readings[number] for number in edges]}
    if session["power"]:
        session["power"] = [*session["power"], (session["power"][-1][0] + 60, session["power"][-1][1])]
    finer = charge(snapshot, usage_of(session, snapshot.zone))
    assert finer == charge(snapshot, usage_of(fewer, snapshot.zone))


@settings(max_examples=60)
@given(seeds, st.integers(1, 20_000), st.integers(1, 7_200))
def test_more_energy_and_more_time_never_cost_less(seed, units, seconds):
    tariff, _snapshot, session, _dice = drawn(seed)
    # Discounts are taken from whole fen: a part of the day, two of them stacked, or one beside a minimum (of which
    # less is topped up) may move the total by what they round, so one rule on the whole of plain fees is asked.
    with_minimum = any(one["kind"] == "minimum" for one in tariff.get("components", ()))
    tariff["discounts"] = [
        rule
        for rule in tariff.get("discounts", ())
        if rule["window"] is None and not rule["stack"] and not with_minimum
    ]
    snapshot = TariffSnapshot.from_json(tariff)
    session["tiers"] = None
    session["power"] = session["power"] or [(session["start"], 3_000)]
    until, last = session["readings"][-1]
    if not last:
        return
    base = charge(snapshot, usage_of(session, snapshot.zone)).total_fen
    longer = {
        **session,
        "readings": [*session["readings"], (until + seconds, last)],
        "end": session["end"] + seconds,
    }
    more = {**longer, "readings": [*session["readings"], (until + seconds, last + units)]}
    timed = charge(snapshot, usage_of(longer, snapshot.zone)).total_fen
    assert base <= timed <= charge(snapshot, usage_of(more, snapshot.zone)).total_fen


@settings(max_examples=60)
@given(seeds)
@example(26305022)
def test_staying_costs_what_counting_minutes_gives(seed):
    dice = random.Random(seed)
    begin = datetime(2026, 3, 28, 20, 13, tzinfo=ZoneInfo("UTC")) + timedelta(minutes=dice.randrange(600))
    end = begin + timedelta(minutes=dice.randrange(1_200))
    holes = []
    at = begin
    for _ in range(dice.randint(0, 3)):
        at += timedelta(minutes=dice.randrange(200))
        holes.append((at, at + timedelta(minutes=dice.randrange(120))))
        at = holes[-1][1]
    common = {
        "fen": dice.randint(1, 400),
        "block_s": dice.choice((60, 900, 1_800)),
        "cap_fen": dice.choice((400, 2_000, 50_000)),
        "cap_day_fen": dice.choice((None, 700, 5_000)),
    }
    today, zone = dice.choice((0, 0, 300)), dice.choice(("Asia/Shanghai", "Europe/Berlin"))
    rule = OccupancyFee(**common, grace_s=dice.choice((0, 900, 1_800)))
    timed = occupancy(rule, begin=begin, end=end, zone=zone, outages=holes, charged_today_fen=today)
    assert timed.fen == brute.stay(rule.to_json(), begin, end, zone, holes, today)
    until = cap_reached_at(rule, begin=begin, zone=zone, outages=holes)
    if rule.cap_day_fen is None and until < begin + timedelta(days=60):
        second = timedelta(seconds=1)
        assert occupancy(rule, begin=begin, end=until + second, zone=zone, outages=holes).fen == rule.cap_fen
        assert occupancy(rule, begin=begin, end=until, zone=zone, outages=holes).fen < rule.cap_fen
    park = ParkingFee(**common, free_s=dice.choice((0, 1_800)))
    stayed = parking(park, arrived=begin, left=end, zone=zone, charging=holes, charged_today_fen=today)
    assert stayed.fen == brute.stay(park.to_json(), begin, end, zone, holes, today)
