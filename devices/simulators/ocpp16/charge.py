"""How an OCPP pile charges and obeys: transactions from start to stop, and the platform's commands."""

import asyncio
import random

from ocpp.v16 import call, enums

from devices.simulators.battery import Car, ChargingRun
from devices.simulators.faults import Faults
from devices.simulators.ocpp16.connector import Connector, Transaction, timestamp
from devices.simulators.ocpp16.link import Link
from devices.simulators.ocpp16.memory import StopMemory
from devices.simulators.ocpp16.timing import OcppTiming
from devices.simulators.stats import Stats

_Begin = enums.ReadingContext.transaction_begin
_Periodic = enums.ReadingContext.sample_periodic
_End = enums.ReadingContext.transaction_end
_CUT_AFTER_S = 0.3


class Charging:
    """The half of `Ocpp16Pile` that knows transactions; the other half owns the link."""

    READ_ONLY = frozenset({"NumberOfConnectors", "SupportedFeatureProfiles"})

    rated_kw: float
    dc: bool
    speed: float
    timing: OcppTiming
    faults: Faults
    stats: Stats
    rng: random.Random
    connectors: dict[int, Connector]
    configuration: dict[str, str]
    memory: StopMemory

    def timestamp(self) -> str:
        return timestamp(self.wall())

    # -- people at the pile

    def car_arrives(self, connector: Connector, car: Car) -> None:
        connector.car, connector.finished = car, False
        awaited, connector.awaited = connector.awaited, None
        if awaited and self.now() <= awaited[1]:
            self.begin(connector, awaited[0])
        self.say_status(connector.number)

    def car_leaves(self, connector: Connector) -> None:
        if connector.transaction:
            self.end(connector, enums.Reason.ev_disconnected)
        connector.car, connector.finished = None, False
        self.say_status(connector.number)

    def break_down(self, number: int, bits: int = 1) -> None:
        """Raise (or with 0 clear) a fault; a running charge is aborted."""
        connector = self.connectors[number]
        connector.faulted = bool(bits)
        if bits and connector.transaction:
            self.end(connector, enums.Reason.emergency_stop)
        self.say_status(number)

    def mend(self, number: int) -> None:
        self.break_down(number, 0)

    def swipe(self, number: int, id_tag: str) -> None:
        """A card at the pile: Authorize, then charge if the platform accepts it."""

        async def send(link: Link) -> None:
            answer = await link.call(call.Authorize(id_tag=id_tag))
            connector = self.connectors[number]
            if (
                answer.id_tag_info["status"] == enums.AuthorizationStatus.accepted
                and connector.state == "plugged"
            ):
                self.begin(connector, id_tag)

        self.say("plain", send)

    # -- commands

    def remote_start(self, id_tag: str, connector_id: int | None) -> bool:
        """Return whether the pile accepts; it then starts, or waits for a plug."""
        if "reject_start" in self.faults:
            return False
        if connector_id is None:
            free = (item for item in self.connectors.values() if item.state == "plugged" and item.available)
            connector = next(free, None)
        else:
            connector = self.connectors.get(connector_id)
        if connector is None or not connector.available or connector.state not in ("idle", "plugged"):
            return False
        if connector.car:
            self.begin(connector, id_tag)
        else:
            connector.awaited = (id_tag, self.now() + self.timing.plug_wait_s)
            self.say_status(connector.number)
        return True

    def remote_stop(self, transaction_id: int) -> bool:
        """Return whether this transaction runs here; it is then stopped."""
        for connector in self.connectors.values():
            if connector.transaction and connector.transaction.transaction_id == transaction_id:
                self.end(connector, enums.Reason.remote)
                return True
        return False

    def change_availability(self, connector_id: int, operative: bool) -> enums.AvailabilityStatus:
        chosen = [item for item in self.connectors.values() if connector_id in (0, item.number)]
        if not chosen:
            return enums.AvailabilityStatus.rejected
        busy = False
        for connector in chosen:
            connector.available = operative
            busy = busy or connector.transaction is not None
            self.say_status(connector.number)
        return (
            enums.AvailabilityStatus.scheduled
            if busy and not operative
            else enums.AvailabilityStatus.accepted
        )

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
                self._heartbeat_s = float(seconds)
                self._heartbeat_due = min(self._heartbeat_due, self.now() + seconds)
        self.configuration[key] = value
        return enums.ConfigurationStatus.accepted

    def reset(self, *, hard: bool) -> None:
        """Stop what runs, let the queue empty for a moment, then reboot."""
        reason = enums.Reason.hard_reset if hard else enums.Reason.soft_reset
        for connector in self.connectors.values():
            self.end(connector, reason)

        async def reboot(link: Link) -> None:
            self.drop_link()

        self.say("plain", reboot)

    def unlock(self, connector_id: int) -> bool:
        connector = self.connectors.get(connector_id)
        if connector is None:
            return False
        self.end(connector, enums.Reason.unlock_command)
        return True

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
            for connector in self.connectors.values():
                if connector.transaction and connector.transaction.charging and connector.number in numbers:
                    self.sample(connector.transaction, enums.ReadingContext.trigger)
        else:
            return False
        return True

    # -- the charge

    def begin(self, connector: Connector, id_tag: str) -> None:
        """Start a transaction at a connector with a car."""
        delay = self.faults.get("late_start")
        run = ChargingRun(connector.car, rated_kw=self.rated_kw, dc=self.dc, speed=self.speed, rng=self.rng)
        begins_at = self.now() + (self.timing.start_delay_s if delay is None else delay)
        connector.transaction = Transaction(connector, id_tag, run, begins_at)
        connector.finished = False
        self.say_status(connector.number)

    def advance(self, connector: Connector, seconds: float) -> None:
        """Let time pass at a connector."""
        now = self.now()
        if connector.awaited and now > connector.awaited[1]:
            connector.awaited = None
            self.say_status(connector.number)
        transaction = connector.transaction
        if transaction is None:
            return
        if not transaction.charging:
            if now >= transaction.begins_at:
                self._flow(transaction, now)
            return
        connector.meter.add(transaction.run.advance(seconds))
        lasted = now - transaction.charging_since
        self._misbehave(transaction, lasted)
        if connector.transaction is not transaction:
            return
        if transaction.run.full:
            self.end(connector, enums.Reason.other)
        elif now >= transaction.sample_due:
            self.sample(transaction, _Periodic)

    def _misbehave(self, transaction: Transaction, lasted: float) -> None:
        connector = transaction.connector
        delay = self.faults.get("register_reset")
        if delay is not None and lasted >= delay and not transaction.register_zero_wh:
            transaction.register_zero_wh = connector.meter.wh
        delay = self.faults.get("drop_link")
        if delay is not None and lasted >= delay and not transaction.dropped and self.booted:
            transaction.dropped = True
            self.drop_link()
        delay = self.faults.get("fault_in_charge")
        if delay is not None and lasted >= delay:
            self.break_down(connector.number)

    def _flow(self, transaction: Transaction, now: float) -> None:
        """Energy flows from now on: StartTransaction and the first batch of values."""
        transaction.charging = True
        transaction.charging_since = now
        transaction.claims_zero = "begin_zero" in self.faults
        transaction.meter_start_wh = 0 if transaction.claims_zero else transaction.register_wh()
        self.stats.charges_started += 1
        forced = self.faults.get("offline_start")
        if forced is not None:
            transaction.forced_id = int(forced)
            self.drop_link()
        started_at = self.timestamp()

        async def send(link: Link) -> None:
            answer = await link.call(
                call.StartTransaction(
                    connector_id=transaction.connector.number,
                    id_tag=transaction.id_tag,
                    meter_start=transaction.meter_start_wh,
                    timestamp=started_at,
                )
            )
            transaction.transaction_id = answer.transaction_id
            status = answer.id_tag_info["status"]
            if status != enums.AuthorizationStatus.accepted and not transaction.over:
                self.end(transaction.connector, enums.Reason.de_authorized)

        self.say("start", send)
        self.say_status(transaction.connector.number)
        self.sample(transaction, _Begin)

    def sample(self, transaction: Transaction, context: enums.ReadingContext) -> None:
        """Queue one MeterValues batch as of now."""
        interval = float(self.configuration["MeterValueSampleInterval"]) or self.timing.sample_s
        transaction.sample_due = self.now() + interval
        nth = self.faults.get("soc_only")
        transaction.batches += 1
        soc_only = nth is not None and context == _Periodic and transaction.batches % max(1, int(nth)) == 0
        values = transaction.meter_values(self.wall(), context=context, dc=self.dc, soc_only=soc_only)

        async def send(link: Link) -> None:
            known = None if transaction.forced_id is not None else transaction.transaction_id
            await link.call(
                call.MeterValues(
                    connector_id=transaction.connector.number, meter_value=values, transaction_id=known
                )
            )

        self.say("values", send)

    def end(self, connector: Connector, reason: enums.Reason) -> None:
        """End the transaction of a connector, if there is one: last values, then StopTransaction."""
        transaction, connector.transaction = connector.transaction, None
        if transaction is None:
            return
        transaction.over = True
        connector.finished = True
        if transaction.charging:
            self.stats.charges_ended += 1
            if "no_record" not in self.faults:
                self._queue_stop(transaction, reason)
        self.say_status(connector.number)

    def _queue_stop(self, transaction: Transaction, reason: enums.Reason) -> None:
        data = transaction.meter_values(self.wall(), context=_End, dc=self.dc)
        payload = {
            "meter_stop": transaction.register_wh(),
            "timestamp": self.timestamp(),
            "transaction_id": -1,  # until it is known
            "reason": reason,
            "id_tag": transaction.id_tag,
            "transaction_data": data,
        }
        key = f"{transaction.connector.number}-{payload['timestamp']}"
        self.memory.add(key, payload | {"transaction_id": transaction.known_id()})

        async def send(link: Link) -> None:
            message = call.StopTransaction(**payload | {"transaction_id": transaction.known_id()})
            if "stop_unanswered" in self.faults and not transaction.cut_at_stop:
                transaction.cut_at_stop = True
                self.stats.records_sent += 1
                await self._send_and_cut(link, message)
            for _ in range(max(1, int(self.faults.get("resend_stop") or 1))):
                self.stats.records_sent += 1
                await link.call(message)
            self.stats.records_acknowledged += 1
            self.memory.confirm(key)

        self.say("stop", send)

    def resume(self) -> None:
        """Queue the StopTransactions that an earlier process could not deliver."""
        for key, payload in self.memory.waiting():

            async def send(link: Link, key: str = key, payload: dict = payload) -> None:
                self.stats.records_sent += 1
                await link.call(call.StopTransaction(**payload))
                self.stats.records_acknowledged += 1
                self.memory.confirm(key)

            self.say("stop", send)

    async def _send_and_cut(self, link: Link, message: call.StopTransaction) -> None:
        """Let the platform have the message, but lose the link before its answer can be read."""
        link.deaf = True
        unheard = asyncio.create_task(link.call(message))
        try:
            await asyncio.sleep(_CUT_AFTER_S)
            self.drop_link()
            await unheard  # raises: the link is gone
        finally:
            unheard.cancel()
