"""Hypothesis strategies of the pricing tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from billing.pricing import TariffSnapshot, Tier

ORIGIN = datetime(2026, 11, 20, 3, 7, 11, tzinfo=UTC)

steps = st.lists(
    st.tuples(st.integers(0, 8 * 3600 * 1_000_000), st.integers(0, 3_000_000)), min_size=1, max_size=12
)


def readings_of(steps, start_units=0):
    """Readings from (microseconds, 0.0001 kWh) steps."""
    time, units, readings = ORIGIN, start_units, []
    readings.append((time, Decimal(units).scaleb(-4)))
    for microseconds, energy in steps:
        time += timedelta(microseconds=microseconds)
        units += energy
        readings.append((time, Decimal(units).scaleb(-4)))
    return readings


prices = st.integers(0, 999_999_999).map(lambda units: Decimal(units).scaleb(-5))
codes = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)


@st.composite
def snapshots(draw):
    names = draw(st.lists(codes, min_size=1, max_size=9, unique=True))
    return TariffSnapshot(
        version_id=draw(st.one_of(st.integers(), st.uuids().map(str))),
        code=draw(st.text(max_size=8)),
        name=draw(st.text(max_size=8)),
        zone=draw(st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata", "UTC"])),
        tiers=tuple(Tier(name, draw(prices), draw(prices)) for name in names),
        slots=tuple(
            code
            for code in draw(st.lists(st.sampled_from(names), min_size=12, max_size=12))
            for _ in range(4)
        ),
    )
