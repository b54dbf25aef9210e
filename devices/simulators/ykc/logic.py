"""How a YKC pile behaves, without a socket: frames and time go in, frames come out (YKC V1.6 §5-8, §13.3).

`now` is running time in seconds (monotonic); the wall clock is asked separately, because the platform may set it.
The client around this class owns the socket and calls `connected`, `receive`, `tick`, `disconnected` and `drain`.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from devices.protocols.ykc.codec import Frame, YkcError, build_frame, decode, encode
from devices.simulators.battery import Car, Meter
from devices.simulators.faults import Faults
from devices.simulators.stats import Stats
from devices.simulators.ykc import codes, starts, upkeep, vehicle
from devices.simulators.ykc import gun as guns
from devices.simulators.ykc.bill import HeldTariff
from devices.simulators.ykc.gun import Gun
from devices.simulators.ykc.records import RecordMemory, StoredRecord
from devices.simulators.ykc.spec import PileSpec
from devices.simulators.ykc.timing import YkcTiming

_BUFFER = 20  # live data kept for replay while the link is down
MORE = upkeep.HANDLERS | starts.HANDLERS


class YkcLogic:
    """The behaviour of one pile. Attributes to look at: `phase`, `tariff`, `guns`, `records`, `stats`."""

    def __init__(
        self,
        spec: PileSpec,
        *,
        timing: YkcTiming,
        faults: Faults,
        clock: Callable[[], datetime],
        rng: random.Random,
        records: RecordMemory,
        meter_kwh: float | None = None,
    ) -> None:
        self.spec = spec
        self.timing = timing
        self.faults = faults
        self.records = records
        self.rng = rng
        self.stats = Stats()
        self.phase = "down"  # down, login, tariff, ready
        self.tariff: HeldTariff | None = None
        self.forbidden = False
        self.power_pct = 100
        self.held = upkeep.Held()
        self.offline_count = 0
        self.drop_for: float | None = None  # the client shall close the link and stay away this long
        self.guns = {
            number: Gun(number, Meter(rng.uniform(500, 90_000) if meter_kwh is None else meter_kwh))
            for number in range(1, spec.gun_count + 1)
        }
        self.locks = {number: upkeep.GroundLock() for number in self.guns if spec.bay_locks}
        self._clock = clock
        self._clock_offset = timedelta(0)
        self._out: list[bytes] = []
        self._sequence = 0
        self._ask_due: float | None = None
        self._last_tick: float | None = None
        self._unanswered = 0
        self._patience = timing.missed_heartbeats * spec.gun_count
        self._requested_at: float | None = None
        self._reboot = False

    # -- for the client

    def drain(self) -> list[bytes]:
        """Return the frames to write now."""
        out, self._out = self._out, []
        return [] if "mute" in self.faults else out

    def connected(self, now: float) -> None:
        self.phase = "login"
        self._sequence = 0
        self._unanswered = 0
        self.drop_for = None
        self._ask(now)

    def disconnected(self) -> None:
        self.phase = "down"
        self._out.clear()

    def wall(self) -> datetime:
        """The pile's own clock."""
        return self._clock() + self._clock_offset + timedelta(seconds=self.faults.get("clock_skew") or 0)

    def set_clock(self, time: datetime) -> None:
        self._clock_offset = time - self._clock()

    def receive(self, frame: Frame, now: float) -> None:
        """Act on one frame from the platform."""
        self.stats.received += 1
        try:
            message = decode(frame)
        except YkcError:
            return
        handler = self._HANDLERS.get(message.type) or MORE.get(message.type)
        if handler is None:
            return
        code = message.fields.get("pile_code")
        if code is not None and code != self.spec.code and message.type != 0x34:
            return
        handler(self, message.fields, frame.seq, now)

    def tick(self, now: float) -> None:
        """Let time pass: power flows, and everything that is due is sent."""
        seconds = now - self._last_tick if self._last_tick is not None else 0.0
        self._last_tick = now
        for gun in self.guns.values():
            self._advance(gun, seconds, now)
        if self.phase == "down":
            return
        if self._ask_due is not None and now >= self._ask_due:
            self._ask(now)
        if self.phase == "login":
            return
        self._heartbeats(now)
        for gun in self.guns.values():
            if not gun.session and now >= gun.idle_due:
                self._send_live(gun, now)
        upkeep.tick(self, now)
        for record in self.records.take_due(now, self.timing):
            self._send_record(record)

    # -- for people at the pile

    def plug(self, number: int, car: Car, now: float) -> None:
        """Put a car at a gun; a start that waits for it (reason 05) then succeeds."""
        gun = self.guns[number]
        gun.car = car
        self._send_live(gun, now)
        self._report_lock(number, now)
        waiting, gun.waiting_start = gun.waiting_start, None
        if waiting and now <= waiting[2]:
            starts.accept(self, gun, waiting[0], waiting[1], now)

    def unplug(self, number: int, now: float) -> None:
        """Pull the plug: a running charge ends at once with its record."""
        gun = self.guns[number]
        if gun.session:
            charging = gun.session.charging
            self.finish(gun, codes.STOP_PILOT if charging else codes.STOP_PILOT_AT_START, now)
        gun.car = None
        self._send_live(gun, now)
        self._report_lock(number, now)

    def swipe(
        self, number: int, card: str, now: float, *, password: str = "", also: tuple[int, ...] = ()
    ) -> None:
        """Hold a card to the reader; with more guns in `also` for one vehicle."""
        starts.swipe(self, [number, *also], card, now, password=password)

    def ask_by_vin(self, number: int, now: float) -> None:
        """Ask for a start with the VIN of the car at the gun."""
        car = self.guns[number].car
        if car is not None and not self.guns[number].session:
            starts.ask(self, [number], now, vin=car.vin)

    def _report_lock(self, number: int, now: float) -> None:
        if number in self.locks and self.phase in ("tariff", "ready"):
            upkeep.report_lock(self, number, now)

    def stop_by_hand(self, number: int, now: float) -> None:
        """The stop button of the pile."""
        if self.guns[number].session:
            self.finish(self.guns[number], codes.STOP_MANUAL, now)

    def break_down(self, number: int, bits: int, now: float) -> None:
        """Raise hardware fault bits (YKC V1.6 §7); 0 mends the gun. A running charge is aborted."""
        gun = self.guns[number]
        gun.fault_bits = bits
        if bits and gun.session:
            charging = gun.session.charging
            self.finish(gun, codes.STOP_EMERGENCY if charging else codes.STOP_EMERGENCY_AT_START, now)
        self._send_live(gun, now)

    def lose_power(self, now: float) -> None:
        """Mains gone: charges end (reason 83), what was not confirmed stays in the record memory."""
        for gun in self.guns.values():
            if gun.session:
                self.finish(gun, codes.STOP_POWER_LOST, now)

    # -- sending

    def _send(self, type: int, fields: dict[str, Any], seq: bytes | None = None) -> None:
        if self.phase != "down":
            self._emit(encode(type, fields, self._next_sequence() if seq is None else seq))

    def _emit(self, frame: bytes) -> None:
        self._out.append(frame)
        self.stats.sent += 1

    def _next_sequence(self) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        return self._sequence.to_bytes(2, "little")

    def answer(self, type: int, seq: bytes | None, **fields: Any) -> None:
        """Send a frame of this pile, as the answer to the one with these sequence bytes or of its own accord."""
        self._send(type, {"pile_code": self.spec.code, **fields}, seq)

    def _ask(self, now: float) -> None:
        """Send what the power-on sequence waits for: login, then the tariff check or request."""
        self._ask_due = now + self.timing.answer_s
        spec = self.spec
        if self.phase == "login":
            self._send(
                0x01,
                {
                    "pile_code": spec.code,
                    "pile_type": 0 if spec.dc else 1,
                    "gun_count": spec.gun_count,
                    "proto_version": spec.proto_version,
                    "software": spec.software,
                    "net": 1,
                    "sim": "0" * 20,
                    "operator": 4,
                },
            )
        elif self.phase == "tariff":
            model_no = self.tariff.model_no if self.tariff else "0000"
            self._send(0x05, {"pile_code": spec.code, "model_no": model_no})
        else:
            self._ask_due = None

    def _heartbeats(self, now: float) -> None:
        for gun in self.guns.values():
            if now < gun.heartbeat_due:
                continue
            if self._unanswered >= self._patience and "mute" not in self.faults:
                self.drop_for = 0.0
                return
            gun.heartbeat_due = now + self.timing.heartbeat_s
            self._unanswered += 1
            self.stats.heartbeats += 1
            status = 1 if gun.fault_bits else 0
            self._send(
                0x03, {"pile_code": self.spec.code, "gun_no": f"{gun.number:02d}", "gun_status": status}
            )

    def _send_live(self, gun: Gun, now: float, seq: bytes | None = None) -> None:
        gun.idle_due = now + self.timing.idle_sample_s
        fields = gun.live_fields(
            self.spec.code,
            dc=self.spec.dc,
            show_idle="idle_while_charging" in self.faults,
            stale="stale_trade_no" in self.faults,
        )
        if self.phase in ("tariff", "ready"):
            self._send(0x13, fields, seq)
        elif gun.charging and "offline_replay" in self.faults and len(gun.buffered) < _BUFFER:
            gun.buffered.append(fields)

    def _send_record(self, record: StoredRecord) -> None:
        self.stats.records_sent += 1
        self._emit(build_frame(0x3B, record.body, self._next_sequence()))

    # -- the charge

    def _advance(self, gun: Gun, seconds: float, now: float) -> None:
        session = gun.session
        if session is None:
            return
        if not session.charging:
            if now < session.begins_at:
                return
            session.charging = True
            session.charging_since = now
            session.sample_due = now
            session.started_at = self.wall()
            self.stats.charges_started += 1
            self._send_vehicle(gun, vehicle.greeting(session.run))
            seconds = 0.0
        session.run.limit_kw = self.spec.rated_kw * self.power_pct / 100
        ticks = session.run.advance(seconds)
        gun.meter.add(ticks)
        session.bill.add(ticks, self.wall())
        reason = self._reason_to_stop(gun, ticks)
        lasted = now - session.charging_since
        delay = self.faults.get("fault_in_charge")
        if delay is not None and lasted >= delay:
            self.break_down(gun.number, 1, now)
            return
        delay = self.faults.get("vehicle_silent")
        if delay is not None and lasted >= delay:
            self._send_vehicle(gun, vehicle.went_silent())
            reason = codes.STOP_NO_DEMAND
        delay = self.faults.get("offline_replay")
        if delay is not None and lasted >= delay and self.phase == "down":
            reason = codes.STOP_MANUAL
        if reason:
            self.finish(gun, reason, now)
            return
        if now >= session.sample_due:
            session.sample_due = now + self.timing.sample_s
            self._send_live(gun, now)
            self._send_vehicle(gun, vehicle.running(session.run))
        if self.phase == "down" or session.dropped:
            return
        delay = self.faults.get("drop_link")
        if delay is not None and lasted >= delay:
            session.dropped = True
            self.drop_for = self.timing.reconnect_s
        delay = self.faults.get("offline_replay")
        if delay is not None:
            session.dropped = True
            self.drop_for = delay + 2 * self.timing.tick_s + self.timing.reconnect_s

    @staticmethod
    def _reason_to_stop(gun: Gun, last_ticks: int) -> str | None:
        session = gun.session
        if session.run.full:
            return codes.STOP_FULL
        spent = session.bill.exact()
        delivered = sum(session.bill.ticks)
        step = spent / delivered * last_ticks if delivered else Decimal(0)
        return codes.STOP_BALANCE if delivered and spent + step > session.balance else None

    def finish(self, gun: Gun, reason: str, now: float) -> None:
        """End the session of a gun: record first, then the new state (YKC V1.6 §13.3, rules 4 and 8)."""
        session = gun.session
        if session.charging:
            self.stats.charges_ended += 1
            self._send_vehicle(gun, vehicle.ending(session.run, reason))
        more = self.faults.get("implausible_record")
        if more is not None:
            session.extra_ticks = round(more * 10_000)
        fields = gun.record_fields(self.spec.code, ended_at=self.wall(), stop_reason=reason, dc=self.spec.dc)
        gun.session = None
        if "no_record" not in self.faults:
            body = encode(0x3B, fields)[6:-2]
            late = self.faults.get("record_late") or 0.0
            self.records.add(session.trade_no, body, not_before=now + late)
            if not late and self.phase in ("tariff", "ready"):
                for record in self.records.take_due(now, self.timing):
                    self._send_record(record)
        self._send_live(gun, now)
        if self._reboot:
            self._restart_if_idle()

    def _send_vehicle(self, gun: Gun, frames: vehicle.Frames) -> None:
        """Pass on what the car says; an AC pile hears nothing, and nothing is kept for later."""
        if not self.spec.dc or self.phase not in ("tariff", "ready"):
            return
        for kind, fields in frames:
            self.answer(kind, None, trade_no=gun.session.trade_no, gun_no=f"{gun.number:02d}", **fields)

    def restart_soon(self) -> None:
        """Restart as soon as no gun charges."""
        self._reboot = True
        self._restart_if_idle()

    def _restart_if_idle(self) -> None:
        if not any(gun.session for gun in self.guns.values()):
            self._reboot = False
            self.drop_for = self.timing.reconnect_s

    # -- what the platform says

    def _on_login_reply(self, fields: dict, seq: bytes, now: float) -> None:
        if self.phase != "login":
            return
        if fields["result"]:
            self.stats.refusals += 1
            self.drop_for = self.timing.reconnect_max_s
            return
        self.stats.logins += 1
        self.phase = "tariff"
        self._requested_at = None
        self.records.rewind(now)
        for gun in self.guns.values():
            for old in gun.buffered:
                self._send(0x13, old)
            gun.buffered.clear()
        for record in self.records.take_due(now, self.timing):
            self._send_record(record)
        for gun in self.guns.values():
            gun.heartbeat_due = now + self.timing.heartbeat_s * self.rng.random()
            self._send_live(gun, now)
        self._ask(now)

    def _on_heartbeat_reply(self, fields: dict, seq: bytes, now: float) -> None:
        self._unanswered = 0
        self.stats.heartbeats_answered += 1

    def _on_tariff_check(self, fields: dict, seq: bytes, now: float) -> None:
        if not fields["result"] and self.tariff:
            self.phase, self._ask_due = "ready", None
        elif self._requested_at is None or now - self._requested_at >= self.timing.answer_s:
            self._requested_at = now
            self._send(0x09, {"pile_code": self.spec.code})

    def _on_tariff(self, fields: dict, seq: bytes, now: float) -> None:
        self.tariff = HeldTariff.from_fields(fields)
        if self.phase == "tariff":
            self._ask(now)  # the check with the new number tells the platform what we hold
            self.phase, self._ask_due = "ready", None

    def _on_tariff_set(self, fields: dict, seq: bytes, now: float) -> None:
        busy = any(gun.session for gun in self.guns.values())
        if not busy:
            self.tariff = HeldTariff.from_fields(fields)
            self.phase, self._ask_due = "ready", None
        self.answer(0x57, seq, ok=0 if busy else 1)

    def _on_read_live(self, fields: dict, seq: bytes, now: float) -> None:
        gun = self.gun(fields)
        if gun:
            self._send_live(gun, now, seq)

    def begin(
        self,
        gun: Gun,
        trade_no: str,
        balance: Decimal,
        now: float,
        *,
        trade_type: int = 1,
        physical_card: str = codes.NO_CARD,
    ) -> None:
        """Begin a charge that was allowed."""
        delay = self.faults.get("late_start")
        gun.begin(
            trade_no=trade_no,
            balance=balance,
            trade_type=trade_type,
            physical_card=physical_card,
            tariff=self.tariff,
            rated_kw=self.spec.rated_kw,
            dc=self.spec.dc,
            speed=self.spec.speed,
            rng=self.rng,
            at=self.wall(),
            begins_at=now + (self.timing.start_delay_s if delay is None else delay),
        )

    def _on_record_received(self, fields: dict, seq: bytes, now: float) -> None:
        record = self.records.confirm(fields["trade_no"])
        if record is None:
            return
        self.stats.records_acknowledged += 1
        for _ in range(int(self.faults.get("resend_record") or 0)):
            self._send_record(record)
        if "conflicting_record" in self.faults:
            message = decode(self._as_frame(record.body))
            body = encode(0x3B, guns.inflate(message.fields, 12_345))[6:-2]
            self._send_record(StoredRecord(record.trade_no, body))

    @staticmethod
    def _as_frame(body: bytes) -> Frame:
        return Frame(0x3B, b"\0\0", 0, body, "low", b"")

    def gun(self, fields: dict) -> Gun | None:
        number = fields["gun_no"]
        return self.guns.get(int(number)) if number.isdigit() else None

    _HANDLERS = {
        0x02: _on_login_reply,
        0x04: _on_heartbeat_reply,
        0x06: _on_tariff_check,
        0x0A: _on_tariff,
        0x12: _on_read_live,
        0x40: _on_record_received,
        0x58: _on_tariff_set,
    }
