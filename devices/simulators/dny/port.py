"""One port of a simulated box: the bike at it, its charge, and the frames that describe both."""

import random
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any

from devices.simulators.dny.bike import Bike

FREE, CHARGING, PLUGGED, FULL, TRICKLE = 0, 1, 2, 3, 5
BY_SERVER = 1
STOP_FULL, STOP_MAX_TIME, STOP_TIME, STOP_ENERGY = 1, 2, 3, 4
STOP_UNPLUGGED, STOP_OVERLOAD, STOP_PLATFORM, STOP_OUTSIDE = 5, 6, 7, 0x15
BY_TIME, BY_TIME_OR_FULL, BY_ENERGY = 0, 1, 2
_MOST = Decimal("6553.5")


def watts(value: float) -> Decimal:
    return min(_MOST, Decimal(max(0, round(value * 10))).scaleb(-1))


def hundredths(wh: float) -> Decimal:
    """Wh as the wire counts kWh: whole hundredths, never rounded up."""
    return Decimal(wh / 1000).quantize(Decimal("0.01"), ROUND_DOWN)


@dataclass(slots=True)
class Session:
    """A charge from its start to its settlement; `begins_at` is running time. `amount` 0 is until full."""

    order: str
    begins_at: float
    mode: int = BY_TIME
    amount: int = 0
    max_time: int = 36_000
    overload_w: float = 800.0
    how: int = BY_SERVER
    duration_s: float = 0.0
    energy_wh: float = 0.0
    power_w: float = 0.0
    seen: list[float] = field(default_factory=list)  # powers since the last report
    max_w: float = 0.0
    sample_due: float = 0.0
    running: bool = False
    dropped: bool = False  # a fault already struck in this charge

    def advance(self, bike: Bike, seconds: float, speed: float, rng: random.Random) -> None:
        """Let the bike draw power for so much wire time."""
        power = bike.power_w
        self.energy_wh += bike.draw(seconds * speed)
        self.duration_s += seconds
        self.power_w = power * speed * rng.uniform(0.985, 1.0)
        self.max_w = max(self.max_w, self.power_w)
        self.seen.append(self.power_w)

    def reason_to_stop(self, bike: Bike) -> int | None:
        if bike.power_w > self.overload_w:
            return STOP_OVERLOAD
        if self.amount and self.mode in (BY_TIME, BY_TIME_OR_FULL) and self.duration_s >= self.amount:
            return STOP_TIME
        if self.amount and self.mode == BY_ENERGY and self.energy_wh >= self.amount * 10:
            return STOP_ENERGY
        if bike.full and not (self.amount and self.mode == BY_TIME):
            return STOP_FULL
        return STOP_MAX_TIME if self.duration_s >= self.max_time else None


@dataclass(slots=True)
class Port:
    """A socket with number (from 1), bike (None: nothing plugged in) and session (None: not charging)."""

    number: int
    bike: Bike | None = None
    session: Session | None = None
    fault_code: int = 0

    @property
    def wire_state(self) -> int:
        if self.session and self.session.running:
            return TRICKLE if self.bike and self.bike.trickling else CHARGING
        if self.fault_code:
            return self.fault_code
        if self.bike is None:
            return FREE
        return FULL if self.bike.full else PLUGGED

    @property
    def state(self) -> str:
        """One of idle, plugged, starting, charging, fault."""
        if self.session:
            return "charging" if self.session.running else "starting"
        if self.fault_code:
            return "fault"
        return "plugged" if self.bike else "idle"

    def power_fields(self, rng: random.Random) -> dict[str, Any]:
        """The fields of frame 06; what was seen since the last report is forgotten."""
        session = self.session
        seen, session.seen = session.seen or [session.power_w], []
        voltage = rng.uniform(217.0, 223.0)
        return {
            "port": self.number - 1,
            "state": self.wire_state,
            "duration": min(65_535, int(session.duration_s)),
            "energy": min(Decimal("655.35"), hundredths(session.energy_wh)),
            "how": session.how,
            "power": watts(session.power_w),
            "max_power": watts(max(seen)),
            "min_power": watts(min(seen)),
            "average_power": watts(sum(seen) / len(seen)),
            "order": session.order,
            "interval_raw": 0,
            "peak_power": watts(session.max_w),
            "voltage": Decimal(round(voltage * 10)).scaleb(-1),
            "current": Decimal(min(65_535, round(session.power_w / voltage * 1000))).scaleb(-3),
            "temperature": 28,
            "port_temperature": 30 + int(session.power_w / 50) % 60,
        }

    def settlement_fields(self, reason: int) -> dict[str, Any]:
        """The fields of frame 03 for the charge that is ending, without the time of sending."""
        session = self.session
        return {
            "duration": min(65_535, int(session.duration_s)),
            "max_power": watts(session.max_w),
            "energy": min(Decimal("655.35"), hundredths(session.energy_wh)),
            "port": self.number - 1,
            "how": session.how,
            "card": "00000000",
            "stop_reason": reason,
            "order": session.order,
            "second_max_power": watts(session.max_w),
        }
