"""How an OCPP pile charges and obeys: cars, transactions from start to stop, and the platform's commands.

How its messages are worded is the business of each version.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from devices.simulators.battery import Car, ChargingRun
from devices.simulators.faults import Faults
from devices.simulators.ocppj.connector import PERIODIC, Connector, Transaction, timestamp
from devices.simulators.ocppj.limits import TRANSACTION, HeldLimit, Limits
from devices.simulators.ocppj.memory import StopMemory
from devices.simulators.ocppj.timing import OcppTiming
from devices.simulators.stats import Stats

_CUT_AFTER_S = 0.3
_ANSWER_LEAVES_S = 0.05  # a cut link takes with it what was not sent yet


class Charging:
    """The half of a pile that knows transactions; the other half owns the link.

    Why a charge ends is told in neutral words (`ev_disconnected`, `emergency_stop`, `remote`, `local`, `other`,
    `unlock_command`, `hard_reset`, `soft_reset`, `de_authorized`).
    """

    rated_kw: float
    dc: bool
    speed: float
    timing: OcppTiming
    faults: Faults
    stats: Stats
    rng: random.Random
    connectors: dict[int, Connector]
    memory: StopMemory
    limits: Limits
    # What the half that is looked after from afar knows.
    is_kept_from: Callable[[Connector, str], bool]
    let_reservation_expire: Callable[[Connector], None]

    def timestamp(self) -> str:
        return timestamp(self.wall())

    # -- people at the pile

    def car_arrives(self, connector: Connector, car: Car) -> None:
        connector.car, connector.finished = car, False
        awaited, connector.awaited = connector.awaited, None
        if awaited and self.now() <= awaited[1]:
            self.begin(connector, awaited[0], awaited[2])
        self.say_status(connector.number)

    def car_leaves(self, connector: Connector) -> None:
        if connector.transaction:
            self.end(connector, "ev_disconnected")
        connector.car, connector.finished = None, False
        self.say_status(connector.number)

    def break_down(self, number: int, bits: int = 1) -> None:
        """Raise (or with 0 clear) a fault; a running charge is aborted."""
        connector = self.connectors[number]
        connector.faulted = bool(bits)
        if bits and connector.transaction:
            self.end(connector, "emergency_stop")
        self.say_status(number)

    def mend(self, number: int) -> None:
        self.break_down(number, 0)

    # -- commands

    def remote_start(self, id_tag: str, connector_id: int | None, remote_start_id: int | None = None) -> bool:
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
        if self.is_kept_from(connector, id_tag):
            return False
        if connector.car:
            self.begin(connector, id_tag, remote_start_id)
        else:
            connector.awaited = (id_tag, self.now() + self.timing.plug_wait_s, remote_start_id)
            self.say_status(connector.number)
        return True

    def remote_stop(self, transaction_id: int | str) -> bool:
        """Return whether this transaction runs here; it is then stopped."""
        for connector in self.connectors.values():
            if connector.transaction and connector.transaction.transaction_id == transaction_id:
                self.end(connector, "remote")
                return True
        return False

    def set_available(self, connector_id: int, operative: bool) -> str:
        """Put connectors (0: all) in or out of service; returns Accepted, Scheduled or Rejected."""
        chosen = [item for item in self.connectors.values() if connector_id in (0, item.number)]
        if not chosen:
            return "Rejected"
        busy = False
        for connector in chosen:
            connector.available = operative
            busy = busy or connector.transaction is not None
            self.say_status(connector.number)
        return "Scheduled" if busy and not operative else "Accepted"

    def reset(self, *, hard: bool) -> None:
        """Stop what runs, let the queue empty for a moment, then reboot."""
        reason = "hard_reset" if hard else "soft_reset"
        for connector in self.connectors.values():
            self.end(connector, reason)

        async def reboot(link: Any) -> None:
            await asyncio.sleep(_ANSWER_LEAVES_S)
            self.drop_link()

        self.say("plain", reboot)

    def unlock(self, connector_id: int) -> bool:
        connector = self.connectors.get(connector_id)
        if connector is None:
            return False
        self.end(connector, "unlock_command")
        return True

    def take_limit(self, limit: HeldLimit, transaction_id: int | str | None) -> str:
        """Hold a charging profile; one for a charge that does not run there is refused."""
        if limit.connector and limit.connector not in self.connectors:
            return "Rejected"
        if limit.purpose == TRANSACTION:
            running = self.connectors[limit.connector].transaction if limit.connector else None
            if running is None or transaction_id not in (None, running.transaction_id):
                return "Rejected"
        self.limits.set(limit)
        return "Accepted"

    # -- the charge

    def begin(self, connector: Connector, id_tag: str, remote_start_id: int | None = None) -> None:
        """Start a transaction at a connector with a car."""
        delay = self.faults.get("late_start")
        run = ChargingRun(connector.car, rated_kw=self.rated_kw, dc=self.dc, speed=self.speed, rng=self.rng)
        begins_at = self.now() + (self.timing.start_delay_s if delay is None else delay)
        connector.transaction = Transaction(
            connector, id_tag, run, begins_at, remote_start_id=remote_start_id
        )
        if connector.reservation is not None:
            connector.transaction.reservation_id = connector.reservation.number
            connector.reservation = None
        connector.finished = False
        self.say_status(connector.number)

    def advance(self, connector: Connector, seconds: float) -> None:
        """Let time pass at a connector."""
        now = self.now()
        self.let_reservation_expire(connector)
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
        transaction.run.limit_kw = self.limits.kw_at(connector.number, self.wall(), self.rated_kw)
        connector.meter.add(transaction.run.advance(seconds))
        lasted = now - transaction.charging_since
        self._misbehave(transaction, lasted)
        if connector.transaction is not transaction:
            return
        if transaction.run.full:
            self.end(connector, "other")
        elif now >= transaction.sample_due:
            self.sample(transaction, PERIODIC)

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
        """Energy flows from now on."""
        transaction.charging = True
        transaction.charging_since = now
        transaction.claims_zero = "begin_zero" in self.faults
        transaction.meter_start_wh = 0 if transaction.claims_zero else transaction.register_wh()
        self.stats.charges_started += 1
        self.say_started(transaction)
        self.say_status(transaction.connector.number)

    def values_due(self, transaction: Transaction, context: str, interval_s: float) -> bool:
        """Note one more batch of values; returns whether it holds the state of charge alone."""
        transaction.sample_due = self.now() + (interval_s or self.timing.sample_s)
        nth = self.faults.get("soc_only")
        transaction.batches += 1
        return nth is not None and context == PERIODIC and transaction.batches % max(1, int(nth)) == 0

    def sample_all(self, numbers: list[int], context: str) -> None:
        """Tell the values of what charges at these connectors."""
        for connector in self.connectors.values():
            if connector.transaction and connector.transaction.charging and connector.number in numbers:
                self.sample(connector.transaction, context)

    def end(self, connector: Connector, reason: str) -> None:
        """End the transaction of a connector, if there is one."""
        transaction, connector.transaction = connector.transaction, None
        if transaction is None:
            return
        transaction.over = True
        self.limits.clear(connector=connector.number, purpose=TRANSACTION)
        connector.finished = True
        if transaction.charging:
            self.stats.charges_ended += 1
            if "no_record" not in self.faults:
                self.say_ended(transaction, reason)
        self.say_status(connector.number)

    def queue_end(self, transaction: Transaction, key: str, message: Callable[[], Any]) -> None:
        """Queue the message that ends a transaction; it is kept until the platform has answered it."""

        async def send(link: Any) -> None:
            if "stop_unanswered" in self.faults and not transaction.cut_at_stop:
                transaction.cut_at_stop = True
                self.stats.records_sent += 1
                await self._send_and_cut(link, message())
            for _ in range(max(1, int(self.faults.get("resend_stop") or 1))):
                self.stats.records_sent += 1
                await link.call(message())
            self.stats.records_acknowledged += 1
            self.memory.confirm(key)

        self.say("stop", send)

    def resume(self) -> None:
        """Queue the ends of transactions that an earlier process could not deliver."""
        for key, payload in self.memory.waiting():

            async def send(link: Any, key: str = key, payload: dict = payload) -> None:
                self.stats.records_sent += 1
                await link.call(self.end_message(payload))
                self.stats.records_acknowledged += 1
                self.memory.confirm(key)

            self.say("stop", send)

    async def _send_and_cut(self, link: Any, message: Any) -> None:
        """Let the platform have the message, but lose the link before its answer can be read."""
        link.deaf = True
        unheard = asyncio.create_task(link.call(message))
        try:
            await asyncio.sleep(_CUT_AFTER_S)
            self.drop_link()
            await unheard  # raises: the link is gone
        finally:
            unheard.cancel()

    # -- what each version says in its own words

    def say_started(self, transaction: Transaction) -> None:
        """Queue the news that energy flows."""
        raise NotImplementedError

    def sample(self, transaction: Transaction, context: str) -> None:
        """Queue one batch of values as of now."""
        raise NotImplementedError

    def say_ended(self, transaction: Transaction, reason: str) -> None:
        """Queue the end of a transaction with its last values."""
        raise NotImplementedError

    def end_message(self, payload: dict[str, Any]) -> Any:
        """The message that ends a transaction, out of its remembered payload."""
        raise NotImplementedError
