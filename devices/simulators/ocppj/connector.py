"""One connector of a simulated OCPP pile: car, transaction and what its meter shows."""

from dataclasses import dataclass
from datetime import UTC, datetime

from devices.simulators.battery import Car, ChargingRun, Meter

BEGIN, PERIODIC, END, TRIGGER = "Transaction.Begin", "Sample.Periodic", "Transaction.End", "Trigger"


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as OCPP wants it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Reservation:
    """A connector is kept for a card (or one of its group) until then."""

    number: int
    id_tag: str
    until: datetime
    parent_tag: str | None = None


@dataclass(slots=True, eq=False)
class Transaction:
    """A charge. Times in seconds are running time.

    `transaction_id` is the number the platform gave (1.6, None until it answered) or the pile's own name (2.0.1).
    """

    connector: "Connector"
    id_tag: str
    run: ChargingRun
    begins_at: float
    charging: bool = False
    charging_since: float = 0.0
    sample_due: float = 0.0
    batches: int = 0
    transaction_id: int | str | None = None
    remote_start_id: int | None = None  # 2.0.1: the start command it answers
    reservation_id: int | None = None
    events: int = 0  # 2.0.1: events told so far
    meter_start_wh: int = 0
    register_zero_wh: int = 0  # what the register forgot when it was reset
    claims_zero: bool = False  # the begin reading lies: 0 instead of the lifetime register
    forced_id: int | None = None  # the id an offline start puts into StopTransaction
    dropped: bool = False
    cut_at_stop: bool = False
    over: bool = False

    def register_wh(self) -> int:
        """What the register shows now."""
        return max(0, self.connector.meter.wh - self.register_zero_wh)

    def measures(self, context: str, *, dc: bool, soc_only: bool = False) -> list[tuple[str, str, str]]:
        """What the meter shows as (value, measurand, unit): register, power, voltage, current and, on DC, SoC."""
        run = self.run
        register = 0 if self.claims_zero and context == BEGIN else self.register_wh()
        soc = (str(run.soc_pct), "SoC", "Percent")
        if soc_only:
            return [soc]
        shown = [
            (str(register), "Energy.Active.Import.Register", "Wh"),
            (f"{run.power_kw * 1000:.0f}", "Power.Active.Import", "W"),
            (f"{run.voltage_v:.1f}", "Voltage", "V"),
            (f"{run.current_a:.2f}", "Current.Import", "A"),
        ]
        return [*shown, soc] if dc else shown


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
    reservation: Reservation | None = None
    awaited: tuple[str, float, int | None] | None = None  # tag, deadline, command of a start without a car

    @property
    def state(self) -> str:
        """One of idle, plugged, starting, charging, fault."""
        if self.transaction:
            return "charging" if self.transaction.charging else "starting"
        if self.faulted:
            return "fault"
        return "plugged" if self.car else "idle"
