"""Exact conversion between Decimals and scaled integers.

Money arithmetic here runs on integers, so a result never depends on the precision of the decimal context
that happens to be active in the thread.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact

from .errors import PricingError

ENERGY_PLACES = 4
PRICE_PLACES = 5
AMOUNT_PLACES = ENERGY_PLACES + PRICE_PLACES
# Not the thread's own context: wide enough for any quantity, and it raises rather than drop a digit.
_EXACT = Context(prec=60, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[Inexact])
MAX_MAGNITUDE = 9  # digits before the point: a thousand GWh in one order is a fault, not a quantity


def _check(value: Decimal, name: str) -> None:
    if not isinstance(value, Decimal):
        raise PricingError("not_a_decimal", {"field": name, "value": repr(value)[:80]})
    if not value.is_finite():
        raise PricingError("not_finite", {"field": name, "value": str(value)})
    if value and value.adjusted() >= MAX_MAGNITUDE:
        raise PricingError("too_large", {"field": name, "value": str(value)[:80]})


def to_units(value: Decimal, places: int, name: str) -> int:
    """Return `value` × 10^places exactly.

    PricingError `not_a_decimal`, `not_finite`, `too_large`, or `too_many_places` when digits would be lost.
    """
    _check(value, name)
    if not value:
        return 0
    try:
        scaled = _EXACT.scaleb(value, places)
    except Inexact:
        scaled = None
    if scaled is not None and scaled == (units := int(scaled)):
        return units
    raise PricingError("too_many_places", {"field": name, "value": str(value)[:80], "places": places})


def round_units(value: Decimal, places: int, name: str) -> int:
    """Return `value` × 10^places rounded half away from zero; same errors as `to_units` but for lost digits."""
    _check(value, name)
    sign, digits, exponent = value.as_tuple()
    number = int("".join(map(str, digits)))
    shift = int(exponent) + places
    if number == 0:
        return 0
    if shift >= 0:
        return -number * 10**shift if sign else number * 10**shift
    if -shift > len(digits):
        return 0
    units = round_half_up(number, 10**-shift)
    return -units if sign else units


def round_half_up(numerator: int, denominator: int) -> int:
    """Return numerator/denominator (both not negative) rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def from_units(units: int, places: int) -> Decimal:
    """Return units × 10^-places as a Decimal with exactly `places` decimals."""
    return _EXACT.scaleb(Decimal(units), -places)


def as_text(value: Decimal) -> str:
    """Return `value` without an exponent, as it is stored in JSON."""
    return format(value, "f")


def is_quantity(value: Decimal) -> bool:
    """Return whether `value` is finite and small enough to be a real energy, price or amount."""
    return value.is_finite() and (not value or value.adjusted() < MAX_MAGNITUDE)


def shown(value: Decimal) -> str:
    """Return `value` for a message: without an exponent when that is short, cut when it is not."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -12 and is_quantity(value):
        return as_text(value)
    return str(value)[:40]


def from_text(text: object, name: str) -> Decimal:
    """Return the Decimal a JSON string holds; a JSON number is refused, because it may have been a float."""
    if not isinstance(text, str):
        raise PricingError("not_a_decimal", {"field": name, "value": repr(text)[:80]})
    try:
        return Decimal(text)
    except ArithmeticError:
        raise PricingError("not_a_decimal", {"field": name, "value": text[:80]}) from None
