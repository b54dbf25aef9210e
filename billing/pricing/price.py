"""The one pricing function: estimate, running cost, bill and partner record all come from `price`.

The rule (docs/pricing.md): per-tier energy at 4 decimals times the tier's prices at 5 decimals, exact; the
total is rounded half up to whole fen once, electricity likewise, and service is what remains. The parts
therefore always add up and the total is always price times energy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

from .errors import PricingError
from .scale import (
    AMOUNT_PLACES,
    ENERGY_PLACES,
    PRICE_PLACES,
    as_text,
    from_text,
    from_units,
    is_quantity,
    round_half_up,
    round_units,
    to_units,
)
from .slots import advance
from .tariff import SLOT_MINUTES, TariffSnapshot, wire_mapping, zone_of

_UNITS_PER_FEN = 10 ** (AMOUNT_PLACES - 2)
_MICROSECOND = timedelta(microseconds=1)
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class BillLine:
    """One tier of a bill: energy in kWh, prices in yuan per kWh, exact amounts in yuan.

    `electricity_fen` and `service_fen` are for display: the bill's whole fen spread over its lines by
    largest remainder, so a printed column adds up to its total.
    """

    tier: str
    energy_kwh: Decimal
    electricity_price: Decimal
    service_price: Decimal
    electricity: Decimal
    service: Decimal
    electricity_fen: int
    service_fen: int

    @property
    def total_fen(self) -> int:
        """The line's display amount in fen."""
        return self.electricity_fen + self.service_fen

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-safe dict, Decimals as strings."""
        return {
            "tier": self.tier,
            "energy_kwh": as_text(self.energy_kwh),
            "electricity_price": as_text(self.electricity_price),
            "service_price": as_text(self.service_price),
            "electricity": as_text(self.electricity),
            "service": as_text(self.service),
            "electricity_fen": self.electricity_fen,
            "service_fen": self.service_fen,
        }


@dataclass(frozen=True, slots=True)
class Bill:
    """What a charge costs: lines of the tiers that carried energy, and totals in whole fen."""

    lines: tuple[BillLine, ...]
    energy_kwh: Decimal
    electricity_fen: int
    service_fen: int
    total_fen: int

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-safe dict, Decimals as strings, fen as integers."""
        return {
            "lines": [line.to_json() for line in self.lines],
            "energy_kwh": as_text(self.energy_kwh),
            "electricity_fen": self.electricity_fen,
            "service_fen": self.service_fen,
            "total_fen": self.total_fen,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Bill:
        """Return the bill that `to_json` wrote.

        Every figure is recomputed from energies and prices; PricingError `bill_mismatch` when one differs,
        so an edited or damaged bill is never read as a good one.
        """
        try:
            rows = [
                (
                    str(row["tier"]),
                    to_units(from_text(row["energy_kwh"], "energy_kwh"), ENERGY_PLACES, "energy_kwh"),
                    to_units(
                        from_text(row["electricity_price"], "electricity_price"),
                        PRICE_PLACES,
                        "electricity_price",
                    ),
                    to_units(from_text(row["service_price"], "service_price"), PRICE_PLACES, "service_price"),
                )
                for row in data["lines"]
            ]
        except (KeyError, TypeError) as error:
            raise PricingError("bad_bill", {"field": str(error)[:80]}) from None
        bill = _bill(rows)
        if bill.to_json() != data:
            raise PricingError("bill_mismatch", {"total_fen": bill.total_fen})
        return bill


def price(snapshot: TariffSnapshot, energy_by_tier: Mapping[str, Decimal]) -> Bill:
    """Return the bill of `energy_by_tier`, {tier code: kWh at up to 4 decimals}, under `snapshot`.

    Lines follow the snapshot's tiers; a tier without energy has none. PricingError `unknown_tier`,
    `negative_energy`, `too_many_places`, `not_a_decimal`, `not_finite`, `too_large`.
    """
    units: dict[str, int] = {}
    for code, energy in energy_by_tier.items():
        snapshot.tier(code)
        units[code] = to_units(energy, ENERGY_PLACES, f"energy.{code}")
        if units[code] < 0:
            raise PricingError("negative_energy", {"tier": code, "energy_kwh": as_text(energy)})
    return _bill(
        [
            (
                tier.code,
                units[tier.code],
                to_units(tier.electricity_price, PRICE_PLACES, "electricity_price"),
                to_units(tier.service_price, PRICE_PLACES, "service_price"),
            )
            for tier in snapshot.tiers
            if units.get(tier.code)
        ]
    )


def price_segments(snapshot: TariffSnapshot, segments: Mapping[str, Decimal]) -> Bill:
    """Return the bill of half-hour `segments` (see `slots.split_by_slot`): the running cost and the bill."""
    return price(snapshot, tier_energy_from_segments(snapshot, segments))


def tier_energy_from_segments(
    snapshot: TariffSnapshot, segments: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """Return {tier code: kWh} of half-hour `segments`, by the half-hour's local time in the tariff's zone.

    PricingError `bad_segment` when a key is not the start of a half-hour there.
    """
    info = zone_of(snapshot.zone)
    totals: dict[str, int] = {}
    for key, energy in segments.items():
        try:
            local = datetime.fromisoformat(key)
        except ValueError:
            raise PricingError("bad_segment", {"segment": key[:80]}) from None
        if local.tzinfo is None:
            raise PricingError("bad_segment", {"segment": key[:80]})
        local = local.astimezone(info)
        if local.minute % SLOT_MINUTES or local.second or local.microsecond:
            raise PricingError("bad_segment", {"segment": key[:80]})
        code = snapshot.slots[(local.hour * 60 + local.minute) // SLOT_MINUTES]
        totals[code] = totals.get(code, 0) + to_units(energy, ENERGY_PLACES, key)
    return {code: from_units(units, ENERGY_PLACES) for code, units in totals.items()}


def tier_energy_from_wire(
    snapshot: TariffSnapshot, energies: Sequence[Decimal], max_tiers: int = 4
) -> dict[str, Decimal]:
    """Return {tier code: kWh} of a device record that lists energies by price position (YKC frame 0x3B).

    The snapshot must be the model the pile really held. PricingError `energy_on_empty_position` when a
    position that carries no tier reports energy; such a record is for a person to look at.
    """
    positions = wire_mapping(snapshot, max_tiers)
    result: dict[str, Decimal] = {}
    for index, energy in enumerate(energies):
        code = positions[index] if index < len(positions) else None
        if code is not None:
            result[code] = energy
        elif energy:
            raise PricingError("energy_on_empty_position", {"position": index, "energy_kwh": as_text(energy)})
    return result


def with_loss(energy_by_tier: Mapping[str, Decimal], loss_ratio: Decimal) -> dict[str, Decimal]:
    """Return energies × (1 + `loss_ratio`), half up to 4 decimals, e.g. ratio 0.05 for five per cent.

    Only for a station whose published price says that losses are billed, and only when the pile has not
    added them already. PricingError `negative_energy`, `negative_loss_ratio`.
    """
    ratio_units = to_units(loss_ratio, 6, "loss_ratio")
    if ratio_units < 0:
        raise PricingError("negative_loss_ratio", {"value": as_text(loss_ratio)})
    result: dict[str, Decimal] = {}
    for code, energy in energy_by_tier.items():
        units = to_units(energy, ENERGY_PLACES, f"energy.{code}")
        if units < 0:
            raise PricingError("negative_energy", {"tier": code, "energy_kwh": as_text(energy)})
        result[code] = from_units(round_half_up(units * (10**6 + ratio_units), 10**6), ENERGY_PLACES)
    return result


def estimate(
    snapshot: TariffSnapshot,
    *,
    start: datetime,
    power_kw: Decimal,
    duration: timedelta | None = None,
    energy_kwh: Decimal | None = None,
) -> Bill:
    """Return what charging at a constant `power_kw` from `start` would cost, for a duration or an energy.

    Exactly one of `duration` and `energy_kwh` is given; PricingError `bad_estimate` otherwise, or when the
    power cannot deliver the energy.
    """
    if not is_quantity(power_kw) or power_kw < 0:
        raise PricingError("bad_estimate", {"field": "power_kw"})
    if (duration is None) == (energy_kwh is None):
        raise PricingError("bad_estimate", {"field": "duration"})
    power = Fraction(round_units(power_kw, ENERGY_PLACES, "power_kw"), 10**ENERGY_PLACES)
    if duration is not None:
        span = duration // _MICROSECOND
        if span < 0:
            raise PricingError("bad_estimate", {"field": "duration"})
        exact = power * span * 10**ENERGY_PLACES / _HOUR_US
        units = round_half_up(exact.numerator, exact.denominator)
    else:
        units = to_units(energy_kwh, ENERGY_PLACES, "energy_kwh")
        if units < 0 or (units and not power):
            raise PricingError("bad_estimate", {"field": "energy_kwh"})
        hours = Fraction(units, 10**ENERGY_PLACES) / power if units else Fraction(0)
        span = round(hours * _HOUR_US)
    if span > 62 * 24 * _HOUR_US:
        raise PricingError("interval_too_long", {"days": span // (24 * _HOUR_US), "limit": 62})
    end = start + timedelta(microseconds=span)
    energy = from_units(units, ENERGY_PLACES)
    return price_segments(snapshot, advance({}, (start, Decimal(0)), (end, energy), snapshot.zone))


def allocate(total_fen: int, weights: Sequence[int | Decimal | Fraction]) -> list[int]:
    """Return `total_fen` split in proportion to `weights` by largest remainder; the parts add up exactly.

    Among equal remainders the earlier part wins. A negative total (a refund) mirrors the positive one.
    PricingError `negative_weight`, or `no_weight` when there is something to split and nothing to split by.
    """
    exact = [Fraction(weight) for weight in weights]
    if any(weight < 0 for weight in exact):
        raise PricingError("negative_weight")
    scale = lcm(*(weight.denominator for weight in exact))
    whole_weights = [weight.numerator * (scale // weight.denominator) for weight in exact]
    whole = sum(whole_weights)
    if not whole:
        if total_fen:
            raise PricingError("no_weight", {"total_fen": total_fen})
        return [0] * len(exact)
    sign = -1 if total_fen < 0 else 1
    shares = [divmod(abs(total_fen) * weight, whole) for weight in whole_weights]
    parts = [share for share, _remainder in shares]
    missing = abs(total_fen) - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda index: (-shares[index][1], index))
    for index in by_remainder[:missing]:
        parts[index] += 1
    return [sign * part for part in parts]


def _bill(rows: Sequence[tuple[str, int, int, int]]) -> Bill:
    """Price rows of (tier, energy units, electricity price units, service price units)."""
    electricity = [energy * unit for _tier, energy, unit, _service in rows]
    service = [energy * unit for _tier, energy, _electricity, unit in rows]
    total_fen = round_half_up(sum(electricity) + sum(service), _UNITS_PER_FEN)
    electricity_fen = round_half_up(sum(electricity), _UNITS_PER_FEN)
    service_fen = total_fen - electricity_fen
    electricity_parts = allocate(electricity_fen, electricity)
    service_parts = allocate(service_fen, service)
    lines = tuple(
        BillLine(
            tier=tier,
            energy_kwh=from_units(energy, ENERGY_PLACES),
            electricity_price=from_units(electricity_unit, PRICE_PLACES),
            service_price=from_units(service_unit, PRICE_PLACES),
            electricity=from_units(electricity[index], AMOUNT_PLACES),
            service=from_units(service[index], AMOUNT_PLACES),
            electricity_fen=electricity_parts[index],
            service_fen=service_parts[index],
        )
        for index, (tier, energy, electricity_unit, service_unit) in enumerate(rows)
    )
    return Bill(
        lines=lines,
        energy_kwh=from_units(sum(row[1] for row in rows), ENERGY_PLACES),
        electricity_fen=electricity_fen,
        service_fen=service_fen,
        total_fen=total_fen,
    )
