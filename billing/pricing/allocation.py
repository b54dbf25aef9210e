"""Splitting whole fen so that no fen appears or vanishes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm

from .errors import PricingError


def allocate(total_fen: int, weights: Sequence[int | Decimal | Fraction]) -> list[int]:
    """Return `total_fen` split in proportion to `weights` by largest remainder; the parts add up exactly.

    Among equal remainders the earlier part wins. A negative total (a refund) mirrors the positive one.
    PricingError `negative_weight`, or `no_weight` when there is something to split and nothing to split by.
    """
    whole_weights = _whole(weights)
    if any(weight < 0 for weight in whole_weights):
        raise PricingError("negative_weight")
    whole = sum(whole_weights)
    if not whole:
        if total_fen:
            raise PricingError("no_weight", {"total_fen": total_fen})
        return [0] * len(whole_weights)
    sign = -1 if total_fen < 0 else 1
    shares = [divmod(abs(total_fen) * weight, whole) for weight in whole_weights]
    parts = [share for share, _remainder in shares]
    missing = abs(total_fen) - sum(parts)
    if missing:
        by_remainder = sorted(range(len(parts)), key=lambda index: (-shares[index][1], index))
        for index in by_remainder[:missing]:
            parts[index] += 1
    return [sign * part for part in parts]


def _whole(weights: Sequence[int | Decimal | Fraction]) -> list[int]:
    """The weights over one denominator; integers are already there."""
    if all(type(weight) is int for weight in weights):
        return list(weights)  # type: ignore[arg-type]
    exact = [Fraction(weight) for weight in weights]
    scale = lcm(*(weight.denominator for weight in exact))
    return [weight.numerator * (scale // weight.denominator) for weight in exact]
