"""Device events: the platform's standard model of what piles say. Nothing above this line knows a protocol.

Upper apps subscribe in `AppConfig.ready`. `publish` calls the handlers in the caller's thread and, for events
that carry money or state, inside the caller's transaction: the device is answered only after it committed.
A handler that raises therefore aborts the event, and the device gets no answer and sends it again.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from devices.models import DeviceCommand, TransactionRecord


@dataclass(frozen=True, slots=True)
class PileRef:
    """A registered pile as events name it; ids of its place are copied so that handlers need no look-up."""

    id: int
    code: str
    protocol: str
    operator_id: int
    station_id: int
    rated_power_kw: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PileOnline:
    """A pile logged in. `reconnected` is true when it was online before on another socket."""

    pile: PileRef
    at: datetime
    session_id: int
    reconnected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PileOffline:
    pile: PileRef
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorStatusChanged:
    """A connector changed state (values of `Connector.State`).

    `transaction_ref` is the transaction that the pile names in the same message, empty when none.
    """

    pile: PileRef
    connector_no: int
    at: datetime
    state: str
    previous: str
    plugged: bool | None = None
    fault_code: str = ""
    transaction_ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequested:
    """A local identity (card tag) asks to charge; the first handler that answers an `Authorization` decides."""

    pile: PileRef
    connector_no: int
    at: datetime
    id_tag: str


@dataclass(frozen=True, slots=True)
class Authorization:
    """`status` is one of accepted, blocked, expired, invalid, concurrent."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequested:
    """Somebody at the pile asks to charge by a credential of their own; the first `StartDecision` decides.

    `method` is `card` or `vin`, `credential` the physical card number (upper-case hexadecimal digits as the pile
    reads them, or the OCPP tag) or the VIN in reading order. `password_md5` is what was typed at the pile, if
    anything. `transaction_ref` is the number of a pile that numbers its sessions itself, empty where the platform
    numbers them. Published in the transaction in which the order is opened; the pile is answered after it.

    `password_md5` is 32 lower-case hexadecimal digits, or the 16 in their middle, as the pile sends them.
    `merge_ref` groups the guns that charge one vehicle together: one event per gun, each with an order of its own,
    and the pile begins only when every one was allowed. `auxiliary` says that the gun is not the main one.
    """

    pile: PileRef
    connector_no: int
    at: datetime
    method: str
    credential: str
    password_md5: str = ""
    transaction_ref: str = ""
    merge_ref: str = ""
    auxiliary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDecision:
    """What the platform says to a `StartRequested`. Without any decision the credential is unknown.

    `refusal` is empty when the charge may begin, else one of `START_REFUSALS`. `balance_fen` is what the pile may
    let flow; `account_label` the card number that is printed for people.
    """

    refusal: str = ""
    order_no: str = ""
    transaction_ref: str = ""
    account_label: str = ""
    balance_fen: int = 0


# YKC V1.6 §6.5, answer 32, in the order of its codes 01 to 0B.
START_REFUSALS = (
    "no_account",
    "account_frozen",
    "balance_too_low",
    "unsettled_record",
    "pile_stopped",
    "not_allowed_here",
    "wrong_password",
    "station_capacity_short",
    "vin_unknown",
    "pile_has_unsettled_record",
    "no_card_support",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeStarted:
    """Energy may flow under this transaction. Published on every message that proves it; idempotent above.

    `start_command_ref` is the reference of the start command it answers (the order's own), when the protocol
    tells; `id_tag` the identity the pile names.
    """

    pile: PileRef
    connector_no: int
    at: datetime
    transaction_ref: str
    id_tag: str = ""
    meter_start_kwh: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSampled:
    """One reading of a running transaction, already stored. Published in batches."""

    pile: PileRef
    connector_no: int
    at: datetime
    transaction_ref: str
    energy_kwh: Decimal | None
    power_kw: Decimal | None = None
    voltage_v: Decimal | None = None
    current_a: Decimal | None = None
    soc_pct: int | None = None
    device_amount: Decimal | None = None
    suspect: str = ""
    charged_s: int | None = None


@dataclass(frozen=True, slots=True)
class MetersSampled:
    """A batch of samples, one transaction for all of them."""

    samples: tuple[MeterSampled, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionReported:
    """A finished session was recorded for the first time (`repeated` false) or again.

    `conflicting` says that a repeat carried other content than the stored record.
    """

    pile: PileRef
    at: datetime
    record: TransactionRecord
    repeated: bool = False
    conflicting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAnswered:
    """A command reached its end: accepted, rejected, expired or failed (`command.state`).

    `facts` is what the answer says of the pile beside yes or no, in the platform's words: `variables`,
    `certificates`, `monitors`, `version` (of its card list).
    """

    pile: PileRef
    at: datetime
    command: DeviceCommand
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRaised:
    """A connector (0: the pile) reports a fault. `words` is an English sentence that is also a msgid."""

    pile: PileRef
    connector_no: int
    at: datetime
    code: str
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCleared:
    """Faults of a connector (0: the pile) are over: the one of `code`, or all of them."""

    pile: PileRef
    connector_no: int
    at: datetime
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePaused:
    """A running charge stands still by the pile's own decision (overload, power cut); it may go on."""

    pile: PileRef
    connector_no: int
    at: datetime
    transaction_ref: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeResumed:
    pile: PileRef
    connector_no: int
    at: datetime
    transaction_ref: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CashReported:
    """What a box took in coins and on offline cards since its last report, in fen and in pieces; never negative."""

    pile: PileRef
    at: datetime
    coins_fen: int = 0
    cards_fen: int = 0
    coins: int = 0
    cards: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorReported:
    """A reading of a sensor, already stored. `value` in °C, % or °; `alarm` as the sensor says or as its limit says.

    `kind` is a value of `Sensor.Kind`, `sensor` the code of the sensor at its pile.
    """

    pile: PileRef
    at: datetime
    sensor_id: int
    sensor: str
    kind: str
    value: Decimal | None
    alarm: bool
    was_alarm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareStatusReported:
    """A firmware update got on. `status` is one of `FIRMWARE_STATUSES`, `detail` the pile's own word.

    `request_id` is the id of the update command (`DeviceCommand`) when it is known, `reference` that command's
    reference (a campaign's number), empty when the update was not asked for by the platform. `version` is the
    firmware that the pile names, empty where its protocol names none.
    """

    pile: PileRef
    at: datetime
    status: str
    request_id: int | None = None
    reference: str = ""
    version: str = ""
    detail: str = ""


# The course of an update whatever the protocol; the last eight end it.
FIRMWARE_STATUSES = (
    "idle",
    "download_scheduled",
    "downloading",
    "download_paused",
    "downloaded",
    "signature_verified",
    "install_scheduled",
    "rebooting",
    "installing",
    "installed",
    "download_failed",
    "install_failed",
    "verification_failed",
    "signature_invalid",
    "certificate_invalid",
    "certificate_revoked",
    "refused",
)
FIRMWARE_ENDINGS = frozenset(FIRMWARE_STATUSES[FIRMWARE_STATUSES.index("installed") :])


@dataclass(frozen=True, slots=True, kw_only=True)
class LogUploaded:
    """A log upload got on: `status` is uploading, uploaded or failed.

    `upload_id` is the `PileUpload` when the file went to the platform itself.
    """

    pile: PileRef
    at: datetime
    status: str
    request_id: int | None = None
    upload_id: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEventRaised:
    """A security event of a pile (OCPP security whitepaper appendix A; OCPP 2.0.1 part 2 appendix 1)."""

    pile: PileRef
    at: datetime
    code: str
    detail: str = ""
    critical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationEnded:
    """A reservation is over. `state` is a value of `Reservation.State`; `reference` is what it was made for."""

    pile: PileRef
    connector_no: int
    at: datetime
    reservation_id: int
    state: str
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceVariablesReported:
    """A pile told (part of) its variables; they are stored. `complete` says that a whole report has arrived."""

    pile: PileRef
    at: datetime
    paths: tuple[str, ...]
    request_id: int | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentEventRaised:
    """A monitor of a pile struck (OCPP 2.0.1 part 2 N07). `severity` 0 (danger) to 9 (debug)."""

    pile: PileRef
    connector_no: int
    at: datetime
    path: str
    value: str
    severity: int | None = None
    cleared: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingLimitChanged:
    """Something other than the platform limits a pile (`source`: EMS, SO, Other, CSO), or no longer does."""

    pile: PileRef
    connector_no: int
    at: datetime
    source: str
    cleared: bool = False
    grid_critical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BayLockReported:
    """A ground lock reported something new. `position` and `alarm` are values of `BayLock`."""

    pile: PileRef
    connector_no: int
    at: datetime
    position: str
    previous: str
    occupied: bool
    battery_pct: int
    alarm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleReported:
    """A vehicle told its pile something but the running figures; `kind` and `data` are those of `VehicleReport`.

    `vin` is empty while the vehicle has not named itself.
    """

    pile: PileRef
    connector_no: int
    at: datetime
    transaction_ref: str
    kind: str
    vin: str
    data: Mapping[str, Any]


Handler = Callable[[Any], Any]
Together = Callable[[Sequence[Any]], None]
_HANDLERS: dict[type, list[Handler]] = defaultdict(list)
_TOGETHER: dict[Handler, Together] = {}


def subscribe(event_type: type, handler: Handler, *, together: Together | None = None) -> None:
    """Register a handler once; order of registration is order of calling.

    `together` does for several events of one transaction what the handler does for each, at less cost.
    """
    if handler not in _HANDLERS[event_type]:
        _HANDLERS[event_type].append(handler)
    if together is not None:
        _TOGETHER[handler] = together


def publish(event: Any) -> list[Any]:
    """Call every handler of the event's type; returns their answers that are not None."""
    return [answer for handler in _HANDLERS[type(event)] if (answer := handler(event)) is not None]


def publish_together(found: Sequence[Any]) -> None:
    """Publish several events of one type in the caller's transaction; for events that nobody answers."""
    for handler in _HANDLERS[type(found[0])]:
        if handler in _TOGETHER:
            _TOGETHER[handler](found)
        else:
            for event in found:
                handler(event)
