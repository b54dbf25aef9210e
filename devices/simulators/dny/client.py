"""The modem of a simulated e-bike box: dials, reads, writes, comes back when the link is lost."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from devices.protocols.dny.codec import Frame, Splitter
from devices.simulators.dny.bike import Bike
from devices.simulators.dny.logic import SHORT_CIRCUIT, BoxLogic, BoxSpec
from devices.simulators.dny.timing import DnyTiming
from devices.simulators.faults import DNY, Faults
from devices.simulators.stats import Stats
from devices.simulators.ykc.records import RecordMemory
from devices.simulators.ykc.wire import Wire


def utc_now() -> datetime:
    return datetime.now(UTC)


class DnyBox:
    """One e-bike box on its own TCP connection. `await run()` until `close()`; `faults` may change meanwhile."""

    dc = False

    def __init__(
        self,
        code: str,
        *,
        host: str = "127.0.0.1",
        port: int = 8768,
        connectors: int = 10,
        overload_w: float = 800.0,
        speed: float = 1.0,
        timing: DnyTiming | None = None,
        faults: Iterable[str] = (),
        clock: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
        records_path: Path | None = None,
    ) -> None:
        self.code = code
        self.faults = Faults(DNY, faults)
        self.timing = timing or DnyTiming()
        self._rng = rng or random.Random()
        self.logic = BoxLogic(
            BoxSpec(code, connectors, overload_w, speed),
            timing=self.timing,
            faults=self.faults,
            clock=clock,
            rng=self._rng,
            records=RecordMemory(records_path),
        )
        self._host, self._port = host, port
        self._wire = Wire(self.faults, self._rng)
        self._writer: asyncio.StreamWriter | None = None
        self._closed = asyncio.Event()
        self._away_s = 0.0
        self._on_purpose = False

    @property
    def stats(self) -> Stats:
        return self.logic.stats

    @property
    def online(self) -> bool:
        """The platform knows the box."""
        return self.logic.known

    @property
    def connector_numbers(self) -> list[int]:
        return list(self.logic.ports)

    def state(self, number: int) -> str:
        """One of idle, plugged, starting, charging, fault."""
        return self.logic.ports[number].state

    def plug(self, number: int, bike: object | None = None) -> None:
        """Plug a bike in; what is no bike (a fleet sends cars) stands for the next one that comes."""
        self.logic.plug(number, bike if isinstance(bike, Bike) else Bike.arriving(self._rng))
        self._flush()

    def unplug(self, number: int) -> None:
        self.logic.unplug(number, self._now())
        self._flush()

    def stop_by_hand(self, number: int) -> None:
        self.logic.stop_by_hand(number, self._now())
        self._flush()

    def break_down(self, number: int, bits: int = SHORT_CIRCUIT) -> None:
        """Set a port fault: `bits` is a wire state, 0 mends the port, 1 stands for a short circuit."""
        self.logic.break_down(number, SHORT_CIRCUIT if bits == 1 else bits, self._now())
        self._flush()

    def drop_link(self, away_s: float | None = None) -> None:
        """Cut the link without a word and stay away for `away_s` seconds."""
        self._hang_up(self.timing.reconnect_s if away_s is None else away_s)

    async def wait_until(self, condition: Callable[[], object], timeout: float = 5.0) -> None:
        """Return when `condition()` holds; raises `TimeoutError`."""
        async with asyncio.timeout(timeout):
            while not condition():
                await asyncio.sleep(min(0.05, self.timing.tick_s))

    async def close(self) -> None:
        """End `run` and hang up."""
        self._closed.set()
        if self._writer:
            self._on_purpose = True
            self._writer.close()

    async def run(self) -> None:
        """Hold the link until `close`; a lost link is dialled again with growing patience."""
        ticker = asyncio.create_task(self._tick_on())
        patience = self.timing.reconnect_s
        try:
            while not self._closed.is_set():
                logins = self.stats.logins
                if not await self._connect_once():
                    self.stats.connect_failures += 1
                    self._away_s = patience
                if self.stats.logins > logins:
                    patience = self.timing.reconnect_s
                else:
                    patience = min(self.timing.reconnect_max_s, patience * 1.6)
                away, self._away_s = self._away_s, 0.0
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), away * self._rng.uniform(0.9, 1.1))
        finally:
            ticker.cancel()
            if self._writer:
                self._writer.close()

    async def _connect_once(self) -> bool:
        try:
            reader, self._writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            return False
        self.stats.connects += 1
        self._on_purpose = False
        splitter = Splitter()
        try:
            self.logic.connected(self._now())
            self._flush()
            while data := await reader.read(4096):
                for item in splitter.feed(data):
                    if isinstance(item, Frame):
                        self.logic.receive(item, self._now())
                self._flush()
        except OSError:
            pass
        finally:
            if not self._on_purpose and not self._closed.is_set():
                self.stats.drops += 1
                self._away_s = self._away_s or self.timing.reconnect_s
            self.logic.disconnected()
            self._wire.reset()
            writer, self._writer = self._writer, None
            if writer:
                writer.close()
        return True

    async def _tick_on(self) -> None:
        await asyncio.sleep(self._rng.random() * self.timing.tick_s)
        while True:
            self.logic.tick(self._now())
            self._flush()
            if self._writer and (held := self._wire.release()):
                self._writer.write(held[0])
            await asyncio.sleep(self.timing.tick_s)

    def _flush(self) -> None:
        pieces = self.logic.drain()
        if self._writer and not self._writer.is_closing():
            for chunk in self._wire.chunks(pieces) if pieces else []:
                self._writer.write(chunk)
            if self.logic.drop_for is not None:
                self._hang_up(self.logic.drop_for)

    def _hang_up(self, away_s: float) -> None:
        self.logic.drop_for = None
        self._away_s = away_s
        self._on_purpose = True
        if self._writer:
            self._writer.close()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
