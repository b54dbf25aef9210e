"""The one pricing engine: what was used, and the frozen tariff, to a bill.

The estimate before a charge, the cost shown while it runs, the bill, its recomputation and a partner's record
are all `charge` on what is known at that moment, so they cannot disagree. It looks only at sums (energy per
half-hour, moments, watts), never at how often somebody reported, so cutting a session into more readings does
not change its price. `docs/pricing.md` tells the rules with worked examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from .bill import Bill, FeeLine, discounted, make_bill
from .components import (
    ELECTRICITY,
    SERVICE,
    START,
    Component,
    MinimumFee,
    PackageFee,
    PowerFee,
    StartFee,
    TimeFee,
    UseFee,
    Window,
    in_window,
)
from .errors import PricingError
from .price import energy_units, local_slot, rows_of, tier_energy_from_segments
from .scale import ENERGY_PLACES, from_units, is_quantity, round_half_up, round_units, to_units
from .slots import MAX_INTERVAL, advance, slot_edges
from .tariff import SLOT_MINUTES, TariffSnapshot

MICROSECOND = timedelta(microseconds=1)
SECOND_US = 1_000_000
HOUR_US = 3_600_000_000
PowerPoint = tuple[datetime, int]
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a session used.

    Attributes:
        segments: {local half-hour: kWh}, see `slots.split_by_slot`.
        energy_by_tier: {tier code: kWh} when the pile's own record says it; then `segments` only say when, for
            discounts that hold in part of the day.
        started_at: when energy began to flow; needed where time has a price.
        ended_at: when it ended, or the moment up to which one asks.
        power: (moment, watts from then on), in time; empty means the average power.
        package_fen: what was bought ahead, where the tariff sells packages.
        further_packages_fen: what was bought on top of it while it ran, in this order.
        pauses: (from, to) in which the port stood still (overload, power cut): such time has no price.
    """

    segments: Mapping[str, Decimal] | None = None
    energy_by_tier: Mapping[str, Decimal] | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    power: tuple[PowerPoint, ...] = ()
    package_fen: int | None = None
    further_packages_fen: tuple[int, ...] = ()
    pauses: tuple[Span, ...] = ()


def charge(snapshot: TariffSnapshot, usage: Usage) -> Bill:
    """Return the bill of `usage` under a frozen tariff.

    A session without energy costs nothing, whatever the components say. PricingError as in `price`,
    `tier_energy_from_segments`, and `no_times` when a component counts time and the usage has none,
    `ends_before_start`, `unknown_package`.
    """
    if usage.energy_by_tier is not None:
        energies = usage.energy_by_tier
    else:
        energies = tier_energy_from_segments(snapshot, usage.segments or {})
    units = energy_units(snapshot, energies)
    total_units = sum(units.values())
    if not total_units:
        return make_bill([])
    if not snapshot.components and not snapshot.discounts:
        return make_bill(rows_of(snapshot, units))
    lines = [
        line for one in snapshot.components for line in _lines_of(one, usage, total_units, snapshot.zone)
    ]
    minimum = max((one.fen for one in snapshot.components if isinstance(one, MinimumFee)), default=0)
    bill = make_bill(rows_of(snapshot, units), lines, minimum_fen=minimum)
    if not snapshot.discounts:
        return bill
    shares: dict[str, dict[str, Fraction]] = {}
    for rule in snapshot.discounts:
        if rule.window is not None:
            shares[rule.code] = _window_shares(snapshot, units, usage.segments or {}, rule.window, lines)
        elif rule.energy_kwh is not None:
            part = min(Fraction(1), Fraction(rule.energy_kwh) * 10**ENERGY_PLACES / total_units)
            shares[rule.code] = {ELECTRICITY: part, SERVICE: part}
    return discounted(bill, snapshot.discounts, shares)


def estimate(
    snapshot: TariffSnapshot,
    *,
    start: datetime,
    power_kw: Decimal,
    duration: timedelta | None = None,
    energy_kwh: Decimal | None = None,
    package_fen: int | None = None,
) -> Bill:
    """Return what charging at a constant `power_kw` from `start` would cost, for a duration or an energy.

    Exactly one of `duration` and `energy_kwh` is given; PricingError `bad_estimate` otherwise, or when the
    power cannot deliver the energy.
    """
    return charge(
        snapshot,
        foreseen(
            snapshot,
            start=start,
            power_kw=power_kw,
            duration=duration,
            energy_kwh=energy_kwh,
            package_fen=package_fen,
        ),
    )


def foreseen(
    snapshot: TariffSnapshot,
    *,
    start: datetime,
    power_kw: Decimal,
    duration: timedelta | None = None,
    energy_kwh: Decimal | None = None,
    package_fen: int | None = None,
) -> Usage:
    """Return the usage of a charge at constant power; arguments and errors as in `estimate`."""
    if not is_quantity(power_kw) or power_kw < 0:
        raise PricingError("bad_estimate", {"field": "power_kw"})
    if (duration is None) == (energy_kwh is None):
        raise PricingError("bad_estimate", {"field": "duration"})
    power = Fraction(round_units(power_kw, ENERGY_PLACES, "power_kw"), 10**ENERGY_PLACES)
    if duration is not None:
        span = duration // MICROSECOND
        if span < 0:
            raise PricingError("bad_estimate", {"field": "duration"})
        exact = power * span * 10**ENERGY_PLACES / HOUR_US
        units = round_half_up(exact.numerator, exact.denominator)
    else:
        units = to_units(energy_kwh, ENERGY_PLACES, "energy_kwh")
        if units < 0 or (units and not power):
            raise PricingError("bad_estimate", {"field": "energy_kwh"})
        hours = Fraction(units, 10**ENERGY_PLACES) / power if units else Fraction(0)
        span = round(hours * HOUR_US)
    if span > 62 * 24 * HOUR_US:
        raise PricingError("interval_too_long", {"days": span // (24 * HOUR_US), "limit": 62})
    end = start + timedelta(microseconds=span)
    energy = from_units(units, ENERGY_PLACES)
    return Usage(
        segments=advance({}, (start, Decimal(0)), (end, energy), snapshot.zone),
        started_at=start,
        ended_at=end,
        power=((start, round(power * 1000)),),
        package_fen=package_fen,
    )


def power_changes(
    snapshot: TariffSnapshot, points: tuple[PowerPoint, ...] | list[PowerPoint]
) -> list[PowerPoint]:
    """Return the points that can change a price by power: the first, and those of another step than before.

    Everything else may be forgotten; the bill of what is left is the same.
    """
    component = next((one for one in snapshot.components if isinstance(one, PowerFee)), None)
    if component is None:
        return []
    kept: list[PowerPoint] = []
    current = None
    for at, watts in points:
        step = component.step_of(watts)
        if current is None or (step > current if component.follow == "highest" else step != current):
            kept.append((at, watts))
            current = step
    return kept


def _lines_of(one: Component, usage: Usage, total_units: int, zone: str) -> Iterator[FeeLine]:
    match one:
        case StartFee():
            yield FeeLine(START, one.kind, Fraction(one.fen))
        case UseFee():
            yield FeeLine(one.fee, one.kind, Fraction(one.fen))
        case TimeFee():
            counted = max(_microseconds(usage, zone, one.window) - one.free_s * SECOND_US, 0)
            seconds = -(-counted // (one.unit_s * SECOND_US)) * one.unit_s
            if seconds and one.fen:
                params = {"fen": one.fen, "per_s": one.per_s, "unit_s": one.unit_s, "free_s": one.free_s}
                if one.window:
                    params |= {"from": one.window[0], "to": one.window[1]}
                yield FeeLine(
                    one.fee, one.kind, Fraction(seconds * one.fen, one.per_s), seconds=seconds, params=params
                )
        case PackageFee():
            if usage.package_fen is None:
                return
            left = -(-_microseconds(usage, zone, None) // SECOND_US)
            # What was bought first is used first, so that buying more never changes the price of what is used.
            for paid in (usage.package_fen, *usage.further_packages_fen):
                bought = one.seconds_of(paid)
                used = min(left, bought)
                left -= used
                fen = -(-paid * used // bought) if one.refundable else paid
                params = {"fen": paid, "bought_s": bought}
                yield FeeLine(one.fee, one.kind, Fraction(fen), seconds=used, params=params)
        case PowerFee():
            yield from _power_lines(one, usage, total_units)


def _power_lines(one: PowerFee, usage: Usage, total_units: int) -> Iterator[FeeLine]:
    """Time per step, one line for each that was used."""
    start, end = _span(usage)
    still = _pauses(usage)
    points = [(_utc(at), watts) for at, watts in usage.power] or [
        (start, _average_watts(total_units, _flowing(start, end, still)))
    ]
    spent: dict[int, int] = {}
    step, at = one.step_of(points[0][1]), start
    for moment, watts in points:
        new = one.step_of(watts)
        if one.follow == "highest":
            new = max(new, step)
        moment = min(max(moment, at), end)
        spent[step] = spent.get(step, 0) + _flowing(at, moment, still)
        at, step = moment, new
    spent[step] = spent.get(step, 0) + _flowing(at, end, still)
    for index in sorted(spent):
        if spent[index]:
            rate = one.steps[index]
            yield FeeLine(
                one.fee,
                one.kind,
                Fraction(spent[index] * rate.fen, rate.per_s * SECOND_US),
                seconds=-(-spent[index] // SECOND_US),
                params={"up_to_w": rate.up_to_w, "fen": rate.fen, "per_s": rate.per_s},
            )


def _average_watts(total_units: int, span: int) -> int:
    return round_half_up(total_units * HOUR_US, span * 10) if span else 0


def _microseconds(usage: Usage, zone: str, window: Window | None) -> int:
    """Time of the session, or of its part inside the half-hours of a window."""
    start, end = _span(usage)
    still = _pauses(usage)
    if window is None:
        return _flowing(start, end, still)
    return sum(
        _flowing(since, until, still)
        for since, until, slot in slot_edges(start, end, zone)
        if in_window(window, slot)
    )


def _span(usage: Usage) -> tuple[datetime, datetime]:
    if usage.started_at is None or usage.ended_at is None:
        raise PricingError("no_times")
    start, end = _utc(usage.started_at), _utc(usage.ended_at)
    if end < start:
        raise PricingError(
            "ends_before_start", {"started_at": start.isoformat(), "ended_at": end.isoformat()}
        )
    if end - start > MAX_INTERVAL:
        raise PricingError("interval_too_long", {"days": (end - start).days, "limit": MAX_INTERVAL.days})
    return start, end


def _pauses(usage: Usage) -> list[Span]:
    """The pauses in time, none inside another."""
    merged: list[Span] = []
    for since, until in sorted((_utc(since), _utc(until)) for since, until in usage.pauses):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        elif until > since:
            merged.append((since, until))
    return merged


def _flowing(start: datetime, end: datetime, pauses: list[Span]) -> int:
    """Microseconds from start to end without the pauses."""
    still = sum(
        (max(min(until, end) - max(since, start), timedelta()) for since, until in pauses), timedelta()
    )
    return (end - start - still) // MICROSECOND


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None or at.utcoffset() is None:
        raise PricingError("naive_time", {"time": at.isoformat()})
    return at.astimezone(UTC)


def _window_shares(
    snapshot: TariffSnapshot,
    units: Mapping[str, int],
    segments: Mapping[str, Decimal],
    window: Window | None,
    lines: list[FeeLine],
) -> dict[str, Fraction]:
    """Which part of the electricity and of the service fee was charged inside a window of the day.

    Each tier's energy lies inside as far as the segments of that tier say so; a tier that no segment knows (a
    record of the pile that differs a little from the readings) as far as all segments say.
    """
    inside: dict[str, int] = {}
    known: dict[str, int] = {}
    for key, energy in segments.items():
        local = local_slot(key, snapshot.zone)
        code = snapshot.tier_code_at(local)
        amount = to_units(energy, ENERGY_PLACES, key)
        known[code] = known.get(code, 0) + amount
        if in_window(window, (local.hour * 60 + local.minute) // SLOT_MINUTES):
            inside[code] = inside.get(code, 0) + amount
    overall = Fraction(sum(inside.values()), sum(known.values())) if sum(known.values()) else Fraction(0)
    shares: dict[str, Fraction] = {}
    by_time = sum(line.exact for line in lines if line.kind == SERVICE) * 10**7
    for kind, column, extra in ((ELECTRICITY, 2, 0), (SERVICE, 3, by_time)):
        whole, within = Fraction(extra), Fraction(0)
        for row in rows_of(snapshot, units):
            amount = row[1] * row[column]
            whole += amount
            part = Fraction(inside.get(row[0], 0), known[row[0]]) if known.get(row[0]) else overall
            within += amount * part
        shares[kind] = within / whole if whole else Fraction(0)
    return shares
