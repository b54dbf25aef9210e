"""Energy per local half-hour, from cumulative readings.

A pile that reports a register, not tier energies, leaves the split to the platform: the energy between two
readings is spread evenly over the time between them and cut at the local half-hours. The running order does
this one reading at a time, a recomputation does it at once, and both must agree to the last digit. So every
interval is cut on its own, and what `split_by_slot` returns is nothing but `advance` repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from .errors import PricingError
from .scale import ENERGY_PLACES, as_text, from_text, from_units, round_half_up, round_units, to_units
from .tariff import SLOT_MINUTES, zone_of

Reading = tuple[datetime, Decimal]
Segments = dict[str, Decimal]

SLOT = timedelta(minutes=SLOT_MINUTES)
MAX_INTERVAL = timedelta(days=62)
_MICROSECOND = timedelta(microseconds=1)


def split_by_slot(readings: Iterable[Reading], zone: str) -> Segments:
    """Return the energy of each local half-hour, {"2026-11-20T10:30+08:00": kWh at 4 decimals}.

    `readings` are (aware time, cumulative kWh), both never falling. The values add up exactly to the last
    reading minus the first, each taken at 4 decimals. Half-hours without energy are absent.
    PricingError as in `advance`.
    """
    segments: Segments = {}
    previous: Reading | None = None
    for reading in readings:
        if previous is not None:
            segments = advance(segments, previous, reading, zone)
        previous = reading
    return segments


def advance(
    segments: Mapping[str, Decimal], prev_reading: Reading, new_reading: Reading, zone: str
) -> Segments:
    """Return `segments` plus the energy between two readings; the argument is left unchanged.

    Inside the interval the cumulative energy at each half-hour is rounded half up to 0.0001 kWh and the
    pieces are differences of those, so they add up exactly and no piece is off by a whole 0.0001 kWh.
    Energy between two readings of the same instant belongs to the half-hour that holds the instant.
    PricingError `naive_time`, `readings_out_of_order`, `reading_backwards`, `interval_too_long`.
    """
    info = zone_of(zone)
    result = dict(segments)
    start, end = _utc(prev_reading[0]), _utc(new_reading[0])
    before = round_units(prev_reading[1], ENERGY_PLACES, "reading")
    after = round_units(new_reading[1], ENERGY_PLACES, "reading")
    if end < start:
        raise PricingError("readings_out_of_order", {"previous": start.isoformat(), "new": end.isoformat()})
    if after < before:
        raise PricingError(
            "reading_backwards",
            {"previous": as_text(prev_reading[1]), "new": as_text(new_reading[1])},
        )
    energy = after - before
    if energy == 0:
        return result
    if end - start > MAX_INTERVAL:
        raise PricingError("interval_too_long", {"days": (end - start).days, "limit": MAX_INTERVAL.days})
    if end == start:
        _add(result, _slot_start(start, info), energy)
        return result
    span = (end - start) // _MICROSECOND
    at, done = start, 0
    while at < end:
        slot = _slot_start(at, info)
        cut = min(at + _rest_of_slot(at, info), end)
        reached = round_half_up(energy * ((cut - start) // _MICROSECOND), span)
        _add(result, slot, reached - done)
        at, done = cut, reached
    return result


def slot_edges(start: datetime, end: datetime, zone: str) -> Iterator[tuple[datetime, datetime, int]]:
    """Yield the pieces of [start, end) between local half-hours, as (from, until, half-hour of the day 0-47)."""
    info = zone_of(zone)
    at, end = _utc(start), _utc(end)
    while at < end:
        local = at.astimezone(info)
        cut = min(at + _rest_of_slot(at, info), end)
        yield at, cut, (local.hour * 60 + local.minute) // SLOT_MINUTES
        at = cut


def segments_to_json(segments: Mapping[str, Decimal]) -> dict[str, str]:
    """Return segments with their energies as strings, exact in JSON."""
    return {key: as_text(value) for key, value in segments.items()}


def segments_from_json(data: Mapping[str, str]) -> Segments:
    """Return the segments that `segments_to_json` wrote; PricingError when an energy is not a string."""
    return {
        key: from_units(to_units(from_text(text, key), ENERGY_PLACES, key), ENERGY_PLACES)
        for key, text in data.items()
    }


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None or at.utcoffset() is None:
        raise PricingError("naive_time", {"time": at.isoformat()})
    return at.astimezone(UTC)


def _slot_start(at: datetime, info: ZoneInfo) -> str:
    local = at.astimezone(info)
    floor = local.replace(minute=local.minute - local.minute % SLOT_MINUTES, second=0, microsecond=0)
    return floor.isoformat(timespec="minutes")


def _rest_of_slot(at: datetime, info: ZoneInfo) -> timedelta:
    local = at.astimezone(info)
    gone = timedelta(
        minutes=local.minute % SLOT_MINUTES, seconds=local.second, microseconds=local.microsecond
    )
    return SLOT - gone


def _add(segments: Segments, key: str, units: int) -> None:
    if units:
        held = to_units(segments.get(key, Decimal(0)), ENERGY_PLACES, key)
        segments[key] = from_units(held + units, ENERGY_PLACES)
