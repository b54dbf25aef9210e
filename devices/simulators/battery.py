"""Cars that draw believable power: the curves behind every simulated pile. Pure, no sockets, no clock.

DC follows the usual shape of a traction battery: a short ramp, near-constant current to about half full, a slow
decline to 80 %, then constant voltage with an exponential taper. AC is flat at what the on-board charger takes.

`speed` makes everything happen faster against a wire clock that stays real: power on the wire is multiplied, so
that power x time still equals energy. With a speed other than 1 a pile exceeds its rated power by that factor.
"""

import math
import random
from dataclasses import dataclass
from decimal import Decimal

TICKS_PER_KWH = 10_000  # the register counts in 0.0001 kWh, as the wire does
RAMP_S = 20.0
EFFICIENCY = 0.95  # of what the meter counts, the share that reaches the cells
_STEP_S = 5.0


@dataclass(frozen=True, slots=True)
class CarModel:
    """What a kind of car can take: capacity in kWh, DC and AC power in kW, pack voltage in V at half charge."""

    name: str
    capacity_kwh: float
    dc_peak_kw: float
    ac_kw: float
    pack_v: float


CAR_MODELS = (
    CarModel("micro", 17.3, 20.0, 3.3, 115.0),
    CarModel("hatchback", 38.9, 60.0, 6.6, 330.0),
    CarModel("sedan", 60.5, 95.0, 7.0, 370.0),
    CarModel("suv", 82.0, 120.0, 7.0, 400.0),
    CarModel("taxi", 52.0, 70.0, 6.6, 350.0),
    CarModel("van", 50.2, 65.0, 6.6, 340.0),
)
_VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


class Car:
    """One car with its state of charge. It wants to leave at `target_soc_pct`."""

    def __init__(
        self,
        model: CarModel = CAR_MODELS[2],
        *,
        soc_pct: float = 30.0,
        target_soc_pct: float = 100.0,
        vin: str = "",
    ) -> None:
        self.model = model
        self.stored_kwh = model.capacity_kwh * soc_pct / 100
        self.target_soc_pct = target_soc_pct
        self.vin = vin

    @classmethod
    def arriving(cls, rng: random.Random) -> "Car":
        """Return a car as it comes from the road: 10-65 % full, leaving between 80 and 100 %."""
        vin = "L" + "".join(rng.choices(_VIN_LETTERS, k=9)) + f"{rng.randrange(10_000_000):07d}"
        return cls(
            rng.choice(CAR_MODELS),
            soc_pct=rng.uniform(10, 65),
            target_soc_pct=rng.choice((80.0, 90.0, 100.0)),
            vin=vin,
        )

    @property
    def soc_pct(self) -> float:
        return min(100.0, 100 * self.stored_kwh / self.model.capacity_kwh)

    @property
    def full(self) -> bool:
        return self.soc_pct >= min(self.target_soc_pct, 99.9)

    def dc_power_kw(self) -> float:
        """Power in kW that the battery management asks for at the present state of charge."""
        soc = self.soc_pct / 100
        if soc < 0.10:
            share = 0.85 + 1.5 * soc
        elif soc < 0.50:
            share = 1.0
        elif soc < 0.80:
            share = 1.0 - (soc - 0.50) * 0.28 / 0.30
        else:
            share = 0.72 * math.exp(-12 * (soc - 0.80))
        return self.model.dc_peak_kw * share

    def pack_v(self) -> float:
        """Pack voltage in V at the present state of charge."""
        return self.model.pack_v * (0.92 + 0.16 * self.soc_pct / 100)


class Meter:
    """The pile's lifetime energy register: whole ticks of 0.0001 kWh that only ever grow."""

    def __init__(self, kwh: float = 0.0) -> None:
        self.ticks = round(kwh * TICKS_PER_KWH)

    def add(self, ticks: int) -> None:
        if ticks < 0:
            raise ValueError("a register never runs backwards")
        self.ticks += ticks

    @property
    def kwh(self) -> Decimal:
        return kwh_of(self.ticks)

    @property
    def wh(self) -> int:
        return self.ticks // 10


def kwh_of(ticks: int) -> Decimal:
    """Return ticks of 0.0001 kWh as an exact Decimal of kWh."""
    return Decimal(ticks).scaleb(-4)


class ChargingRun:
    """A car at a connector that delivers power: integrates energy and shows what the pile measures.

    `power_kw`, `voltage_v` and `current_a` are what goes on the wire; `limit_kw` may be lowered at any time.
    """

    def __init__(
        self,
        car: Car,
        *,
        rated_kw: float,
        dc: bool = True,
        speed: float = 1.0,
        rng: random.Random | None = None,
    ) -> None:
        self.car = car
        self.dc = dc
        self.speed = speed
        self.limit_kw = rated_kw
        self.elapsed_s = 0.0
        self.energy_ticks = 0
        self.power_kw = 0.0
        self.voltage_v = car.pack_v() if dc else 220.0
        self._energy_kwh = 0.0
        self._rng = rng or random.Random()

    def advance(self, seconds: float) -> int:
        """Let `seconds` of wire time pass; return the register ticks delivered in them."""
        left = max(0.0, seconds) * self.speed
        self.elapsed_s += max(0.0, seconds)
        before = self.energy_ticks
        while left > 0:
            step = min(left, _STEP_S)
            left -= step
            physical_kw = self._physical_kw(step)
            delivered = physical_kw * step / 3600
            self._energy_kwh += delivered
            self.car.stored_kwh += delivered * EFFICIENCY
            self.power_kw = physical_kw * self.speed
        self._measure()
        self.energy_ticks = int(self._energy_kwh * TICKS_PER_KWH)
        return self.energy_ticks - before

    def _physical_kw(self, step: float) -> float:
        if self.car.full:
            return 0.0
        wanted = self.car.dc_power_kw() if self.dc else self.car.model.ac_kw
        ramp = min(1.0, (self.elapsed_s * self.speed + step) / RAMP_S)
        noise = self._rng.uniform(0.975, 1.0) if self.dc else self._rng.uniform(0.995, 1.0)
        power = min(wanted, self.limit_kw) * ramp * noise
        room = max(0.0, self.car.model.capacity_kwh - self.car.stored_kwh) / EFFICIENCY
        return min(power, room * 3600 / step)

    def _measure(self) -> None:
        self.voltage_v = self.car.pack_v() if self.dc else self._rng.uniform(218.0, 223.0)

    @property
    def energy_kwh(self) -> Decimal:
        return kwh_of(self.energy_ticks)

    @property
    def current_a(self) -> float:
        return self.power_kw * 1000 / self.voltage_v if self.voltage_v else 0.0

    @property
    def soc_pct(self) -> int:
        return int(self.car.soc_pct)

    @property
    def full(self) -> bool:
        return self.car.full

    @property
    def remaining_min(self) -> int:
        """Minutes until the car's target at the present power, at most 600."""
        if self.power_kw <= 0:
            return 0
        target = min(self.car.target_soc_pct, 100.0) / 100 * self.car.model.capacity_kwh
        missing = max(0.0, target - self.car.stored_kwh) / EFFICIENCY
        return min(600, math.ceil(missing / self.power_kw * 60))
