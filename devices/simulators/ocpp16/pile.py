"""A simulated OCPP 1.6J pile: its messages."""

from collections.abc import Iterable
from typing import Any

from ocpp.v16 import call, enums

from devices.simulators.faults import OCPP
from devices.simulators.ocpp16.link import Link16
from devices.simulators.ocppj.client import OcppPile
from devices.simulators.ocppj.connector import BEGIN, END, TRIGGER, Connector, Transaction, timestamp
from devices.simulators.ocppj.upkeep import Job


class Ocpp16Pile(OcppPile):
    """One OCPP 1.6J pile on its own WebSocket."""

    SUBPROTOCOL = "ocpp1.6"
    FAULTS = OCPP
    READ_ONLY = frozenset({"NumberOfConnectors", "SupportedFeatureProfiles"})

    def link_on(self, connection: Any) -> Link16:
        return Link16(self, connection)

    def first_configuration(self) -> dict[str, str]:
        return {
            "HeartbeatInterval": "",
            "MeterValueSampleInterval": f"{self.timing.sample_s:g}",
            "AuthorizeRemoteTxRequests": "false",
            "StopTransactionOnEVSideDisconnect": "true",
            "ConnectionTimeOut": f"{self.timing.plug_wait_s:g}",
            "NumberOfConnectors": str(len(self.connectors)),
            "SupportedFeatureProfiles": (
                "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger"
            ),
        }

    def boot_message(self) -> call.BootNotification:
        return call.BootNotification(
            charge_point_model="SIM-DC" if self.dc else "SIM-AC",
            charge_point_vendor="Simulated",
            charge_point_serial_number=self.code[:25],
            firmware_version=self.firmware,
        )

    def heartbeat_message(self) -> call.Heartbeat:
        return call.Heartbeat()

    def beat_every(self, seconds: float) -> None:
        super().beat_every(seconds)
        self.configuration["HeartbeatInterval"] = f"{seconds:g}"

    def status_numbers(self) -> Iterable[int]:
        return (0, *self.connectors)

    def say_status(self, number: int) -> None:
        """Queue the StatusNotification of a connector (0: the pile) as of now."""
        connector = self.connectors.get(number)
        faulted = connector is not None and connector.faulted
        error = enums.ChargePointErrorCode
        message = call.StatusNotification(
            connector_id=number,
            error_code=error.other_error if faulted else error.no_error,
            status=_status(connector) if connector else enums.ChargePointStatus.available,
            timestamp=self.timestamp(),
        )

        async def send(link: Link16) -> None:
            await link.call(message)

        if self.booted:
            self.say("plain", send)

    def swipe(self, number: int, id_tag: str) -> None:
        """A card at the pile: Authorize, then charge if the platform accepts it; without link the list decides."""
        if self.starts_by_list(number, id_tag):
            return

        async def send(link: Link16) -> None:
            answer = await link.call(call.Authorize(id_tag=id_tag))
            connector = self.connectors[number]
            if (
                answer.id_tag_info["status"] == enums.AuthorizationStatus.accepted
                and connector.state == "plugged"
                and not self.is_kept_from(connector, id_tag)
            ):
                self.begin(connector, id_tag)

        self.say("plain", send)

    # -- commands

    def change_configuration(self, key: str, value: str) -> enums.ConfigurationStatus:
        if key not in self.configuration:
            return enums.ConfigurationStatus.not_supported
        if key in self.READ_ONLY:
            return enums.ConfigurationStatus.rejected
        if key.endswith(("Interval", "TimeOut")):
            try:
                seconds = int(value)
            except ValueError:
                return enums.ConfigurationStatus.rejected
            if seconds < 0:
                return enums.ConfigurationStatus.rejected
            if key == "HeartbeatInterval" and seconds:
                self.beat_every(float(seconds))
        self.configuration[key] = value
        return enums.ConfigurationStatus.accepted

    def trigger(self, wanted: str, connector_id: int | None) -> bool:
        """Queue what the platform asks to hear; returns False for messages we do not send."""
        numbers = [connector_id] if connector_id is not None else [0, *self.connectors]
        if wanted == enums.MessageTrigger.status_notification:
            for number in numbers:
                self.say_status(number)
        elif wanted == enums.MessageTrigger.heartbeat:
            self.say("plain", self._heartbeat)
        elif wanted == enums.MessageTrigger.boot_notification:
            self.say("plain", self._boot)
        elif wanted == enums.MessageTrigger.meter_values:
            self.sample_all(numbers, TRIGGER)
        elif wanted == "FirmwareStatusNotification":
            self.say_firmware(Job("", None, secured=False), "Idle")
        elif wanted == "DiagnosticsStatusNotification":
            self.say_log(Job("", None, secured=False), "Idle")
        elif wanted == "LogStatusNotification":
            self.say_log(Job("", None, secured=True), "Idle")
        elif wanted == "SignChargePointCertificate":
            self._ask_certificate()
        else:
            return False
        return True

    def say_firmware(self, job: Job, word: str) -> None:
        if job.secured:
            self._tell(call.SignedFirmwareStatusNotification(status=word, request_id=job.request_id))
        else:
            self._tell(call.FirmwareStatusNotification(status=word))

    def say_log(self, job: Job, word: str) -> None:
        if job.secured:
            word = "UploadFailure" if word == "UploadFailed" else word
            self._tell(call.LogStatusNotification(status=word, request_id=job.request_id))
        else:
            self._tell(call.DiagnosticsStatusNotification(status=word))

    def say_security_event(self, code: str, detail: str) -> None:
        self._tell(
            call.SecurityEventNotification(type=code, timestamp=self.timestamp(), tech_info=detail or None)
        )

    def _ask_certificate(self) -> None:
        self._tell(call.SignCertificate(csr=self.certificates.request("station")))

    def _tell(self, message: Any) -> None:
        """Queue a message whose answer does not matter."""

        async def send(link: Link16) -> None:
            await link.call(message)

        self.say("plain", send)

    # -- the charge

    def say_started(self, transaction: Transaction) -> None:
        """StartTransaction and the first batch of values."""
        forced = self.faults.get("offline_start")
        if forced is not None:
            transaction.forced_id = int(forced)
            self.drop_link()
        started_at = self.timestamp()

        async def send(link: Link16) -> None:
            answer = await link.call(
                call.StartTransaction(
                    connector_id=transaction.connector.number,
                    id_tag=transaction.id_tag,
                    meter_start=transaction.meter_start_wh,
                    timestamp=started_at,
                    reservation_id=transaction.reservation_id,
                )
            )
            transaction.transaction_id = answer.transaction_id
            status = answer.id_tag_info["status"]
            if status != enums.AuthorizationStatus.accepted and not transaction.over:
                self.end(transaction.connector, "de_authorized")

        self.say("start", send)
        self.sample(transaction, BEGIN)

    def sample(self, transaction: Transaction, context: str) -> None:
        """Queue one MeterValues batch as of now."""
        interval = float(self.configuration["MeterValueSampleInterval"])
        soc_only = self.values_due(transaction, context, interval)
        values = self._values(transaction, context, soc_only=soc_only)

        async def send(link: Link16) -> None:
            known = None if transaction.forced_id is not None else transaction.transaction_id
            await link.call(
                call.MeterValues(
                    connector_id=transaction.connector.number, meter_value=values, transaction_id=known
                )
            )

        self.say("values", send)

    def say_ended(self, transaction: Transaction, reason: str) -> None:
        payload = {
            "meter_stop": transaction.register_wh(),
            "timestamp": self.timestamp(),
            "transaction_id": -1,  # until it is known
            "reason": enums.Reason[reason],
            "id_tag": transaction.id_tag,
            "transaction_data": self._values(transaction, END),
        }
        key = f"{transaction.connector.number}-{payload['timestamp']}"
        self.memory.add(key, payload | {"transaction_id": _known_id(transaction)})
        self.queue_end(
            transaction, key, lambda: self.end_message(payload | {"transaction_id": _known_id(transaction)})
        )

    def end_message(self, payload: dict[str, Any]) -> call.StopTransaction:
        return call.StopTransaction(**payload)

    def _values(self, transaction: Transaction, context: str, *, soc_only: bool = False) -> list[dict]:
        sampled = [
            {"value": value, "context": context, "measurand": measurand, "unit": unit}
            for value, measurand, unit in transaction.measures(context, dc=self.dc, soc_only=soc_only)
        ]
        return [{"timestamp": timestamp(self.wall()), "sampled_value": sampled}]


def _known_id(transaction: Transaction) -> int:
    """The id for StopTransaction: the platform's, -1 while unknown, or what an offline start makes of it."""
    if transaction.forced_id is not None:
        return transaction.forced_id
    return -1 if transaction.transaction_id is None else transaction.transaction_id


def _status(connector: Connector) -> enums.ChargePointStatus:
    """What StatusNotification says."""
    words = enums.ChargePointStatus
    if connector.transaction and connector.transaction.charging:
        return words.charging
    if connector.faulted:
        return words.faulted
    if not connector.available and not connector.transaction:
        return words.unavailable
    if connector.transaction or connector.awaited:
        return words.preparing
    if connector.reservation is not None and not connector.car:
        return words.reserved
    if connector.car:
        return words.finishing if connector.finished else words.preparing
    return words.available
