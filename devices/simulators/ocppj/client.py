"""A simulated OCPP pile: dials with HTTP Basic, boots, charges, keeps transaction messages until answered."""

import asyncio
import base64
import contextlib
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ocpp.exceptions import OCPPError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from devices.simulators.battery import Car, Meter
from devices.simulators.faults import Faults
from devices.simulators.ocppj.charge import Charging
from devices.simulators.ocppj.connector import Connector
from devices.simulators.ocppj.link import parse_time
from devices.simulators.ocppj.memory import StopMemory
from devices.simulators.ocppj.outbox import Outbox, Outgoing
from devices.simulators.ocppj.timing import OcppTiming
from devices.simulators.ocppj.upkeep import Upkeep
from devices.simulators.stats import Stats


def utc_now() -> datetime:
    return datetime.now(UTC)


class OcppPile(Upkeep, Charging):
    """One OCPP pile on its own WebSocket; each version says how it words its messages.

    `await run()` until `close()`; `faults` may be set and cleared meanwhile. `url` is the address before the code,
    for example `ws://127.0.0.1:8000/ocpp`.
    """

    SUBPROTOCOL: str
    FAULTS: dict[str, tuple[float, str]]

    def __init__(
        self,
        code: str,
        *,
        password: str = "",
        url: str = "ws://127.0.0.1:8000/ocpp",
        connectors: int = 1,
        rated_kw: float = 60.0,
        dc: bool = True,
        speed: float = 1.0,
        timing: OcppTiming | None = None,
        faults: Iterable[str] = (),
        clock: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
        meter_kwh: float | None = None,
        records_path: Path | None = None,
    ) -> None:
        self.code = code
        self.rated_kw, self.dc, self.speed = rated_kw, dc, speed
        self.timing = timing or OcppTiming()
        self.faults = Faults(self.FAULTS, faults)
        self.stats = Stats()
        self.booted = False
        self.outbox = Outbox()
        self.rng = rng or random.Random()
        self.memory = StopMemory(records_path)
        self.connectors = {
            number: Connector(
                number, Meter(self.rng.uniform(500, 90_000) if meter_kwh is None else meter_kwh)
            )
            for number in range(1, connectors + 1)
        }
        self.set_up()
        self.configuration = self.first_configuration()
        self._url = f"{url.rstrip('/')}/{quote(code)}"
        secret = base64.b64encode(f"{code}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {secret}"} if password else {}
        self._clock = clock
        self._clock_offset = timedelta(0)
        self._connection = None
        self._closed = asyncio.Event()
        self._wake = asyncio.Event()
        self._away_s = 0.0
        self._on_purpose = False
        self._heartbeat_s = self.timing.heartbeat_s or 60.0
        self._heartbeat_due = 0.0
        self._ever_booted = False
        self.resume()

    @property
    def online(self) -> bool:
        """Booted and accepted on a living link."""
        return self.booted

    @property
    def connector_numbers(self) -> list[int]:
        return list(self.connectors)

    def state(self, number: int) -> str:
        """One of idle, plugged, starting, charging, fault."""
        return self.connectors[number].state

    def wall(self) -> datetime:
        """The pile's own clock."""
        return self._clock() + self._clock_offset + timedelta(seconds=self.faults.get("clock_skew") or 0)

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def plug(self, number: int, car: Car | None = None) -> None:
        """Put a car at a connector; a start that waits for it begins."""
        self.car_arrives(self.connectors[number], car or Car.arriving(self.rng))

    def unplug(self, number: int) -> None:
        self.car_leaves(self.connectors[number])

    def stop_by_hand(self, number: int) -> None:
        self.end(self.connectors[number], "local")

    def drop_link(self, away_s: float | None = None) -> None:
        """Cut the link without a closing handshake and stay away for `away_s` seconds."""
        self._away_s = self.timing.reconnect_s if away_s is None else away_s
        self._on_purpose = True
        self.booted = False
        if self._connection is not None:
            self._connection.transport.abort()

    async def wait_until(self, condition: Callable[[], object], timeout: float = 5.0) -> None:
        """Return when `condition()` holds; raises `TimeoutError`."""
        async with asyncio.timeout(timeout):
            while not condition():
                await asyncio.sleep(min(0.05, self.timing.tick_s))

    async def close(self) -> None:
        """End `run` and hang up."""
        self._closed.set()
        self.stop_working()
        if self._connection is not None:
            self._on_purpose = True
            await self._connection.close()

    async def run(self) -> None:
        """Hold the link until `close`; a lost link is dialled again with growing patience."""
        ticker = asyncio.create_task(self._tick_on())
        patience = self.timing.reconnect_s
        try:
            while not self._closed.is_set():
                boots = self.stats.logins
                try:
                    await self._connect_once()
                except InvalidHandshake:
                    self.stats.refusals += 1
                    self._away_s = patience
                except (OSError, TimeoutError):
                    self.stats.connect_failures += 1
                    self._away_s = patience
                if self.stats.logins > boots:
                    patience = self.timing.reconnect_s
                else:
                    patience = min(self.timing.reconnect_max_s, patience * 1.6)
                away, self._away_s = self._away_s, 0.0
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), away * self.rng.uniform(0.9, 1.1))
        finally:
            ticker.cancel()

    async def _connect_once(self) -> None:
        self._on_purpose = False
        async with connect(
            self._url,
            subprotocols=[Subprotocol(self.SUBPROTOCOL)],
            additional_headers=self._headers,
            compression=None,
            ping_interval=None,
            open_timeout=15,
            close_timeout=2,
            proxy=None,
        ) as connection:
            self._connection = connection
            self.stats.connects += 1
            link = self.link_on(connection)
            talk = asyncio.create_task(self._talk(link))
            try:
                await link.start()
            except ConnectionClosed:
                pass
            finally:
                talk.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await talk
                self._connection = None
                self.booted = False
                self.outbox.link_lost()
                if not self._on_purpose and not self._closed.is_set():
                    self.stats.drops += 1
                    self._away_s = self._away_s or self.timing.reconnect_s

    # -- talking

    def say(self, kind: str, send: Callable) -> None:
        """Queue a message; see `Outbox`."""
        self.outbox.put(kind, send)
        self._wake.set()

    async def _talk(self, link: Any) -> None:
        """Boot, then send what is queued, one call at a time."""
        with contextlib.suppress(ConnectionClosed):
            while not await self._boot(link):
                pass
            while True:
                item = self.outbox.next(self.now())
                if item is None:
                    self._wake.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), max(0.02, self.timing.tick_s))
                    continue
                await self._deliver(link, item)

    async def _deliver(self, link: Any, item: Outgoing) -> None:
        try:
            await item.send(link)
        except TimeoutError:
            if item.kind == "plain":
                self.outbox.done(item)
            self.outbox.retry_at = self.now() + self.timing.retry_s
        except OCPPError:
            item.attempts += 1
            if item.kind == "plain" or item.attempts >= self.timing.attempts:
                self.outbox.done(item)
            else:
                self.outbox.retry_at = self.now() + self.timing.retry_s * item.attempts
        else:
            self.outbox.done(item)

    async def _boot(self, link: Any) -> bool:
        if not ("no_boot" in self.faults and self._ever_booted):
            try:
                answer = await link.call(self.boot_message())
            except (TimeoutError, OCPPError):
                await asyncio.sleep(self.timing.retry_s)
                return False
            if answer.status != "Accepted":
                self.stats.refusals += 1
                await asyncio.sleep(min(answer.interval, self.timing.reconnect_max_s) or self.timing.retry_s)
                return False
            self.beat_every(self.timing.heartbeat_s or answer.interval or 60.0)
            self._set_clock(answer.current_time)
        self.booted = self._ever_booted = True
        self.stats.logins += 1
        self._heartbeat_due = self.now() + self._heartbeat_s * self.rng.random()
        for number in self.status_numbers():
            self.say_status(number)
        size = self.faults.take("oversized_frame")
        if size is not None:
            await link._send(
                '[2,"big","DataTransfer",{"vendorId":"sim","data":"%s"}]' % ("x" * int(size * 1024))
            )
        return True

    async def _heartbeat(self, link: Any) -> None:
        self.stats.heartbeats += 1
        answer = await link.call(self.heartbeat_message())
        self.stats.heartbeats_answered += 1
        self._set_clock(answer.current_time)

    def _set_clock(self, text: str) -> None:
        with contextlib.suppress(ValueError):
            self._clock_offset = parse_time(text) - self._clock()

    async def _tick_on(self) -> None:
        await asyncio.sleep(self.rng.random() * self.timing.tick_s)
        last = self.now()
        while True:
            now = self.now()
            for connector in self.connectors.values():
                self.advance(connector, now - last)
            if self.booted and now >= self._heartbeat_due:
                self._heartbeat_due = now + self._heartbeat_s
                self.say("plain", self._heartbeat)
            last = now
            await asyncio.sleep(self.timing.tick_s)

    def beat_every(self, seconds: float) -> None:
        """Set the heartbeat's period; each version also shows it in its configuration."""
        self._heartbeat_s = seconds
        self._heartbeat_due = min(self._heartbeat_due, self.now() + seconds)

    # -- what each version says in its own words

    def link_on(self, connection: Any) -> Any:
        """The pile's end of a link on an open connection."""
        raise NotImplementedError

    def first_configuration(self) -> dict[str, str]:
        """What the pile is set to when it leaves the factory."""
        raise NotImplementedError

    def boot_message(self) -> Any:
        raise NotImplementedError

    def heartbeat_message(self) -> Any:
        raise NotImplementedError

    def status_numbers(self) -> Iterable[int]:
        """The connectors whose status is told after a boot."""
        raise NotImplementedError

    def say_status(self, number: int) -> None:
        """Queue the status of a connector as of now, if the link is up."""
        raise NotImplementedError
