"""One port of a simulated MQTT box: the bike at it, its charge, and the messages that describe both."""

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from devices.simulators.dny.bike import Bike


@dataclass(slots=True)
class Charge:
    """A charge from its start to its record; `begins_at` and `resumes_at` are running time. Limits None: none."""

    transaction: str
    begins_at: float
    duration_s: float | None = None
    energy_kwh: float | None = None
    overload_w: float = 800.0
    stop_at_full: bool = True
    started_at: datetime | None = None
    charged_s: float = 0.0
    energy_wh: float = 0.0
    power_w: float = 0.0
    peak_w: float = 0.0
    sample_due: float = 0.0
    resumes_at: float | None = None
    paused_by: str = ""
    struck: set[str] = field(default_factory=set)

    @property
    def running(self) -> bool:
        return self.started_at is not None

    def advance(self, bike: Bike, seconds: float, speed: float, rng: random.Random) -> None:
        """Let the bike draw power for so much time."""
        power = bike.power_w
        self.energy_wh += bike.draw(seconds * speed)
        self.charged_s += seconds
        self.power_w = power * speed * rng.uniform(0.985, 1.0)
        self.peak_w = max(self.peak_w, self.power_w)

    def reason_to_stop(self, bike: Bike) -> str:
        """Why the box ends it by itself; empty when it goes on."""
        if self.duration_s is not None and self.charged_s >= self.duration_s:
            return "time_used"
        if self.energy_kwh is not None and self.energy_wh >= self.energy_kwh * 1000:
            return "energy_used"
        return "full" if bike.full and self.stop_at_full else ""


@dataclass(slots=True)
class Port:
    """A socket with number (from 1), bike (None: nothing plugged in) and charge (None: not charging)."""

    number: int
    bike: Bike | None = None
    charge: Charge | None = None
    fault: str = ""

    @property
    def word(self) -> str:
        """The state as the contract names it."""
        if self.charge and self.charge.running:
            if self.charge.paused_by:
                return "paused"
            return "trickle" if self.bike and self.bike.trickling else "charging"
        if self.fault:
            return "fault"
        if self.bike is None:
            return "idle"
        return "full" if self.bike.full else "plugged"

    @property
    def state(self) -> str:
        """One of idle, plugged, starting, charging, fault."""
        if self.charge:
            return "charging" if self.charge.running else "starting"
        if self.fault:
            return "fault"
        return "plugged" if self.bike else "idle"

    def row(self) -> dict[str, Any]:
        """The port's row of a `status` message."""
        row: dict[str, Any] = {"port": self.number, "state": self.word}
        if self.fault:
            row["fault"] = self.fault
        if self.charge and self.charge.running:
            row["transaction"] = self.charge.transaction
        return row

    def telemetry(self, at: str, rng: random.Random) -> dict[str, Any]:
        charge = self.charge
        voltage = rng.uniform(217.0, 223.0)
        measured = {
            "port": self.number,
            "transaction": charge.transaction,
            "at": at,
            "energy_kwh": round(charge.energy_wh / 1000, 4),
            "power_kw": round(charge.power_w / 1000, 3),
            "voltage_v": round(voltage, 1),
            "current_a": round(charge.power_w / voltage, 2),
            "temperature_c": 28,
            "charged_s": int(charge.charged_s),
        }
        if charge.duration_s is not None:
            measured["remaining_s"] = max(0, int(charge.duration_s - charge.charged_s))
        return measured

    def record(self, reason: str, at: str) -> dict[str, Any]:
        """The record of the charge that is ending."""
        charge = self.charge
        return {
            "port": self.number,
            "transaction": charge.transaction,
            "started_at": charge.started_at.isoformat() if charge.started_at else at,
            "ended_at": at,
            "energy_kwh": round(charge.energy_wh / 1000, 4),
            "charged_s": int(charge.charged_s),
            "peak_w": round(charge.peak_w),
            "stop_reason": reason,
        }
