"""How an e-bike box behaves, without a socket: frames and time go in, bytes come out (AP3000 device protocol V8.6).

`now` is running time in seconds (monotonic). The client around this class owns the socket and calls `connected`,
`receive`, `tick`, `disconnected` and `drain`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from devices.protocols.dny.codec import DnyError, Frame, build_frame, decode, encode
from devices.simulators.dny import port as ports
from devices.simulators.dny.bike import Bike
from devices.simulators.dny.port import Port, Session
from devices.simulators.dny.timing import DnyTiming
from devices.simulators.faults import Faults
from devices.simulators.stats import Stats
from devices.simulators.ykc.records import RecordMemory, StoredRecord

ALL_PORTS = 0xFF
SHORT_CIRCUIT, RELAY_OR_FUSE = 0x0D, 0x08
HEATER_W = 1_500.0
MOST_OVERLOAD = Decimal(2000)


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """What kind of box: code (8 hex digits), ports, limit of one port in W, speed of charging."""

    code: str
    port_count: int = 10
    overload_w: float = 800.0
    speed: float = 1.0
    firmware: int = 126
    iccid: str = "89860413161892009275"


class BoxLogic:
    """The behaviour of one box. Attributes to look at: `known`, `ports`, `records`, `stats`."""

    def __init__(
        self,
        spec: BoxSpec,
        *,
        timing: DnyTiming,
        faults: Faults,
        clock: Callable[[], datetime],
        rng: random.Random,
        records: RecordMemory,
    ) -> None:
        self.spec = spec
        self.timing = timing
        self.faults = faults
        self.records = records
        self.rng = rng
        self.stats = Stats()
        self.up = False
        self.known = False  # the platform answered a register or heartbeat with 0 on this link
        self.drop_for: float | None = None  # the client shall close the link and stay away this long
        self.max_time = 36_000
        self.overload_w = spec.overload_w
        self.ports = {number: Port(number) for number in range(1, spec.port_count + 1)}
        self._clock = clock
        self._out: list[bytes] = []
        self._message_id = rng.randrange(60_000)
        self._last_tick: float | None = None
        self._dark = False  # no mains: charges stand still and go on afterwards
        self._registered = False
        self._unanswered = 0
        self._due = {"heartbeat": 0.0, "clock": 0.0}
        self._quiet_since = 0.0
        self._settling: dict[int, str] = {}  # orders of sent settlements by message id
        self._last_start: tuple[int, str] = (-1, "")

    # -- for the client

    def drain(self) -> list[bytes]:
        """Return what is to be written now."""
        out, self._out = self._out, []
        return [] if "mute" in self.faults else out

    def connected(self, now: float) -> None:
        self.up, self._dark, self.drop_for = True, False, None
        self._unanswered = 0
        self._quiet_since = now
        self._out.append(self.spec.iccid.encode())
        self._due = {"heartbeat": now, "clock": now}
        self.records.rewind(now)

    def disconnected(self) -> None:
        self.up = self.known = False
        self._out.clear()
        self._settling.clear()

    def receive(self, frame: Frame, now: float) -> None:
        """Act on one frame from the platform."""
        self.stats.received += 1
        self._quiet_since = now
        if frame.pile_code != self.spec.code:
            return
        try:
            message = decode(frame, from_device=False)
        except DnyError:
            return
        handler = self._HANDLERS.get(message.command)
        if handler is not None:
            handler(self, message.fields, frame.message_id, now)
        elif message.command in (0x83, 0x84, 0x86, 0x88, 0x8D):
            self._send(message.command, {"result": 0}, frame.message_id)

    def tick(self, now: float) -> None:
        """Let time pass: power flows, and everything that is due is sent."""
        seconds = now - self._last_tick if self._last_tick is not None else 0.0
        self._last_tick = now
        if not self._dark:
            for port in self.ports.values():
                self._advance(port, seconds, now)
        if not self.up:
            return
        if now >= self._due["clock"]:
            self._due["clock"] = now + self.timing.heartbeat_s  # until it is answered
            self._send(0x22, {})
        if now >= self._due["heartbeat"]:
            self._beat(now)
        for record in self.records.take_due(now, self.timing):
            self._send_record(record)
        if now - self._quiet_since >= self.timing.link_s:
            self._quiet_since = now
            self._out.append(b"link")

    # -- for people at the box

    def plug(self, number: int, bike: Bike) -> None:
        self.ports[number].bike = bike

    def unplug(self, number: int, now: float) -> None:
        """Pull the plug: a running charge ends at once with its settlement."""
        port = self.ports[number]
        if port.session:
            self._finish(port, ports.STOP_UNPLUGGED, now)
        port.bike = None

    def stop_by_hand(self, number: int, now: float) -> None:
        """The stop button of the box."""
        if self.ports[number].session:
            self._finish(self.ports[number], ports.STOP_OUTSIDE, now)

    def break_down(self, number: int, code: int, now: float) -> None:
        """Set a port fault (a wire state); 0 mends the port. A running charge is aborted."""
        port = self.ports[number]
        port.fault_code = code
        if code and port.session:
            self._finish(port, 0x0F, now)
        if self.up:
            self._beat(now)

    def cut_power(self, now: float) -> None:
        """Mains gone: the box has time for one word; its charges stand still until it is back."""
        self._send(0x42, {"kind": 1, "port": 0, "trigger": 0})
        self._dark, self._registered = True, False
        self.drop_for = self.timing.reconnect_s

    # -- sending

    def _send(self, command: int, fields: dict[str, Any], message_id: int | None = None) -> None:
        if self.up:
            self._emit(encode(self.spec.code, self._id(message_id), command, fields, from_device=True))

    def _emit(self, raw: bytes) -> None:
        self.stats.sent += 1
        self._quiet_since = self._last_tick or self._quiet_since
        self._out.append(raw)

    def _id(self, message_id: int | None) -> int:
        if message_id is not None:
            return message_id
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def _beat(self, now: float) -> None:
        """Register until somebody answers, then heartbeats; after two without an answer the link is given up."""
        self._due["heartbeat"] = now + self.timing.heartbeat_s
        if self._unanswered >= self.timing.missed_heartbeats and "mute" not in self.faults:
            self.drop_for = 0.0
            return
        if not self._registered:
            self._register()
        self._unanswered += 1
        self.stats.heartbeats += 1
        states = [port.wire_state for port in self.ports.values()]
        voltage = Decimal(self.rng.randrange(2170, 2230)).scaleb(-1)
        self._send(
            0x21, {"voltage": voltage, "ports": len(states), "states": states, "rssi": 0, "temperature": 28}
        )

    def _register(self) -> None:
        fields = {"firmware": self.spec.firmware, "ports": len(self.ports), "virtual_id": 0}
        self._send(0x20, {**fields, "device_kind": 0x20, "mode": 0, "power_board": 0})

    def _send_record(self, record: StoredRecord) -> None:
        self.stats.records_sent += 1
        sent_at = int(self._clock().timestamp()).to_bytes(4, "little")
        self._emit(build_frame(self.spec.code, self._id(None), 0x03, record.body + sent_at))
        self._settling[self._message_id] = record.trade_no

    # -- the charge

    def _advance(self, port: Port, seconds: float, now: float) -> None:
        session = port.session
        if session is None:
            return
        if not session.running:
            if now < session.begins_at:
                return
            session.running = True
            session.sample_due = now + self.timing.sample_s
            self.stats.charges_started += 1
            seconds = 0.0
        if self._struck(port, session, now):
            return
        session.advance(port.bike, seconds, self.spec.speed, self.rng)
        reason = session.reason_to_stop(port.bike)
        if reason is not None:
            self._finish(port, reason, now)
        elif now >= session.sample_due:
            session.sample_due = now + self.timing.sample_s
            self._send(0x06, port.power_fields(self.rng))

    def _struck(self, port: Port, session: Session, now: float) -> bool:
        """The misbehaviours of a charge, each once; True when the charge is over or stands still."""
        if session.dropped:
            return False
        lasted = session.duration_s
        for name in ("drop_link", "unplug", "overload", "power_cut", "fault_in_charge"):
            delay = self.faults.get(name)
            if delay is None or lasted < delay:
                continue
            session.dropped = True
            if name == "drop_link":
                self.drop_for = self.timing.reconnect_s
            elif name == "overload":
                port.bike.heater_w = HEATER_W
            elif name == "unplug":
                self.unplug(port.number, now)
            elif name == "power_cut":
                self.cut_power(now)
            else:
                self.break_down(port.number, RELAY_OR_FUSE, now)
            return name not in ("drop_link", "overload")
        return False

    def _finish(self, port: Port, reason: int, now: float) -> None:
        session = port.session
        if session.running:
            self.stats.charges_ended += 1
        fields = port.settlement_fields(reason)
        port.session = None
        if port.bike:
            port.bike.heater_w = 0.0
        if "no_record" not in self.faults:
            body = encode(self.spec.code, 0, 0x03, fields, from_device=True)[12:-2]
            self.records.add(fields["order"], body, not_before=now + self.timing.settle_delay_s)

    # -- what the platform says

    def _on_heartbeat_reply(self, fields: dict, message_id: int, now: float) -> None:
        self._unanswered = 0
        self.stats.heartbeats_answered += 1
        if fields["result"]:
            self.stats.refusals += 1
        elif not self.known:
            self.known = True
            self.stats.logins += 1

    def _on_register_reply(self, fields: dict, message_id: int, now: float) -> None:
        self._registered = not fields["result"]

    def _on_time(self, fields: dict, message_id: int, now: float) -> None:
        self._due["clock"] = now + self.timing.clock_s

    def _on_settled(self, fields: dict, message_id: int, now: float) -> None:
        order = self._settling.pop(message_id, None)
        record = self.records.confirm(order) if order else None
        if record is None:
            return
        self.stats.records_acknowledged += 1
        for _ in range(int(self.faults.get("resend_record") or 0)):
            self._send_record(record)

    def _on_read_state(self, fields: dict, message_id: int, now: float) -> None:
        self._register()
        self._beat(now)

    def _on_charge(self, fields: dict, message_id: int, now: float) -> None:
        if fields["action"] and "never_answer_start" in self.faults:
            return
        number, result, waiting = self._choose(fields["port"])
        if not result:
            port = self.ports[number]
            result = (
                self._start(port, fields, message_id, now)
                if fields["action"]
                else self._stop(port, fields, now)
            )
        self._send(
            0x82,
            {
                "result": result,
                "order": fields["order"],
                "port": number - 1 if number else fields["port"],
                "waiting_ports": waiting,
            },
            message_id,
        )

    def _choose(self, wire_port: int) -> tuple[int, int, int]:
        """(port number, result, waiting ports): which port a command means."""
        if wire_port != ALL_PORTS:
            return (wire_port + 1, 0, 0) if wire_port + 1 in self.ports else (0, 4, 0)
        waiting = [port.number for port in self.ports.values() if port.wire_state == ports.PLUGGED]
        if len(waiting) == 1:
            return waiting[0], 0, 0
        return 0, 5 if waiting else 1, sum(1 << (number - 1) for number in waiting)

    def _start(self, port: Port, fields: dict, message_id: int, now: float) -> int:
        if self._last_start == (message_id, fields["order"]) and port.session:
            return 0  # the same command again: its answer got lost
        rejection = self.faults.get("reject_start")
        if rejection is not None:
            return int(rejection)
        if port.session:
            return 2
        if port.fault_code:
            return 8
        if port.bike is None:
            return 1
        delay = self.faults.get("late_start")
        port.session = Session(
            fields["order"],
            now + (self.timing.start_delay_s if delay is None else delay),
            mode=fields["rate_mode"],
            amount=fields["amount"],
            max_time=fields.get("max_time") or self.max_time,
            overload_w=float(fields.get("overload") or self.overload_w),
        )
        self._last_start = (message_id, fields["order"])
        return 0

    def _stop(self, port: Port, fields: dict, now: float) -> int:
        if port.session is None or port.session.order != fields["order"]:
            return 2
        self._finish(port, ports.STOP_PLATFORM, now)
        return 0

    def _on_change(self, fields: dict, message_id: int, now: float) -> None:
        port = self.ports.get(fields["port"] + 1)
        result = 3 if port is None or fields["rate_mode"] > 2 else 0
        if not result and port.session is None:
            result = 1
        if not result:
            port.session.mode, port.session.amount = fields["rate_mode"], fields["amount"]
        self._send(0x8A, {"result": result}, message_id)

    def _on_limits(self, fields: dict, message_id: int, now: float) -> None:
        fits = fields["overload"] <= MOST_OVERLOAD
        if fits:
            self.max_time, self.overload_w = fields["max_time"], float(fields["overload"])
        self._send(0x85, {"result": 0 if fits else 1}, message_id)

    def _on_read_limits(self, fields: dict, message_id: int, now: float) -> None:
        limits = {"max_time": self.max_time, "overload": ports.watts(self.overload_w)}
        self._send(0x92, limits, message_id)

    def _on_reboot(self, fields: dict, message_id: int, now: float) -> None:
        self._send(0x87, {"result": 0}, message_id)
        self._registered = False
        self.drop_for = self.timing.reconnect_s

    _HANDLERS = {
        0x03: _on_settled,
        0x20: _on_register_reply,
        0x21: _on_heartbeat_reply,
        0x22: _on_time,
        0x81: _on_read_state,
        0x82: _on_charge,
        0x85: _on_limits,
        0x87: _on_reboot,
        0x8A: _on_change,
        0x92: _on_read_limits,
    }
