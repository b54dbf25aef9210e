"""One connector of a simulated OCPP pile: car, transaction and the payloads that describe them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ocpp.v16 import enums

from devices.simulators.battery import Car, ChargingRun, Meter


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as OCPP wants it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True, eq=False)
class Transaction:
    """A charge. `transaction_id` is None until the platform answered; times in seconds are running time."""

    connector: "Connector"
    id_tag: str
    run: ChargingRun
    begins_at: float
    charging: bool = False
    charging_since: float = 0.0
    sample_due: float = 0.0
    batches: int = 0
    transaction_id: int | None = None
    meter_start_wh: int = 0
    register_zero_wh: int = 0  # what the register forgot when it was reset
    claims_zero: bool = False  # the begin reading lies: 0 instead of the lifetime register
    forced_id: int | None = None  # the id an offline start puts into StopTransaction
    dropped: bool = False
    cut_at_stop: bool = False
    over: bool = False

    def known_id(self) -> int:
        """The id for StopTransaction: the platform's, -1 while unknown, or what an offline start makes of it."""
        if self.forced_id is not None:
            return self.forced_id
        return -1 if self.transaction_id is None else self.transaction_id

    def register_wh(self) -> int:
        """What the register shows now."""
        return max(0, self.connector.meter.wh - self.register_zero_wh)

    def meter_values(
        self, at: datetime, *, context: enums.ReadingContext, dc: bool, soc_only: bool = False
    ) -> list[dict[str, Any]]:
        """One batch of sampled values: register (Wh), power (W), voltage, current and, on DC, state of charge."""
        run = self.run
        register = self.register_wh()
        if self.claims_zero and context == enums.ReadingContext.transaction_begin:
            register = 0
        values: list[tuple[str, enums.Measurand, enums.UnitOfMeasure]] = [
            (str(register), enums.Measurand.energy_active_import_register, enums.UnitOfMeasure.wh),
            (f"{run.power_kw * 1000:.0f}", enums.Measurand.power_active_import, enums.UnitOfMeasure.w),
            (f"{run.voltage_v:.1f}", enums.Measurand.voltage, enums.UnitOfMeasure.v),
            (f"{run.current_a:.2f}", enums.Measurand.current_import, enums.UnitOfMeasure.a),
        ]
        soc = (str(run.soc_pct), enums.Measurand.soc, enums.UnitOfMeasure.percent)
        if soc_only:
            values = [soc]
        elif dc:
            values.append(soc)
        sampled = [
            {"value": value, "context": context, "measurand": measurand, "unit": unit}
            for value, measurand, unit in values
        ]
        return [{"timestamp": timestamp(at), "sampled_value": sampled}]


@dataclass(slots=True)
class Connector:
    """A connector with number, lifetime register, car and transaction."""

    number: int
    meter: Meter
    car: Car | None = None
    transaction: Transaction | None = None
    faulted: bool = False
    available: bool = True
    finished: bool = False  # the car's transaction is over, the plug still in
    awaited: tuple[str, float] | None = None  # tag and deadline of a start that waits for a plug

    @property
    def state(self) -> str:
        """One of idle, plugged, starting, charging, fault."""
        if self.transaction:
            return "charging" if self.transaction.charging else "starting"
        if self.faulted:
            return "fault"
        return "plugged" if self.car else "idle"

    @property
    def status(self) -> enums.ChargePointStatus:
        """What StatusNotification says."""
        if self.transaction and self.transaction.charging:
            return enums.ChargePointStatus.charging
        if self.faulted:
            return enums.ChargePointStatus.faulted
        if not self.available and not self.transaction:
            return enums.ChargePointStatus.unavailable
        if self.transaction or self.awaited:
            return enums.ChargePointStatus.preparing
        if self.car:
            finished = enums.ChargePointStatus.finishing
            return finished if self.finished else enums.ChargePointStatus.preparing
        return enums.ChargePointStatus.available
