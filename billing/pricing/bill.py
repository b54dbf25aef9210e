"""A bill: lines that say how each fen came about, and totals that are exactly what the lines add up to.

The rule (docs/pricing.md): per-tier energy at 4 decimals times the tier's prices at 5 decimals, exact, plus the
components that are the service fee's way of charging; the charge is rounded half up to whole fen once,
electricity likewise, and service is what remains. Other fees are rounded each by itself, and a discount is
taken from whole fen. total = electricity + service + fees − discount, always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from .allocation import allocate
from .components import ELECTRICITY, MINIMUM, SERVICE
from .discounts import DiscountLine, DiscountRule, apply_discounts
from .errors import PricingError
from .scale import (
    AMOUNT_PLACES,
    ENERGY_PLACES,
    PRICE_PLACES,
    as_text,
    from_text,
    from_units,
    round_half_up,
    to_units,
)

UNITS_PER_FEN = 10 ** (AMOUNT_PLACES - 2)
Row = tuple[str, int, int, int]  # tier, energy units, electricity price units, service price units


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
class FeeLine:
    """One line that is not energy times price: `exact` fen, `fen` as it stands in the bill.

    `kind` is the fee it belongs to, `component` what made it, `seconds` the time it counts (None without),
    `params` what a person needs to follow it (watts of the step, the rate).
    """

    kind: str
    component: str
    exact: Fraction
    fen: int = 0
    seconds: int | None = None
    params: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-safe dict; `exact` is a fraction as text."""
        return {
            "kind": self.kind,
            "component": self.component,
            "exact": str(self.exact),
            "fen": self.fen,
            "seconds": self.seconds,
            "params": dict(self.params),
        }


@dataclass(frozen=True, slots=True)
class Bill:
    """What a charge costs: lines of the tiers that carried energy, further fees, discounts, totals in whole fen."""

    lines: tuple[BillLine, ...]
    energy_kwh: Decimal
    electricity_fen: int
    service_fen: int
    total_fen: int
    fee_lines: tuple[FeeLine, ...] = ()
    discounts: tuple[DiscountLine, ...] = ()
    fees_fen: int = 0
    discount_fen: int = 0

    @property
    def gross_fen(self) -> int:
        """What it costs before discounts, in fen."""
        return self.electricity_fen + self.service_fen + self.fees_fen

    def by_fee(self) -> dict[str, int]:
        """Return {fee kind: fen} before discounts; kinds without money are absent."""
        fees = {ELECTRICITY: self.electricity_fen, SERVICE: self.service_fen}
        for line in self.fee_lines:
            if line.kind != SERVICE:
                fees[line.kind] = fees.get(line.kind, 0) + line.fen
        return {kind: fen for kind, fen in fees.items() if fen}

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-safe dict, Decimals as strings, fen as integers.

        A bill of energy alone has no keys for fees and discounts: it reads as it always did.
        """
        data: dict[str, Any] = {
            "lines": [line.to_json() for line in self.lines],
            "energy_kwh": as_text(self.energy_kwh),
            "electricity_fen": self.electricity_fen,
            "service_fen": self.service_fen,
            "total_fen": self.total_fen,
        }
        if self.fee_lines:
            data |= {"fees": [line.to_json() for line in self.fee_lines], "fees_fen": self.fees_fen}
        if self.discounts:
            data |= {
                "discounts": [line.to_json() for line in self.discounts],
                "discount_fen": self.discount_fen,
            }
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Bill:
        """Return the bill that `to_json` wrote.

        Every figure is recomputed from energies, prices and exact amounts; PricingError `bill_mismatch` when one
        differs, so an edited or damaged bill is never read as a good one.
        """
        try:
            rows = [_row_of(row) for row in data["lines"]]
            fees = [
                FeeLine(
                    row["kind"],
                    row["component"],
                    Fraction(row["exact"]),
                    0,
                    row["seconds"],
                    dict(row["params"]),
                )
                for row in data.get("fees", ())
            ]
            discounts = tuple(DiscountLine(**row) for row in data.get("discounts", ()))
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            if isinstance(error, PricingError):
                raise
            raise PricingError("bad_bill", {"field": str(error)[:80]}) from None
        bill = with_discounts(make_bill(rows, fees), discounts)
        if bill.to_json() != data or bill.discount_fen > bill.gross_fen:
            raise PricingError("bill_mismatch", {"total_fen": bill.total_fen})
        return bill


def make_bill(rows: Sequence[Row], fee_lines: Sequence[FeeLine] = (), *, minimum_fen: int = 0) -> Bill:
    """Price rows of energy and lines of further fees; `minimum_fen` is topped up by a line of its own."""
    if not fee_lines and not minimum_fen:
        return _energy_bill(tuple(rows))
    return _make_bill(rows, fee_lines, minimum_fen)


@lru_cache(maxsize=1024)
def _energy_bill(rows: tuple[Row, ...]) -> Bill:
    """A bill of energy alone: a record is checked and billed by the same rows, several times over."""
    return _make_bill(rows, (), 0)


def _make_bill(rows: Sequence[Row], fee_lines: Sequence[FeeLine], minimum_fen: int) -> Bill:
    electricity = [energy * unit for _tier, energy, unit, _service in rows]
    service = [energy * unit for _tier, energy, _electricity, unit in rows]
    by_service = [line.exact for line in fee_lines if line.kind == SERVICE]
    electricity_fen = round_half_up(sum(electricity), UNITS_PER_FEN)
    if by_service:
        exact = Fraction(sum(electricity) + sum(service), UNITS_PER_FEN) + sum(by_service)
        charge_fen = round_half_up(exact.numerator, exact.denominator)
    else:
        charge_fen = round_half_up(sum(electricity) + sum(service), UNITS_PER_FEN)
    service_fen = charge_fen - electricity_fen
    electricity_parts = allocate(electricity_fen, electricity)
    service_parts = allocate(
        service_fen, [*service, *(exact * UNITS_PER_FEN for exact in by_service)] if by_service else service
    )
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
    rest = iter(service_parts[len(rows) :])
    fees = tuple(
        replace(
            line,
            fen=next(rest)
            if line.kind == SERVICE
            else round_half_up(line.exact.numerator, line.exact.denominator),
        )
        for line in fee_lines
    )
    fees_fen = sum(line.fen for line in fees if line.kind != SERVICE)
    if (missing := minimum_fen - charge_fen - fees_fen) > 0:
        fees += (FeeLine(MINIMUM, MINIMUM, Fraction(missing), missing, None, {"fen": minimum_fen}),)
        fees_fen += missing
    return Bill(
        lines=lines,
        energy_kwh=from_units(sum(row[1] for row in rows), ENERGY_PLACES),
        electricity_fen=electricity_fen,
        service_fen=service_fen,
        total_fen=charge_fen + fees_fen,
        fee_lines=fees,
        fees_fen=fees_fen,
    )


def discounted(
    bill: Bill, rules: Sequence[DiscountRule], shares: Mapping[str, Mapping[str, Fraction]]
) -> Bill:
    """Return the bill with what `rules` take off; see `discounts.apply_discounts`."""
    return with_discounts(bill, apply_discounts(rules, bill.by_fee(), shares)) if rules else bill


def with_discounts(bill: Bill, lines: tuple[DiscountLine, ...]) -> Bill:
    """Return an undiscounted bill with these discount lines."""
    if not lines:
        return bill
    off = sum(line.fen for line in lines)
    return replace(bill, discounts=lines, discount_fen=off, total_fen=bill.gross_fen - off)


def _row_of(row: Mapping[str, Any]) -> Row:
    return (
        str(row["tier"]),
        to_units(from_text(row["energy_kwh"], "energy_kwh"), ENERGY_PLACES, "energy_kwh"),
        to_units(from_text(row["electricity_price"], "electricity_price"), PRICE_PLACES, "electricity_price"),
        to_units(from_text(row["service_price"], "service_price"), PRICE_PLACES, "service_price"),
    )
