"""A simulated OCPP 2.0.1 pile: its messages. EVSE n has one connector, 1."""

import uuid
from collections.abc import Iterable
from typing import Any

from ocpp.v201 import call

from devices.simulators.faults import OCPP201
from devices.simulators.ocpp201.link import Link201
from devices.simulators.ocpp201.stock import Stock
from devices.simulators.ocppj.client import OcppPile
from devices.simulators.ocppj.connector import BEGIN, END, TRIGGER, Connector, Transaction, timestamp
from devices.simulators.ocppj.upkeep import Job

HEARTBEAT = "OCPPCommCtrlr.HeartbeatInterval"
INTERVAL = "SampledDataCtrlr.TxUpdatedInterval"

# Why a charge ends -> (stoppedReason, triggerReason).
_REASONS = {
    "ev_disconnected": ("EVDisconnected", "EVDeparted"),
    "emergency_stop": ("EmergencyStop", "AbnormalCondition"),
    "remote": ("Remote", "RemoteStop"),
    "local": ("Local", "StopAuthorized"),
    "other": ("Other", "ChargingStateChanged"),
    "unlock_command": ("Remote", "UnlockCommand"),
    "hard_reset": ("ImmediateReset", "ResetCommand"),
    "soft_reset": ("Reboot", "ResetCommand"),
    "de_authorized": ("DeAuthorized", "Deauthorized"),
}
# What TriggerMessage asks for -> (use, certificateType).
_REQUESTS = {
    "SignChargingStationCertificate": ("station", "ChargingStationCertificate"),
    "SignV2GCertificate": ("vehicle", "V2GCertificate"),
}
_CONTEXT_TRIGGERS = {TRIGGER: "Trigger"}


class Ocpp201Pile(Stock, OcppPile):
    """One OCPP 2.0.1 pile on its own WebSocket."""

    SUBPROTOCOL = "ocpp2.0.1"
    FAULTS = OCPP201
    READ_ONLY = frozenset({"ChargingStation.Model"})

    def link_on(self, connection: Any) -> Link201:
        return Link201(self, connection)

    def first_configuration(self) -> dict[str, str]:
        return {
            HEARTBEAT: "",
            INTERVAL: f"{self.timing.sample_s:g}",
            "TxCtrlr.EVConnectionTimeOut": f"{self.timing.plug_wait_s:g}",
            "ChargingStation.Model": "SIM-DC" if self.dc else "SIM-AC",
        }

    def boot_message(self) -> call.BootNotification:
        return call.BootNotification(
            charging_station={
                "model": self.configuration["ChargingStation.Model"],
                "vendor_name": "Simulated",
                "serial_number": self.code[:25],
                "firmware_version": self.firmware,
            },
            reason="PowerUp",
        )

    def heartbeat_message(self) -> call.Heartbeat:
        return call.Heartbeat()

    def beat_every(self, seconds: float) -> None:
        super().beat_every(seconds)
        self.configuration[HEARTBEAT] = f"{seconds:g}"

    def status_numbers(self) -> Iterable[int]:
        return self.connectors

    def say_status(self, number: int) -> None:
        """Queue the StatusNotification of an EVSE's connector as of now."""
        message = call.StatusNotification(
            timestamp=self.timestamp(),
            connector_status=_status(self.connectors[number]),
            evse_id=number,
            connector_id=1,
        )

        async def send(link: Link201) -> None:
            await link.call(message)

        if self.booted:
            self.say("plain", send)

    def swipe(self, number: int, id_tag: str) -> None:
        """A card at the pile: Authorize, then charge if the platform accepts it; without link the list decides."""
        if self.starts_by_list(number, id_tag):
            return

        async def send(link: Link201) -> None:
            answer = await link.call(call.Authorize(id_token={"id_token": id_tag, "type": "ISO14443"}))
            connector = self.connectors[number]
            if answer.id_token_info["status"] != "Accepted" or self.is_kept_from(connector, id_tag):
                return
            if connector.state == "plugged":
                self.begin(connector, id_tag)

        self.say("plain", send)

    # -- commands

    def read_variable(self, item: dict[str, Any]) -> dict[str, Any]:
        """One result of GetVariables."""
        key, status = self._variable(item)
        result = {"attribute_status": status, "component": item["component"], "variable": item["variable"]}
        if status == "Accepted":
            result["attribute_value"] = self.configuration[key]
        return result

    def set_variable(self, item: dict[str, Any]) -> dict[str, Any]:
        """One result of SetVariables; numbers must not be negative."""
        key, status = self._variable(item)
        value = item["attribute_value"]
        if status == "Accepted" and (key in self.READ_ONLY or not value.isdecimal()):
            status = "Rejected"
        if status == "Accepted":
            self.configuration[key] = value
            if key == HEARTBEAT and int(value):
                self.beat_every(float(value))
            self.variable_changed(key, value)
        return {"attribute_status": status, "component": item["component"], "variable": item["variable"]}

    def _variable(self, item: dict[str, Any]) -> tuple[str, str]:
        component, key = item["component"]["name"], f"{item['component']['name']}.{item['variable']['name']}"
        if key in self.configuration:
            return key, "Accepted"
        known = any(name.startswith(f"{component}.") for name in self.configuration)
        return key, "UnknownVariable" if known else "UnknownComponent"

    def reset_when(self, kind: str) -> str:
        """Reset now, or when nothing charges any more; returns Accepted or Scheduled."""
        if kind == "OnIdle" and any(item.transaction for item in self.connectors.values()):
            self._reset_due = True
            return "Scheduled"
        self.reset(hard=kind == "Immediate")
        return "Accepted"

    _reset_due = False

    def end(self, connector: Connector, reason: str) -> None:
        super().end(connector, reason)
        if self._reset_due and not any(item.transaction for item in self.connectors.values()):
            self._reset_due = False
            self.reset(hard=False)

    def trigger(self, wanted: str, evse: dict[str, int] | None) -> str:
        """Queue what the platform asks to hear; returns Accepted, Rejected or NotImplemented."""
        numbers = [evse["id"]] if evse else list(self.connectors)
        if wanted == "StatusNotification":
            if not evse or evse.get("connector_id") != 1 or evse["id"] not in self.connectors:
                return "Rejected"
            self.say_status(evse["id"])
        elif wanted == "Heartbeat":
            self.say("plain", self._heartbeat)
        elif wanted == "BootNotification":
            self.say("plain", self._boot)
        elif wanted == "TransactionEvent":
            self.sample_all(numbers, TRIGGER)
        elif wanted == "MeterValues":
            for number in numbers:
                self._say_meter(number)
        elif wanted == "FirmwareStatusNotification":
            self.tell(call.FirmwareStatusNotification(status="Idle"))
        elif wanted == "LogStatusNotification":
            self.tell(call.LogStatusNotification(status="Idle"))
        elif wanted in _REQUESTS:
            use, kind = _REQUESTS[wanted]
            self.tell(call.SignCertificate(csr=self.certificates.request(use), certificate_type=kind))
        else:
            return "NotImplemented"
        return "Accepted"

    def say_firmware(self, job: Job, word: str) -> None:
        self.tell(call.FirmwareStatusNotification(status=word, request_id=job.request_id))

    def say_log(self, job: Job, word: str) -> None:
        word = "UploadFailure" if word == "UploadFailed" else word
        self.tell(call.LogStatusNotification(status=word, request_id=job.request_id))

    def say_security_event(self, code: str, detail: str) -> None:
        self.tell(
            call.SecurityEventNotification(type=code, timestamp=self.timestamp(), tech_info=detail or None)
        )

    def say_reservation_over(self, number: int) -> None:
        self.tell(call.ReservationStatusUpdate(reservation_id=number, reservation_update_status="Expired"))

    def _say_meter(self, number: int) -> None:
        connector = self.connectors.get(number)
        if connector is None:
            return
        if connector.transaction:
            values = self._values(connector.transaction, TRIGGER)
        else:
            register = _sampled(str(connector.meter.wh), "Energy.Active.Import.Register", "Wh", TRIGGER)
            values = [{"timestamp": self.timestamp(), "sampled_value": [register]}]

        async def send(link: Link201) -> None:
            await link.call(call.MeterValues(evse_id=number, meter_value=values))

        self.say("plain", send)

    # -- the charge

    def say_started(self, transaction: Transaction) -> None:
        transaction.transaction_id = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        away_s = self.faults.get("offline_charge")
        if away_s is not None:
            self.drop_link(away_s)
        remote = transaction.remote_start_id is not None
        payload = self._event(
            transaction, "Started", "RemoteStart" if remote else "Authorized", BEGIN, charging="Charging"
        )
        payload["id_token"] = {
            "id_token": transaction.id_tag,
            "type": "Central" if remote else "ISO14443",
        }
        payload["evse"] = {"id": transaction.connector.number, "connector_id": 1}
        if transaction.reservation_id is not None:
            payload["reservation_id"] = transaction.reservation_id
        if remote:
            payload["transaction_info"]["remote_start_id"] = transaction.remote_start_id
        self.values_due(transaction, BEGIN, self._interval())
        if "no_started" in self.faults:
            return

        async def send(link: Link201) -> None:
            answer = await link.call(call.TransactionEvent(**payload))
            status = (answer.id_token_info or {}).get("status")
            if status != "Accepted" and not transaction.over:
                self.end(transaction.connector, "de_authorized")

        self.say("start", send)

    def sample(self, transaction: Transaction, context: str) -> None:
        """Queue one batch of values as of now, inside a TransactionEvent."""
        soc_only = self.values_due(transaction, context, self._interval())
        trigger = _CONTEXT_TRIGGERS.get(context, "MeterValuePeriodic")
        payload = self._event(
            transaction, "Updated", trigger, context, charging="Charging", soc_only=soc_only
        )

        async def send(link: Link201) -> None:
            await link.call(call.TransactionEvent(**payload))

        self.say("values", send)

    def say_ended(self, transaction: Transaction, reason: str) -> None:
        stopped, trigger = _REASONS[reason]
        charging = "Idle" if reason == "ev_disconnected" else "EVConnected"
        payload = self._event(transaction, "Ended", trigger, END, charging=charging)
        payload["transaction_info"]["stopped_reason"] = stopped
        key = str(transaction.transaction_id)
        self.memory.add(key, payload)
        self.queue_end(transaction, key, lambda: self.end_message(payload))

    def end_message(self, payload: dict[str, Any]) -> call.TransactionEvent:
        return call.TransactionEvent(**payload)

    def _interval(self) -> float:
        return float(self.configuration[INTERVAL])

    def _event(
        self,
        transaction: Transaction,
        kind: str,
        trigger: str,
        context: str,
        *,
        charging: str,
        soc_only: bool = False,
    ) -> dict[str, Any]:
        """The payload of a TransactionEvent as of now; what happens without a link says so."""
        number = 0 if "seq_always_0" in self.faults else transaction.events
        transaction.events += 1
        payload: dict[str, Any] = {
            "event_type": kind,
            "timestamp": self.timestamp(),
            "trigger_reason": trigger,
            "seq_no": number,
            "transaction_info": {"transaction_id": transaction.transaction_id, "charging_state": charging},
            "meter_value": self._values(transaction, context, soc_only=soc_only),
        }
        if not self.booted:
            payload["offline"] = True
        return payload

    def _values(self, transaction: Transaction, context: str, *, soc_only: bool = False) -> list[dict]:
        measures = transaction.measures(context, dc=self.dc, soc_only=soc_only)
        return [
            {
                "timestamp": timestamp(self.wall()),
                "sampled_value": [_sampled(*measure, context) for measure in measures],
            }
        ]


def _sampled(value: str, measurand: str, unit: str, context: str) -> dict[str, Any]:
    return {
        "value": float(value),
        "context": context,
        "measurand": measurand,
        "unit_of_measure": {"unit": unit},
    }


def _status(connector: Connector) -> str:
    """What StatusNotification says: it tells of the plug, not of the charge."""
    if connector.faulted:
        return "Faulted"
    if connector.transaction or connector.car or connector.awaited:
        return "Occupied"
    if connector.reservation is not None:
        return "Reserved"
    return "Available" if connector.available else "Unavailable"
