"""Discounts as frozen rules: what is taken off, from which fees, in which hours, and who bears it.

Who may have a discount (driver, group, station, first orders, dates) is decided when an order starts; what the
order then freezes is only the arithmetic, so that its bill can be computed again without asking anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from .allocation import allocate
from .components import CHARGE_FEES, ELECTRICITY, LAST_SLOT, MAX_FEN, SERVICE, Window
from .errors import PricingError

OPERATOR, PLATFORM = "operator", "platform"
BEARERS = (OPERATOR, PLATFORM)
ALL_OFF_BP = 10_000
MOST_KWH = Decimal(1000)


@dataclass(frozen=True, slots=True)
class DiscountRule:
    """`off_bp` ten-thousandths or `off_fen` off the named fees, at most `cap_fen`.

    A `window` of half-hours limits it to the energy charged inside, `energy_kwh` to so many kWh of the session at
    their average price; with either it may name electricity and service only. It holds from `least_fen` of
    undiscounted fees on.
    Of the rules that do not `stack` the one that saves most holds; those that stack come on top.
    """

    code: str
    name: str = ""
    off_bp: int = 0
    off_fen: int = 0
    fees: tuple[str, ...] = (ELECTRICITY, SERVICE)
    window: Window | None = None
    bearer: str = OPERATOR
    cap_fen: int | None = None
    stack: bool = False
    least_fen: int = 0
    energy_kwh: Decimal | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "fees", tuple(self.fees))
        if self.window is not None:
            object.__setattr__(self, "window", tuple(self.window))

        def refuse(field: str, accepted: str) -> None:
            raise PricingError(
                "bad_discount", {"discount": str(self.code)[:40], "field": field, "accepted": accepted}
            )

        if not isinstance(self.code, str) or not self.code:
            refuse("code", "text")
        if type(self.off_bp) is not int or not 0 <= self.off_bp <= ALL_OFF_BP:
            refuse("off_bp", f"0–{ALL_OFF_BP}")
        if type(self.off_fen) is not int or not 0 <= self.off_fen <= MAX_FEN:
            refuse("off_fen", f"0–{MAX_FEN}")
        if bool(self.off_bp) == bool(self.off_fen):
            refuse("off_bp", "off_bp / off_fen")
        if not self.fees or len(set(self.fees)) != len(self.fees) or set(self.fees) - set(CHARGE_FEES):
            refuse("fees", ", ".join(CHARGE_FEES))
        if self.bearer not in BEARERS:
            refuse("bearer", ", ".join(BEARERS))
        if self.cap_fen is not None and (type(self.cap_fen) is not int or not 0 <= self.cap_fen <= MAX_FEN):
            refuse("cap_fen", f"0–{MAX_FEN}")
        if self.window is not None:
            whole = len(self.window) == 2 and all(type(n) is int for n in self.window)
            if not whole or not (0 <= self.window[0] < LAST_SLOT and 0 <= self.window[1] <= LAST_SLOT):
                refuse("window", "0–48")
            if self.window[0] == self.window[1]:
                refuse("window", "0–48")
        if type(self.least_fen) is not int or not 0 <= self.least_fen <= MAX_FEN:
            refuse("least_fen", f"0–{MAX_FEN}")
        if self.energy_kwh is not None:
            try:
                object.__setattr__(self, "energy_kwh", Decimal(self.energy_kwh))
            except (InvalidOperation, TypeError, ValueError):
                refuse("energy_kwh", f"0.0001–{MOST_KWH}")
            if (
                not self.energy_kwh.is_finite()
                or not 0 < self.energy_kwh <= MOST_KWH
                or self.window is not None
            ):
                refuse("energy_kwh", f"0.0001–{MOST_KWH}")
        if (self.window or self.energy_kwh) and set(self.fees) - {ELECTRICITY, SERVICE}:
            refuse("fees", f"{ELECTRICITY}, {SERVICE}")

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-safe dict."""
        data = asdict(self)
        return {
            **data,
            "fees": list(self.fees),
            "window": None if self.window is None else list(self.window),
            "energy_kwh": None if self.energy_kwh is None else str(self.energy_kwh),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DiscountRule:
        """Return the rule that `to_json` wrote; PricingError for anything else."""
        try:
            return cls(**data)
        except TypeError as error:
            raise PricingError(
                "bad_discount",
                {"discount": "?", "field": str(error)[-40:], "accepted": ", ".join(cls.__dataclass_fields__)},
            ) from None


@dataclass(frozen=True, slots=True)
class DiscountLine:
    """What one rule took off: `fen`, by fee in `by_fee`."""

    code: str
    name: str
    bearer: str
    fen: int
    by_fee: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-safe dict."""
        return {**asdict(self), "by_fee": dict(self.by_fee)}


def apply_discounts(
    rules: Sequence[DiscountRule], fees: Mapping[str, int], shares: Mapping[str, Mapping[str, Fraction]]
) -> tuple[DiscountLine, ...]:
    """Return the lines of the rules that hold on `fees` ({kind: fen}); never more than a fee is.

    `shares` gives, per rule code, which part of a fee a window or an energy covers; a rule without an entry covers
    all. Each rule is taken from the undiscounted fees and rounded half up once.
    """
    gross = sum(fees.values())
    rules = [rule for rule in rules if gross >= rule.least_fen]
    single = [rule for rule in rules if not rule.stack]
    chosen: list[DiscountRule] = []
    if single:
        best = max(single, key=lambda rule: _off(rule, fees, shares.get(rule.code)))
        chosen.append(best)
    chosen += [rule for rule in rules if rule.stack]
    left = dict(fees)
    lines = []
    for rule in chosen:
        by_fee = _spread(rule, fees, left, shares.get(rule.code))
        if not by_fee:
            continue
        for kind, fen in by_fee.items():
            left[kind] -= fen
        lines.append(DiscountLine(rule.code, rule.name, rule.bearer, sum(by_fee.values()), by_fee))
    return tuple(lines)


def _bases(
    rule: DiscountRule, fees: Mapping[str, int], share: Mapping[str, Fraction] | None
) -> dict[str, Fraction]:
    return {
        kind: fees.get(kind, 0) * (Fraction(1) if share is None else share.get(kind, Fraction(0)))
        for kind in rule.fees
    }


def _off(rule: DiscountRule, fees: Mapping[str, int], share: Mapping[str, Fraction] | None) -> int:
    """Fen that the rule takes off, before it is spread."""
    base = sum(_bases(rule, fees, share).values(), Fraction(0))
    exact = base * rule.off_bp / ALL_OFF_BP if rule.off_bp else min(Fraction(rule.off_fen), base)
    fen = int((2 * exact + 1) // 2)
    return fen if rule.cap_fen is None else min(fen, rule.cap_fen)


def _spread(
    rule: DiscountRule,
    fees: Mapping[str, int],
    left: Mapping[str, int],
    share: Mapping[str, Fraction] | None,
) -> dict[str, int]:
    """The rule's fen over its fees, in proportion, but never more than is left of one."""
    bases = _bases(rule, fees, share)
    fen = min(_off(rule, fees, share), sum(left.get(kind, 0) for kind in bases))
    if not fen:
        return {}
    parts = dict(zip(bases, allocate(fen, list(bases.values())), strict=True))
    over = 0
    for kind, part in parts.items():
        kept = min(part, left.get(kind, 0))
        over += part - kept
        parts[kind] = kept
    for kind in parts:
        more = min(over, left.get(kind, 0) - parts[kind])
        parts[kind] += more
        over -= more
    return {kind: part for kind, part in parts.items() if part}
