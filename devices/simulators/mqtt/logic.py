"""How an MQTT box behaves, without a broker: messages and time go in, messages come out (docs/protocols/mqtt.md).

`now` is running time in seconds (monotonic). The client around this class owns the link and calls `connected`,
`receive`, `tick`, `disconnected` and `drain`.
"""

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devices.simulators.dny.bike import Bike
from devices.simulators.faults import Faults
from devices.simulators.mqtt.port import Charge, Port
from devices.simulators.mqtt.timing import MqttTiming
from devices.simulators.stats import Stats

HEATER_W = 1_500.0
Message = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """What kind of box: code, password, ports, limit of one port in W, speed of charging."""

    code: str
    password: str
    port_count: int = 10
    overload_w: float = 800.0
    speed: float = 1.0
    firmware: str = "1.0.4"


class BoxLogic:
    """The behaviour of one box. Attributes to look at: `known`, `ports`, `records`, `stats`."""

    def __init__(
        self,
        spec: BoxSpec,
        *,
        timing: MqttTiming,
        faults: Faults,
        clock: Callable[[], datetime],
        rng: random.Random,
    ) -> None:
        self.spec, self.timing, self.faults, self.rng = spec, timing, faults, rng
        self.stats = Stats()
        self.session = ""
        self.connection = ""
        self.drop_for: float | None = None  # the client shall close the link and stay away this long
        self.ports = {number: Port(number) for number in range(1, spec.port_count + 1)}
        self.records: dict[
            str, tuple[dict[str, Any], float]
        ] = {}  # by message id: record, when it is due again
        self.settings: dict[str, Any] = {"volume": 5, "overload_w": spec.overload_w}
        self.available = True
        self._clock = clock
        self._out: list[Message] = []
        self._ids = 0
        self._heartbeat_s = 60.0
        self._heartbeat_due = 0.0
        self._last_tick: float | None = None
        self._answers: dict[int, dict[str, Any]] = {}  # by command: a repeat is done once and answered twice
        self._told: dict[int, str] = {}

    @property
    def known(self) -> bool:
        """The platform has let the box in on this link."""
        return bool(self.session)

    # -- for the client

    def new_connection(self) -> str:
        """Draw what the birth and its last will share."""
        self.connection = secrets.token_hex(4)
        return self.connection

    def connected(self, now: float) -> None:
        self.drop_for = None
        self._birth()

    def disconnected(self) -> None:
        self.session = ""
        self._out.clear()
        self._told.clear()

    def drain(self) -> list[Message]:
        """Return what is to be published now."""
        out, self._out = self._out, []
        return [] if "mute" in self.faults else out

    def receive(self, name: str, body: dict[str, Any], now: float) -> None:
        """Act on one message from the platform."""
        self.stats.received += 1
        if name == "welcome":
            self.session, self._heartbeat_s = body["session"], float(body["heartbeat_s"])
            self._heartbeat_due = now + self._heartbeat_s
            self.stats.logins += 1
            self._tell_states()
            self.records = {key: (record, now) for key, (record, _due) in self.records.items()}
        elif name == "refused":
            self.stats.refusals += 1
            self.drop_for = self.timing.reconnect_max_s
        elif name == "rebirth":
            self._birth()
        elif name == "ack":
            self._acknowledged(body)
        elif "command" in body:
            self._command(name, body, now)

    def tick(self, now: float) -> None:
        """Let time pass: power flows, and everything that is due is said."""
        seconds = now - self._last_tick if self._last_tick is not None else 0.0
        self._last_tick = now
        for port in self.ports.values():
            self._advance(port, seconds, now)
        if not self.known:
            return
        self._tell_states()
        if now >= self._heartbeat_due:
            self._heartbeat_due = now + self._heartbeat_s
            self.stats.heartbeats += 1
            self._say("heartbeat", id=self._id())
        for key, (record, due) in list(self.records.items()):
            if now >= due:
                self.records[key] = (record, now + self.timing.resend_s)
                self.stats.records_sent += 1
                self._say("record", id=key, **record)

    # -- for people at the box

    def plug(self, number: int, bike: Bike) -> None:
        self.ports[number].bike = bike

    def unplug(self, number: int, now: float) -> None:
        """Pull the plug: a running charge ends at once with its record."""
        port = self.ports[number]
        if port.charge:
            self._finish(port, "unplugged", now)
        port.bike = None

    def stop_by_hand(self, number: int, now: float) -> None:
        """The stop key of the box."""
        if self.ports[number].charge:
            self._finish(self.ports[number], "key", now)

    def break_down(self, number: int, fault: str, now: float) -> None:
        """Set a port fault by its word, empty mends the port. A running charge is aborted."""
        port = self.ports[number]
        port.fault = fault
        if fault and port.charge:
            self._finish(port, "fault", now)

    # -- sending

    def _say(self, message: str, /, **body: Any) -> None:
        self.stats.sent += 1
        self._out.append((message, {"session": self.session, **body}))

    def _id(self) -> str:
        self._ids += 1
        return f"{self.connection}-{self._ids}"

    def _at(self) -> str:
        return self._clock().isoformat(timespec="milliseconds")

    def _birth(self) -> None:
        spec = self.spec
        self._told.clear()
        self._out.append(
            (
                "birth",
                {
                    "password": spec.password,
                    "connection": self.connection,
                    "vendor": "Simulated",
                    "model": f"box-{spec.port_count}",
                    "firmware": spec.firmware,
                    "ports": spec.port_count,
                },
            )
        )

    def _tell_states(self) -> None:
        """The ports whose state is another one than was told last."""
        changed = [port for port in self.ports.values() if self._told.get(port.number) != port.word]
        if changed:
            self._told |= {port.number: port.word for port in changed}
            self._say("status", ports=[port.row() for port in changed], at=self._at())

    # -- the charge

    def _advance(self, port: Port, seconds: float, now: float) -> None:
        charge = port.charge
        if charge is None:
            return
        if not charge.running:
            if now < charge.begins_at:
                return
            charge.started_at = self._clock()
            charge.sample_due = now + self.timing.sample_s
            self.stats.charges_started += 1
            self._event(port, "started")
            return
        if charge.resumes_at is not None:
            if now < charge.resumes_at:
                return
            charge.resumes_at, port.bike.heater_w = None, 0.0
            self._event(port, "resumed", charge.paused_by)
            charge.paused_by = ""
        self._strike(port, charge, now)
        if port.charge is None or charge.paused_by:
            return
        charge.advance(port.bike, seconds, self.spec.speed, self.rng)
        if port.bike.power_w > charge.overload_w:
            self._pause(port, "overload", now)
        elif reason := charge.reason_to_stop(port.bike):
            self._finish(port, reason, now)
        elif now >= charge.sample_due and self.known:
            charge.sample_due = now + self.timing.sample_s
            self._say("telemetry", **port.telemetry(self._at(), self.rng))

    def _strike(self, port: Port, charge: Charge, now: float) -> None:
        """The misbehaviours of a charge, each once."""
        for name in ("drop_link", "unplug", "overload", "power_cut", "fault_in_charge"):
            delay = self.faults.get(name)
            if delay is None or name in charge.struck or charge.charged_s < delay:
                continue
            charge.struck.add(name)
            if name == "drop_link":
                self.drop_for = self.timing.reconnect_s
            elif name == "unplug":
                self.unplug(port.number, now)
            elif name == "overload":
                port.bike.heater_w = HEATER_W
            elif name == "power_cut":
                self._pause(port, "power_cut", now)
                self.drop_for = self.timing.pause_s
            else:
                self.break_down(port.number, "fuse_blown", now)
            if port.charge is None:
                return

    def _pause(self, port: Port, reason: str, now: float) -> None:
        port.charge.paused_by, port.charge.resumes_at = reason, now + self.timing.pause_s
        self._event(port, "paused", reason)

    def _event(self, port: Port, event: str, reason: str = "") -> None:
        if not self.known:
            return
        more = {"reason": reason} if reason else {}
        transaction = port.charge.transaction
        self._say("charge", event=event, port=port.number, transaction=transaction, at=self._at(), **more)

    def _finish(self, port: Port, reason: str, now: float) -> None:
        if port.charge.running:
            self.stats.charges_ended += 1
        if "no_record" not in self.faults:
            self.records[self._id()] = (port.record(reason, self._at()), now)
        if self.known and port.charge.running:
            self._event(port, "ended", reason)
        port.charge = None
        if port.bike:
            port.bike.heater_w = 0.0

    def _acknowledged(self, body: dict[str, Any]) -> None:
        if body["of"] == "heartbeat":
            self.stats.heartbeats_answered += 1
        elif body["of"] == "record" and body["ok"] and body["id"] in self.records:
            record, _due = self.records.pop(body["id"])
            self.stats.records_acknowledged += 1
            for _ in range(int(self.faults.get("resend_record") or 0)):
                self._say("record", id=self._id(), **record)

    # -- commands

    def _command(self, name: str, body: dict[str, Any], now: float) -> None:
        number = body["command"]
        if name == "start" and "never_answer_start" in self.faults:
            return
        if number not in self._answers:
            if datetime.fromisoformat(body["expires_at"]) < self._clock():
                answer: dict[str, Any] = {"reason": "expired"}
            else:
                handler = self._COMMANDS.get(name)
                answer = handler(self, body, now) if handler else {"reason": "unsupported"}
            self._answers[number] = {"command": number, "ok": "reason" not in answer, **answer}
        self._say("answer", **self._answers[number])

    def _start(self, body: dict[str, Any], now: float) -> dict[str, Any]:
        port = self.ports.get(body["port"])
        reason = self._why_not(port)
        if reason:
            return {"reason": reason}
        delay = self.faults.get("late_start")
        port.charge = Charge(
            body["transaction"],
            now + (self.timing.start_delay_s if delay is None else delay),
            duration_s=body.get("duration_s"),
            energy_kwh=body.get("energy_kwh"),
            overload_w=body.get("overload_w") or float(self.settings["overload_w"]),
            stop_at_full=body.get("stop_at_full", True),
        )
        return {}

    def _why_not(self, port: Port | None) -> str:
        if "reject_start" in self.faults:
            return "port_fault"
        if port is None:
            return "no_such_port"
        if not self.available:
            return "night"
        if port.charge:
            return "busy"
        if port.fault:
            return "port_fault"
        return "" if port.bike else "not_plugged"

    def _running(self, body: dict[str, Any]) -> Port | None:
        port = self.ports.get(body["port"])
        fits = port and port.charge and port.charge.transaction == body["transaction"]
        return port if fits else None

    def _stop(self, body: dict[str, Any], now: float) -> dict[str, Any]:
        port = self._running(body)
        if port is None:
            return {"reason": "not_charging"}
        self._finish(port, "platform", now)
        return {}

    def _extend(self, body: dict[str, Any], now: float) -> dict[str, Any]:
        port = self._running(body)
        if port is None:
            return {"reason": "not_charging"}
        port.charge.duration_s = body.get("duration_s", port.charge.duration_s)
        port.charge.energy_kwh = body.get("energy_kwh", port.charge.energy_kwh)
        return {}

    def _report(self, body: dict[str, Any], now: float) -> dict[str, Any]:
        self._told.clear()
        self._tell_states()
        return {}

    def _reboot(self, body: dict[str, Any], now: float) -> dict[str, Any]:
        self.drop_for = self.timing.reconnect_s
        return {}

    def _nothing(self, body: dict[str, Any], now: float) -> dict[str, Any]:
        return {}

    def _availability(self, body: dict[str, Any], now: float) -> dict[str, Any]:
        self.available = body["available"]
        return {}

    def _read_config(self, body: dict[str, Any], now: float) -> dict[str, Any]:
        return {"result": self.settings}

    def _config(self, body: dict[str, Any], now: float) -> dict[str, Any]:
        unknown = set(body["settings"]) - set(self.settings)
        if unknown:
            return {"reason": "unsupported"}
        self.settings |= body["settings"]
        return {}

    _COMMANDS = {
        "start": _start,
        "stop": _stop,
        "extend": _extend,
        "report": _report,
        "reboot": _reboot,
        "unlock": _nothing,
        "clock": _nothing,
        "availability": _availability,
        "read_config": _read_config,
        "config": _config,
    }
