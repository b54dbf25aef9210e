"""A station of the tests that speaks OCPP 2.0.1 over a real WebSocket, rightly or wrongly, as it is told."""

from itertools import count
from typing import Any

from tests.devices.ocpp16.station import Station, at

_names = count(1)


def sampled(value: float, measurand: str = "Energy.Active.Import.Register", unit: str = "Wh", **more: Any):
    """One sampled value; `context`, `phase`, `location` and `multiplier` as needed."""
    measure = {"unit": unit}
    if "multiplier" in more:
        measure["multiplier"] = more.pop("multiplier")
    return {"value": value, "measurand": measurand, "unitOfMeasure": measure, **more}


class Station201(Station):
    """One connection of a station. Sequence numbers count up; `seq_always` fixes them."""

    SUBPROTOCOL = "ocpp2.0.1"
    seq_always: int | None = None

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._seq = count()

    def boot(self, **facts: Any) -> dict[str, Any]:
        station = {"vendorName": "Vendor", "model": "Model", **facts}
        return self.call("BootNotification", {"reason": "PowerUp", "chargingStation": station})

    def status(self, status: str, evse: int = 1, connector: int = 1) -> None:
        self.call(
            "StatusNotification",
            {"timestamp": at(), "connectorStatus": status, "evseId": evse, "connectorId": connector},
        )

    def event(self, kind: str, name: str, *values: dict[str, Any], **options: Any) -> dict[str, Any]:
        """The payload of a TransactionEvent.

        Options: `when`, `evse`, `tag`, `charging`, `reason`, `remote` (remoteStartId), `trigger`, `seq`, and
        whatever else goes into the payload as it is.
        """
        when = options.pop("when", None) or at()
        info: dict[str, Any] = {"transactionId": name}
        for field, option in (
            ("chargingState", "charging"),
            ("stoppedReason", "reason"),
            ("remoteStartId", "remote"),
        ):
            if (value := options.pop(option, None)) is not None:
                info[field] = value
        sequence = next(self._seq) if self.seq_always is None else self.seq_always
        payload: dict[str, Any] = {
            "eventType": kind,
            "timestamp": when,
            "triggerReason": options.pop("trigger", "MeterValuePeriodic"),
            "seqNo": options.pop("seq", sequence),
            "transactionInfo": info,
        }
        if (evse := options.pop("evse", 1 if kind == "Started" else None)) is not None:
            payload["evse"] = {"id": evse, "connectorId": 1}
        if (tag := options.pop("tag", None)) is not None:
            payload["idToken"] = {"idToken": tag, "type": "Central"}
        if values:
            payload["meterValue"] = [{"timestamp": when, "sampledValue": list(values)}]
        return payload | options

    def transaction(self, kind: str, name: str, *values: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Send a TransactionEvent; its answer."""
        return self.call("TransactionEvent", self.event(kind, name, *values, **options))

    def start(
        self, meter_wh: float | None = 0, *, name: str | None = None, tag: str = "TAG", **options
    ) -> str:
        """Start a transaction that charges; returns its name."""
        name = name or f"transaction-{next(_names)}"
        values = [] if meter_wh is None else [sampled(meter_wh, context="Transaction.Begin")]
        options.setdefault("charging", "Charging")
        self.transaction("Started", name, *values, tag=tag, **options)
        return name

    def meter(self, name: str, *values: dict[str, Any], **options: Any) -> dict[str, Any]:
        return self.transaction("Updated", name, *values, **options)

    def end(self, name: str, meter_wh: float | None, **options: Any) -> dict[str, Any]:
        values = [] if meter_wh is None else [sampled(meter_wh, context="Transaction.End")]
        return self.transaction("Ended", name, *values, **options)
