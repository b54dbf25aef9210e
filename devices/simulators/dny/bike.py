"""E-bikes that draw believable power: constant current, then a taper, then full. Pure, no sockets, no clock."""

import math
import random
from dataclasses import dataclass

EFFICIENCY = 0.88  # of what the port counts, the share that reaches the cells
TRICKLE_SHARE = 0.2  # below this share of its peak the box calls it trickle
FULL_W = 8.0
_STEP_S = 5.0
_TAPER_FROM = 0.85


@dataclass(frozen=True, slots=True)
class BikeModel:
    """Battery in Wh and what its charger takes at most, in W."""

    name: str
    capacity_wh: float
    peak_w: float


BIKE_MODELS = (
    BikeModel("city 48 V 12 Ah", 576.0, 130.0),
    BikeModel("city 48 V 20 Ah", 960.0, 180.0),
    BikeModel("courier 60 V 32 Ah", 1_920.0, 320.0),
    BikeModel("moped 72 V 45 Ah", 3_240.0, 480.0),
)


class Bike:
    """One bike with its state of charge; `heater_w` is what somebody plugged in beside it."""

    def __init__(self, model: BikeModel = BIKE_MODELS[1], *, soc_pct: float = 30.0) -> None:
        self.model = model
        self.stored_wh = model.capacity_wh * soc_pct / 100
        self.heater_w = 0.0

    @classmethod
    def arriving(cls, rng: random.Random) -> "Bike":
        """Return a bike as it comes home: 10-70 % full."""
        return cls(rng.choice(BIKE_MODELS), soc_pct=rng.uniform(10, 70))

    @property
    def soc(self) -> float:
        return min(1.0, self.stored_wh / self.model.capacity_wh)

    @property
    def power_w(self) -> float:
        """What it draws now, in W."""
        taper = math.exp(-22 * (self.soc - _TAPER_FROM)) if self.soc > _TAPER_FROM else 1.0
        wanted = self.model.peak_w * taper
        return self.heater_w + (wanted if wanted >= FULL_W and self.soc < 0.999 else 0.0)

    @property
    def full(self) -> bool:
        return self.power_w < FULL_W

    @property
    def trickling(self) -> bool:
        return not self.full and self.power_w < TRICKLE_SHARE * self.model.peak_w

    def draw(self, seconds: float) -> float:
        """Charge for so long; return the Wh that the port counted."""
        counted = 0.0
        while seconds > 0 and not self.full:
            step = min(seconds, _STEP_S)
            seconds -= step
            energy = self.power_w * step / 3600
            counted += energy
            self.stored_wh += max(0.0, energy - self.heater_w * step / 3600) * EFFICIENCY
        return counted
