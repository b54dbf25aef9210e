"""Energy and a frozen tariff to fen: what the engine and the checks of a pile's own amounts share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from .bill import Bill, Row, make_bill
from .errors import PricingError
from .scale import ENERGY_PLACES, PRICE_PLACES, as_text, from_units, round_half_up, to_units
from .tariff import SLOT_MINUTES, TariffSnapshot, wire_mapping, zone_of


def price(snapshot: TariffSnapshot, energy_by_tier: Mapping[str, Decimal]) -> Bill:
    """Return what `energy_by_tier`, {tier code: kWh at up to 4 decimals}, costs as energy alone.

    Lines follow the snapshot's tiers; a tier without energy has none. PricingError `unknown_tier`,
    `negative_energy`, `too_many_places`, `not_a_decimal`, `not_finite`, `too_large`.
    """
    return make_bill(rows_of(snapshot, energy_units(snapshot, energy_by_tier)))


def energy_units(snapshot: TariffSnapshot, energy_by_tier: Mapping[str, Decimal]) -> dict[str, int]:
    """Return {tier code: energy in 0.0001 kWh}; errors as in `price`."""
    units: dict[str, int] = {}
    for code, energy in energy_by_tier.items():
        snapshot.tier(code)
        units[code] = to_units(energy, ENERGY_PLACES, f"energy.{code}")
        if units[code] < 0:
            raise PricingError("negative_energy", {"tier": code, "energy_kwh": as_text(energy)})
    return units


def rows_of(snapshot: TariffSnapshot, units: Mapping[str, int]) -> list[Row]:
    """Return bill rows of {tier code: energy units}, in the order of the snapshot's tiers."""
    return [
        (
            tier.code,
            units[tier.code],
            to_units(tier.electricity_price, PRICE_PLACES, "electricity_price"),
            to_units(tier.service_price, PRICE_PLACES, "service_price"),
        )
        for tier in snapshot.tiers
        if units.get(tier.code)
    ]


def price_segments(snapshot: TariffSnapshot, segments: Mapping[str, Decimal]) -> Bill:
    """Return what half-hour `segments` (see `slots.split_by_slot`) cost as energy alone."""
    return price(snapshot, tier_energy_from_segments(snapshot, segments))


def local_slot(key: str, zone: str) -> datetime:
    """Return the local time that a segment's key names; PricingError `bad_segment` when it is no half-hour."""
    try:
        local = datetime.fromisoformat(key)
    except ValueError:
        raise PricingError("bad_segment", {"segment": key[:80]}) from None
    if local.tzinfo is None:
        raise PricingError("bad_segment", {"segment": key[:80]})
    local = local.astimezone(zone_of(zone))
    if local.minute % SLOT_MINUTES or local.second or local.microsecond:
        raise PricingError("bad_segment", {"segment": key[:80]})
    return local


def tier_energy_from_segments(
    snapshot: TariffSnapshot, segments: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """Return {tier code: kWh} of half-hour `segments`, by the half-hour's local date and time.

    PricingError `bad_segment` when a key is not the start of a half-hour there.
    """
    totals: dict[str, int] = {}
    for key, energy in segments.items():
        code = snapshot.tier_code_at(local_slot(key, snapshot.zone))
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
