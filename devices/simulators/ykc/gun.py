"""One gun of a simulated YKC pile: the car at it, its session, and the frames that describe both."""

import random
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from devices.simulators.battery import Car, ChargingRun, Meter, kwh_of
from devices.simulators.ykc.bill import HeldTariff, PileBill
from devices.simulators.ykc.codes import CHARGING, FAULT, IDLE, NO_CARD, NO_TRADE
from devices.simulators.ykc.starts import Asked


def _tenth(value: float, most: int = 65535) -> Decimal:
    return Decimal(min(most, max(0, round(value * 10)))).scaleb(-1)


@dataclass(slots=True)
class Session:
    """A charge from the start command to its record. `begins_at` and `due` are running time in seconds."""

    trade_no: str
    balance: Decimal
    bill: PileBill
    run: ChargingRun
    started_at: datetime
    meter_start_ticks: int
    begins_at: float
    charging: bool = False
    charging_since: float = 0.0
    sample_due: float = 0.0
    extra_ticks: int = 0
    dropped: bool = False  # a fault already cut the link in this charge
    trade_type: int = 1
    physical_card: str = NO_CARD  # of who may end the charge at the pile


@dataclass(slots=True)
class Gun:
    """A gun with number, lifetime register, car (None: unplugged) and session (None: idle)."""

    number: int
    meter: Meter
    car: Car | None = None
    session: Session | None = None
    fault_bits: int = 0
    last_trade_no: str = NO_TRADE
    heartbeat_due: float = 0.0
    idle_due: float = 0.0
    waiting_start: tuple[dict[str, Any], bytes, float] | None = None
    buffered: list[dict[str, Any]] = field(default_factory=list)
    asked: Asked | None = None
    refusal: str = ""  # the reason byte of the last start that was asked for here and refused

    @property
    def charging(self) -> bool:
        return self.session is not None and self.session.charging

    @property
    def state(self) -> str:
        """One of idle, plugged, starting, charging, fault."""
        if self.session:
            return "charging" if self.session.charging else "starting"
        if self.fault_bits:
            return "fault"
        return "plugged" if self.car else "idle"

    def begin(
        self,
        *,
        trade_no: str,
        balance: Decimal,
        tariff: HeldTariff,
        rated_kw: float,
        dc: bool,
        speed: float,
        rng: random.Random,
        at: datetime,
        begins_at: float,
        trade_type: int = 1,
        physical_card: str = NO_CARD,
    ) -> Session:
        """Accept a start; power flows from `begins_at` on."""
        run = ChargingRun(self.car or Car(), rated_kw=rated_kw, dc=dc, speed=speed, rng=rng)
        self.session = Session(
            trade_no,
            balance,
            PileBill(tariff),
            run,
            at,
            self.meter.ticks,
            begins_at,
            trade_type=trade_type,
            physical_card=physical_card,
        )
        self.last_trade_no = trade_no
        return self.session

    def live_fields(
        self, pile_code: str, *, dc: bool, show_idle: bool = False, stale: bool = False
    ) -> dict[str, Any]:
        """The fields of frame 13 as of now; `show_idle` and `stale` are lies that faults ask for."""
        session = self.session if self.charging and not show_idle else None
        run = session.run if session else None
        if session:
            status = CHARGING
        else:
            status = FAULT if self.fault_bits else IDLE
        idle_trade_no = self.last_trade_no if stale or self.session else NO_TRADE
        energy = kwh_of(sum(session.bill.ticks)) if session else Decimal(0)
        amount = session.bill.exact().quantize(Decimal("0.0001"), ROUND_DOWN) if session else Decimal(0)
        return {
            "trade_no": session.trade_no if session else idle_trade_no,
            "pile_code": pile_code,
            "gun_no": f"{self.number:02d}",
            "status": status,
            "seat": 0 if self.car else 1,
            "plugged": 1 if self.car else 0,
            "voltage": _tenth(run.voltage_v) if run else Decimal(0),
            "current": _tenth(run.current_a) if run else Decimal(0),
            "cable_temp": min(70, 25 + int(run.current_a / 12)) if run else -50,
            "cable_code": "0" * 16,
            "soc": run.soc_pct if run and dc else 0,
            "battery_temp": min(48, 27 + int(run.elapsed_s / 90)) if run and dc else -50,
            "minutes": min(65535, int(run.elapsed_s / 60)) if run else 0,
            "remaining": run.remaining_min if run and dc else 0,
            "energy": energy,
            "loss_energy": energy,
            "amount": amount,
            "fault_bits": self.fault_bits,
        }

    def record_fields(
        self, pile_code: str, *, ended_at: datetime, stop_reason: str, dc: bool
    ) -> dict[str, Any]:
        """The fields of frame 3B for the session that is ending."""
        session = self.session
        if session is None:
            raise ValueError("there is no session to record")
        fields = session.bill.record_fields() | {
            "trade_no": session.trade_no,
            "pile_code": pile_code,
            "gun_no": f"{self.number:02d}",
            "start_time": session.started_at,
            "end_time": ended_at,
            "meter_start": kwh_of(session.meter_start_ticks),
            "meter_end": kwh_of(session.meter_start_ticks + sum(session.bill.ticks)),
            "vin": session.run.car.vin if dc else "",
            "trade_type": session.trade_type,
            "trade_time": ended_at,
            "stop_reason": stop_reason,
            "physical_card": session.physical_card,
        }
        return inflate(fields, session.extra_ticks) if session.extra_ticks else fields


def inflate(fields: dict[str, Any], ticks: int) -> dict[str, Any]:
    """Return record fields that claim `ticks` more, booked where most energy is: self-consistent but untrue."""
    tier = max(("sharp", "peak", "flat", "valley"), key=lambda name: fields[f"{name}_energy"])
    more = kwh_of(ticks)
    amount = (more * fields[f"{tier}_price"]).quantize(Decimal("0.01"), ROUND_DOWN)
    changed = dict(fields)
    for name in (f"{tier}_energy", f"{tier}_loss_energy", "total_energy", "total_loss_energy", "meter_end"):
        changed[name] += more
    for name in (f"{tier}_amount", "total_amount"):
        changed[name] += amount
    return changed
