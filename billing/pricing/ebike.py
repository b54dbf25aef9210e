"""Time bought ahead, as e-bike boxes sell it: what an amount buys, what a change of power leaves, what comes back.

These answer the questions of a start and of a running port; the bill itself is the engine's. The rules are those
of the market: bought time is rounded down, used time up and a refund down to whole fen, so that no rounding ever
pays out more than was paid in.
"""

from __future__ import annotations

from fractions import Fraction

from .components import PackageFee, PowerFee
from .errors import PricingError


def bought_seconds(rule: PowerFee | PackageFee, fen: int, watts: int = 0) -> int:
    """Return the whole seconds that `fen` buys at `watts`; PricingError `unknown_package`, `free_of_charge`."""
    if isinstance(rule, PackageFee):
        return rule.seconds_of(fen)
    step = rule.steps[rule.step_of(watts)]
    if not step.fen:
        raise PricingError("free_of_charge", {"watts": watts})
    return fen * step.per_s // step.fen


def remaining_seconds(rule: PowerFee, *, paid_fen: int, used: dict[int, int], watts: int) -> int:
    """Return the seconds left at `watts` after `used` seconds per step index, {0: 3600, 1: 600}.

    The money that is left buys time at the price of the step now: a rise in power re-times the rest.
    """
    spent = sum(
        (
            Fraction(seconds * rule.steps[index].fen, rule.steps[index].per_s)
            for index, seconds in used.items()
        ),
        Fraction(0),
    )
    step = rule.steps[rule.step_of(watts)]
    left = paid_fen - spent
    if left <= 0:
        return 0
    if not step.fen:
        raise PricingError("free_of_charge", {"watts": watts})
    exact = left * step.per_s / step.fen
    return exact.numerator // exact.denominator


def unused_refund(*, paid_fen: int, bought_s: int, used_s: int, refundable: bool) -> int:
    """Return the fen that go back for time not used; never for a package that says it is not refundable."""
    if not refundable or used_s >= bought_s:
        return 0
    return paid_fen - -(-paid_fen * max(used_s, 0) // bought_s)
