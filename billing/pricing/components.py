"""The parts an operator composes a price from, beside the energy price of the tiers.

Every component is plain data with one rule of arithmetic, so that a new way of charging is a new list of
components and no code. Money is whole fen, time whole seconds; a rate is always «fen per seconds», which keeps
both «25 fen an hour» and «three hours for a yuan» exact. Electricity is never a component: it is metered, per
kWh, by the tiers (price departments ask for electricity and service to be priced apart).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from .errors import PricingError

SERVICE, TIME, USE, START, MINIMUM = "service", "time", "use", "start", "minimum"
ELECTRICITY = "electricity"
OCCUPANCY, RESERVATION, PARKING = "occupancy", "reservation", "parking"
CHARGE_FEES = (ELECTRICITY, SERVICE, TIME, USE, START, MINIMUM)
MAX_FEN = 10_000_000
MAX_SECONDS = 62 * 24 * 3600
LAST_SLOT = 48
Window = tuple[int, int]


def in_window(window: Window | None, slot: int) -> bool:
    """Whether half-hour `slot` lies in [from, to), which may go over midnight; None is the whole day."""
    if window is None:
        return True
    begin, end = window
    return begin <= slot < end if begin < end else slot >= begin or slot < end


class _Component:
    """What all components share: a kind, JSON both ways, checks that name the field."""

    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]

    def _whole(self, name: str, low: int, high: int, *, optional: bool = False) -> None:
        value = getattr(self, name)
        if optional and value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._refuse(name, f"{low}–{high}")

    def _one_of(self, name: str, accepted: Sequence[Any]) -> None:
        if getattr(self, name) not in accepted:
            self._refuse(name, ", ".join(map(str, accepted)))

    def _window(self) -> None:
        window = self.window  # type: ignore[attr-defined]
        if window is None:
            return
        whole = isinstance(window, list | tuple) and len(window) == 2 and all(type(n) is int for n in window)
        if not whole or not (0 <= window[0] < LAST_SLOT and 0 <= window[1] <= LAST_SLOT):
            self._refuse("window", "0–48")
        if window[0] == window[1]:
            self._refuse("window", "0–48")
        object.__setattr__(self, "window", tuple(window))

    def _refuse(self, name: str, accepted: str) -> None:
        raise PricingError("bad_component", {"component": self.kind, "field": name, "accepted": accepted})


@dataclass(frozen=True, slots=True)
class TimeFee(_Component):
    """`fen` per `per_s` seconds of charging, in started units of `unit_s`, the first `free_s` seconds free.

    `fee` says whether it is the service fee's way of charging or a line of its own. With a `window` only time
    inside those half-hours of the local day counts.
    """

    kind: ClassVar[str] = "time"
    fen: int
    per_s: int = 3600
    unit_s: int = 60
    free_s: int = 0
    fee: str = TIME
    window: Window | None = None

    def __post_init__(self) -> None:
        self._whole("fen", 0, MAX_FEN)
        self._whole("per_s", 1, MAX_SECONDS)
        self._whole("unit_s", 1, 86_400)
        self._whole("free_s", 0, MAX_SECONDS)
        self._one_of("fee", (TIME, SERVICE))
        self._window()


@dataclass(frozen=True, slots=True)
class PowerStep:
    """Up to and including `up_to_w` watts: `fen` per `per_s` seconds."""

    up_to_w: int
    fen: int
    per_s: int = 3600


@dataclass(frozen=True, slots=True)
class PowerFee(_Component):
    """Time at the price of the power drawn: the step that holds the watts gives fen per seconds.

    `follow` = `highest`: a step once reached is kept, so a rise re-times the rest and the trickle at the end
    stays what it was; `actual`: every moment at its own power. Above the last step the last one holds; stopping
    such a load is a matter of protection, not of price.
    """

    kind: ClassVar[str] = "power"
    steps: tuple[PowerStep, ...]
    follow: str = "highest"
    fee: str = SERVICE

    def __post_init__(self) -> None:
        try:
            steps = tuple(
                step if isinstance(step, PowerStep) else PowerStep(**dict(step)) for step in self.steps
            )
        except (TypeError, ValueError):
            self._refuse("steps", "up_to_w, fen, per_s")
            return
        object.__setattr__(self, "steps", steps)
        limits = [step.up_to_w for step in steps]
        numbers = [number for step in steps for number in (step.up_to_w, step.fen, step.per_s)]
        whole = all(type(number) is int for number in numbers)
        if not steps or not whole or limits != sorted(set(limits)) or limits[0] < 1:
            self._refuse("steps", "up_to_w: 1 < 2 < …")
        if any(not (0 <= step.fen <= MAX_FEN and 1 <= step.per_s <= MAX_SECONDS) for step in steps):
            self._refuse("steps", f"fen 0–{MAX_FEN}, per_s 1–{MAX_SECONDS}")
        self._one_of("follow", ("highest", "actual"))
        self._one_of("fee", (SERVICE, TIME))

    def step_of(self, watts: int) -> int:
        """Return the index of the step that holds `watts`."""
        last = len(self.steps) - 1
        return next((index for index in range(last) if watts <= self.steps[index].up_to_w), last)


@dataclass(frozen=True, slots=True)
class PackageFee(_Component):
    """Time bought ahead: pairs of (fen, seconds). What is not used comes back when `refundable`."""

    kind: ClassVar[str] = "package"
    pairs: tuple[tuple[int, int], ...]
    refundable: bool = True
    fee: str = SERVICE

    def __post_init__(self) -> None:
        try:
            pairs = tuple((fen, seconds) for fen, seconds in self.pairs)
        except (TypeError, ValueError):
            self._refuse("pairs", "[fen, seconds]")
            return
        object.__setattr__(self, "pairs", pairs)
        good = all(type(n) is int for pair in pairs for n in pair) and all(
            1 <= fen <= MAX_FEN and 1 <= seconds <= MAX_SECONDS for fen, seconds in pairs
        )
        if not pairs or not good or len({fen for fen, _seconds in pairs}) != len(pairs):
            self._refuse("pairs", "[fen, seconds]")
        self._one_of("refundable", (True, False))
        self._one_of("fee", (SERVICE, TIME))

    def seconds_of(self, fen: int) -> int:
        """Return the seconds that `fen` buys; PricingError `unknown_package` when no pair has that amount."""
        for amount, seconds in self.pairs:
            if amount == fen:
                return seconds
        accepted = ", ".join(str(amount) for amount, _seconds in self.pairs)
        raise PricingError("unknown_package", {"fen": fen, "accepted": accepted})


@dataclass(frozen=True, slots=True)
class UseFee(_Component):
    """A fixed amount per use."""

    kind: ClassVar[str] = "use"
    fen: int
    fee: str = USE

    def __post_init__(self) -> None:
        self._whole("fen", 0, MAX_FEN)
        self._one_of("fee", (USE, SERVICE))


@dataclass(frozen=True, slots=True)
class StartFee(_Component):
    """A fixed amount for a charge that delivered energy."""

    kind: ClassVar[str] = "start"
    fen: int

    def __post_init__(self) -> None:
        self._whole("fen", 0, MAX_FEN)


@dataclass(frozen=True, slots=True)
class MinimumFee(_Component):
    """A charge that delivered energy costs at least `fen`; what is missing is a line of its own."""

    kind: ClassVar[str] = "minimum"
    fen: int

    def __post_init__(self) -> None:
        self._whole("fen", 0, MAX_FEN)


@dataclass(frozen=True, slots=True)
class OccupancyFee(_Component):
    """Staying plugged in after the charge: after `grace_s`, `fen` per started block, up to the caps."""

    kind: ClassVar[str] = OCCUPANCY
    fen: int
    block_s: int = 900
    grace_s: int = 900
    cap_fen: int = 5000
    cap_day_fen: int | None = None

    def __post_init__(self) -> None:
        self._whole("fen", 1, MAX_FEN)
        self._whole("block_s", 60, 86_400)
        self._whole("grace_s", 0, 7 * 86_400)
        self._whole("cap_fen", 1, MAX_FEN)
        self._whole("cap_day_fen", 1, MAX_FEN, optional=True)


@dataclass(frozen=True, slots=True)
class ReservationFee(_Component):
    """Holding a connector: `fen` per started block from the reservation on, `no_show_fen` when nobody came."""

    kind: ClassVar[str] = RESERVATION
    fen: int = 0
    block_s: int = 900
    free_s: int = 0
    no_show_fen: int = 0
    cap_fen: int = 5000

    def __post_init__(self) -> None:
        for name in ("fen", "no_show_fen", "cap_fen"):
            self._whole(name, 0, MAX_FEN)
        self._whole("block_s", 60, 86_400)
        self._whole("free_s", 0, 7 * 86_400)


@dataclass(frozen=True, slots=True)
class ParkingFee(_Component):
    """Parking: `fen` per started block beyond `free_s`; the time of charging is free when `free_charging`."""

    kind: ClassVar[str] = PARKING
    fen: int
    block_s: int = 3600
    free_s: int = 0
    free_charging: bool = True
    cap_fen: int = 5000
    cap_day_fen: int | None = None

    def __post_init__(self) -> None:
        self._whole("fen", 1, MAX_FEN)
        self._whole("block_s", 60, 86_400)
        self._whole("free_s", 0, 7 * 86_400)
        self._whole("cap_fen", 1, MAX_FEN)
        self._whole("cap_day_fen", 1, MAX_FEN, optional=True)
        self._one_of("free_charging", (True, False))


Component = (
    TimeFee
    | PowerFee
    | PackageFee
    | UseFee
    | StartFee
    | MinimumFee
    | OccupancyFee
    | ReservationFee
    | ParkingFee
)
_CLASSES: dict[str, type] = {
    one.kind: one
    for one in (
        TimeFee,
        PowerFee,
        PackageFee,
        UseFee,
        StartFee,
        MinimumFee,
        OccupancyFee,
        ReservationFee,
        ParkingFee,
    )
}
COMPONENT_KINDS = tuple(_CLASSES)


def component_from_json(data: Mapping[str, Any]) -> Component:
    """Return the component that `to_json` wrote, or that a person composed.

    PricingError `unknown_component` or `bad_component` naming the field and what is accepted.
    """
    fields = dict(data) if isinstance(data, Mapping) else {}
    kind = fields.pop("kind", None)
    if kind not in _CLASSES:
        raise PricingError(
            "unknown_component", {"component": str(kind)[:40], "accepted": ", ".join(COMPONENT_KINDS)}
        )
    known = _CLASSES[kind].__dataclass_fields__
    for name in fields:
        if name not in known:
            raise PricingError(
                "bad_component", {"component": kind, "field": str(name)[:40], "accepted": ", ".join(known)}
            )
    try:
        return _CLASSES[kind](**fields)
    except TypeError as error:
        raise PricingError(
            "bad_component", {"component": kind, "field": str(error)[-40:], "accepted": ", ".join(known)}
        ) from None


def check_composition(components: Sequence[Component]) -> tuple[Component, ...]:
    """Return the components, or PricingError `component_twice` for a kind that may appear only once.

    Time may appear several times (one per part of the day); everything else is one thing with one price.
    """
    seen: set[str] = set()
    for one in components:
        if one.kind in seen and one.kind != TimeFee.kind:
            raise PricingError("component_twice", {"component": one.kind})
        seen.add(one.kind)
    return tuple(components)
