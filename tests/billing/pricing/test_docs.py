"""The worked examples of docs/pricing.md, recomputed, so that the page cannot go stale."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from billing.pricing import (
    Calendar,
    DayRule,
    DiscountRule,
    RegisterRun,
    TariffSnapshot,
    Tier,
    Usage,
    allocate,
    charge,
    check_record,
    component_from_json,
    estimate,
    foreseen,
    price,
    price_segments,
    split_by_slot,
    tier_energy_from_wire,
    wire_mapping,
    with_loss,
)
from billing.pricing.components import OccupancyFee
from billing.pricing.fees import occupancy
from billing.pricing.register import energy_limit_kwh

from .samples import D, at, tariff

PAGE = Path(__file__).parents[3] / "docs" / "pricing.md"
BLOCKS = [
    tomllib.loads(text, parse_float=Decimal)
    for text in re.findall(r"^```example\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
]


def blocks(kind):
    return [pytest.param(block, id=f"{kind}-{i}") for i, block in enumerate(BLOCKS) if block["kind"] == kind]


def page_tariff() -> TariffSnapshot:
    (block,) = [block for block in BLOCKS if block["kind"] == "tariff"]
    hours, minutes = map(int, block["peak_from"].split(":"))
    first = (hours * 60 + minutes) // 30
    return TariffSnapshot(
        version_id=1,
        code="page",
        name="page",
        zone=block["zone"],
        tiers=(
            Tier("flat", block["flat_electricity"], block["flat_service"]),
            Tier("peak", block["peak_electricity"], block["peak_service"]),
        ),
        slots=("flat",) * first + ("peak",) * (48 - first),
    )


def assert_bill(bill, block):
    assert (bill.electricity_fen, bill.service_fen, bill.total_fen) == (
        block["electricity_fen"],
        block["service_fen"],
        block["total_fen"],
    )
    if "electricity_exact" in block:
        assert sum(line.electricity for line in bill.lines) == block["electricity_exact"]
        assert sum(line.service for line in bill.lines) == block["service_exact"]


def test_the_page_has_every_kind_of_example():
    kinds = [block["kind"] for block in BLOCKS]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "tariff": 1,
        "wire": 1,
        "bill": 3,
        "allocate": 1,
        "record": 1,
        "register": 2,
        "estimate": 1,
        "gate": 1,
        "run": 1,
        "calendar": 1,
        "session": 3,
        "occupancy": 1,
    }


@pytest.mark.parametrize("block", blocks("bill"))
def test_bill(block):
    names = ["sharp", "peak", "flat", "valley"][: len(block["energies_kwh"])]
    snapshot = tariff(
        {
            name: (str(electricity), str(service))
            for name, electricity, service in zip(
                names, block["electricity_prices"], block["service_prices"], strict=True
            )
        }
    )
    energies = dict(zip(names, block["energies_kwh"], strict=True))
    assert_bill(price(snapshot, with_loss(energies, block.get("loss_ratio", D(0)))), block)


@pytest.mark.parametrize("block", blocks("record"))
def test_record(block):
    snapshot = page_tariff()
    assert_bill(price(snapshot, tier_energy_from_wire(snapshot, block["positions_kwh"])), block)


@pytest.mark.parametrize("block", blocks("register"))
def test_register(block):
    snapshot = page_tariff()
    readings = [(datetime.fromisoformat(time), value) for time, value in block["readings"]]
    segments = split_by_slot(readings, snapshot.zone)
    assert segments == block["segments"]
    assert_bill(price_segments(snapshot, segments), block)


@pytest.mark.parametrize("block", blocks("estimate"))
def test_estimate(block):
    bill = estimate(
        page_tariff(),
        start=datetime.fromisoformat(block["start"]),
        power_kw=D(block["power_kw"]),
        duration=timedelta(minutes=block["minutes"]),
    )
    assert_bill(bill, block)


@pytest.mark.parametrize("block", blocks("allocate"))
def test_allocate(block):
    assert allocate(block["total_fen"], block["weights"]) == block["parts_fen"]


@pytest.mark.parametrize("block", blocks("wire"))
def test_wire(block):
    names = [*block["used"], *block["unused"]]
    slots = (block["used"] * 48)[:48]
    snapshot = tariff(dict.fromkeys(names, ("1", "0.4")), slots)
    assert list(wire_mapping(snapshot)) == block["positions"]


@pytest.mark.parametrize("block", blocks("gate"))
def test_gate(block):
    snapshot = page_tariff()
    start = at("2026-11-20 10:12")
    duration = timedelta(seconds=int(block["minutes"] * 60))
    rated = D(block["rated_power_kw"])
    assert energy_limit_kwh(rated, duration) == block["limit_kwh"]

    def codes(energy):
        found = check_record(
            snapshot=snapshot,
            energy_kwh=energy,
            started_at=start,
            ended_at=start + duration,
            rated_power_kw=rated,
        )
        return [finding.code for finding in found]

    assert [codes(energy) for energy in block["passes"]] == [[], []]
    assert [codes(energy) for energy in block["refused"]] == [["energy_above_power"]] * 2


@pytest.mark.parametrize("block", blocks("run"))
def test_run(block):
    start = at("2026-11-20 10:00")
    run = RegisterRun.start(block["meter_start"], start, rated_power_kw=D(block["rated_power_kw"]))
    seen = [run.observe(value, start + timedelta(minutes=1 + i)) for i, value in enumerate(block["values"])]
    assert [delivered for delivered, _ in seen] == block["delivered"]
    assert [finding.code for _, finding in seen if finding] == block["findings"]


@pytest.mark.parametrize("block", blocks("session"))
def test_session(block):
    start = datetime.fromisoformat(block["start"])
    snapshot = replace(
        page_tariff(),
        components=tuple(component_from_json(row) for row in block.get("components", ())),
        discounts=tuple(DiscountRule(**row) for row in block.get("discounts", ())),
    )

    def after(minutes):
        return start + timedelta(minutes=minutes)

    if "readings" in block:
        readings = [(after(minutes), D(str(kwh))) for minutes, kwh in block["readings"]]
        usage = Usage(
            segments=split_by_slot(readings, snapshot.zone),
            started_at=start,
            ended_at=readings[-1][0],
            power=tuple((after(minutes), watts) for minutes, watts in block["power"]),
        )
    else:
        usage = foreseen(
            snapshot,
            start=start,
            power_kw=D(block["power_kw"]),
            duration=timedelta(minutes=block["minutes"]),
        )
    bill = charge(snapshot, usage)
    assert_bill(bill, block)
    assert (bill.fees_fen, bill.discount_fen) == (block["fees_fen"], block.get("discount_fen", 0))


@pytest.mark.parametrize("block", blocks("calendar"))
def test_calendar(block):
    rules = tuple(DayRule(**rule) for rule in block["rules"])
    calendar = Calendar({rule.profile: ("flat",) * 48 for rule in rules}, rules, block["special"])
    found = {text: calendar.profile_on(date.fromisoformat(text)) for text in block["days"]}
    assert found == block["days"]


@pytest.mark.parametrize("block", blocks("occupancy"))
def test_occupancy(block):
    begin = at("2026-11-20 12:00")
    holes = [[begin + timedelta(minutes=minute) for minute in hole] for hole in block["offline"]]
    end = begin + timedelta(minutes=block["minutes"])
    timed = occupancy(
        OccupancyFee(**block["rule"]), begin=begin, end=end, zone="Asia/Shanghai", outages=holes
    )
    assert timed.fen == block["fen"]
