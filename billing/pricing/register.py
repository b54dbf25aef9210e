"""Following one pile's energy register through a session.

Registers differ: some count over the pile's life, some per session, some restart with the pile, and some
report 0 while they boot and the lifetime figure afterwards. The only energy that is certain is the rise
inside one unbroken run of readings. So a step back, or a rise that the pile's power cannot explain, ends the
run: the step itself counts for nothing, a new run begins at the new value, and a finding sends the order to
a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .errors import PricingError
from .findings import NOTE, REVIEW, Finding
from .scale import ENERGY_PLACES, as_text, from_text, from_units, is_quantity, round_units, shown

POWER_MARGIN = Fraction(11, 10)
ENERGY_MARGIN_KWH = Decimal("0.1")
REGISTER_STEP_KWH = Decimal("0.01")  # the coarsest resolution a register is reported in
SAMPLE_LAG = timedelta(seconds=30)  # a register value may be this much older or newer than its timestamp


def energy_limit_kwh(rated_power_kw: Decimal, duration: timedelta) -> Decimal:
    """Return the most energy in kWh (4 decimals, rounded down) that `rated_power_kw` can give in `duration`.

    Rated power × time × 1.1 + 0.1 kWh; the margins cover ratings that are rounded and times in whole seconds.
    """
    microseconds = max(duration // timedelta(microseconds=1), 0)
    exact = Fraction(rated_power_kw) * Fraction(microseconds, 3_600_000_000) * POWER_MARGIN
    units = int((exact + Fraction(ENERGY_MARGIN_KWH)) * 10_000)
    return Decimal((0, tuple(map(int, str(units))), -4))


@dataclass(slots=True)
class RegisterRun:
    """The state of a register within one session; small enough to keep on the order as JSON.

    `delivered_kwh` never falls. `breaks` counts the runs that ended in a finding: while it is 0,
    delivered is exactly last − start.
    """

    rated_power_kw: Decimal
    run_start_kwh: Decimal | None = None
    last_kwh: Decimal | None = None
    last_at: datetime | None = None
    banked_kwh: Decimal = Decimal(0)
    breaks: int = 0

    @classmethod
    def start(
        cls, meter_start: Decimal | None, at: datetime | None, *, rated_power_kw: Decimal
    ) -> RegisterRun:
        """Begin with the register at `meter_start` kWh, or with None: the first reading is then the start.

        PricingError `bad_rated_power` when the connector's rated power is missing or not above zero,
        because without it no rise can be judged; `naive_time`.
        """
        if not isinstance(rated_power_kw, Decimal) or not rated_power_kw.is_finite() or rated_power_kw <= 0:
            raise PricingError("bad_rated_power", {"value": str(rated_power_kw)})
        if meter_start is None or at is None or not is_quantity(meter_start) or meter_start < 0:
            return cls(rated_power_kw=rated_power_kw)
        first = _at_four_places(meter_start)
        return cls(rated_power_kw=rated_power_kw, run_start_kwh=first, last_kwh=first, last_at=_aware(at))

    @property
    def delivered_kwh(self) -> Decimal:
        """Energy of all runs so far, kWh."""
        if self.run_start_kwh is None or self.last_kwh is None:
            return self.banked_kwh
        return self.banked_kwh + (self.last_kwh - self.run_start_kwh)

    @property
    def reading(self) -> tuple[datetime, Decimal] | None:
        """(time, delivered kWh) to hand to `slots.advance`, or None before the first register value."""
        return None if self.last_at is None else (self.last_at, self.delivered_kwh)

    def observe(self, value: Decimal | None, at: datetime) -> tuple[Decimal, Finding | None]:
        """Take the register's `value` in kWh at `at`; return (delivered kWh, finding or None).

        None (a batch without an energy register, e.g. state of charge only) changes nothing. A value that
        is older than the last one never changes the total either: resent batches are harmless. Values
        count at 4 decimals, as in `slots.advance`. Findings `register_backwards`, `register_jump`
        (review), `register_not_a_number`, `sample_out_of_order` (notes); PricingError `naive_time`.
        """
        at = _aware(at)
        if value is None:
            return self.delivered_kwh, None
        if not is_quantity(value) or value < 0:
            return self.delivered_kwh, Finding("register_not_a_number", NOTE, {"value": shown(value)})
        value = _at_four_places(value)
        if self.last_kwh is None or self.last_at is None:
            self.run_start_kwh, self.last_kwh, self.last_at = value, value, at
            return self.delivered_kwh, None
        if at < self.last_at:
            return self.delivered_kwh, self._late(value, at)
        if value < self.last_kwh:
            if self.last_kwh - value <= REGISTER_STEP_KWH:
                self.last_at = at
                return self.delivered_kwh, None
            return self._break("register_backwards", value, at, {})
        limit = energy_limit_kwh(self.rated_power_kw, at - self.last_at + SAMPLE_LAG)
        if value - self.last_kwh > limit:
            return self._break("register_jump", value, at, {"limit_kwh": as_text(limit)})
        self.last_kwh, self.last_at = value, at
        return self.delivered_kwh, None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-safe dict, Decimals as strings, times as ISO UTC."""
        return {
            "rated_power_kw": as_text(self.rated_power_kw),
            "run_start_kwh": None if self.run_start_kwh is None else as_text(self.run_start_kwh),
            "last_kwh": None if self.last_kwh is None else as_text(self.last_kwh),
            "last_at": None if self.last_at is None else self.last_at.isoformat(),
            "banked_kwh": as_text(self.banked_kwh),
            "breaks": self.breaks,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RegisterRun:
        """Return the run that `to_json` wrote."""

        def optional(name: str) -> Decimal | None:
            return None if data[name] is None else from_text(data[name], name)

        return cls(
            rated_power_kw=from_text(data["rated_power_kw"], "rated_power_kw"),
            run_start_kwh=optional("run_start_kwh"),
            last_kwh=optional("last_kwh"),
            last_at=None if data["last_at"] is None else datetime.fromisoformat(data["last_at"]),
            banked_kwh=from_text(data["banked_kwh"], "banked_kwh"),
            breaks=int(data["breaks"]),
        )

    def _late(self, value: Decimal, at: datetime) -> Finding | None:
        assert self.last_kwh is not None
        if value <= self.last_kwh + REGISTER_STEP_KWH:
            return None
        return Finding(
            "sample_out_of_order",
            NOTE,
            {"value_kwh": as_text(value), "last_kwh": as_text(self.last_kwh), "at": at.isoformat()},
        )

    def _break(
        self, code: str, value: Decimal, at: datetime, extra: Mapping[str, str]
    ) -> tuple[Decimal, Finding]:
        assert self.last_kwh is not None
        finding = Finding(
            code, REVIEW, {"from_kwh": as_text(self.last_kwh), "to_kwh": as_text(value), **extra}
        )
        self.banked_kwh = self.delivered_kwh
        self.run_start_kwh, self.last_kwh, self.last_at = value, value, at
        self.breaks += 1
        return self.delivered_kwh, finding


def _at_four_places(value: Decimal) -> Decimal:
    return from_units(round_units(value, ENERGY_PLACES, "register"), ENERGY_PLACES)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None or at.utcoffset() is None:
        raise PricingError("naive_time", {"time": at.isoformat()})
    return at.astimezone(UTC)
