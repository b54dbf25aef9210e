"""The socket of a simulated YKC pile: dials, reads, writes, comes back when the link is lost."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from devices.protocols.ykc.codec import Finding, Splitter
from devices.simulators.battery import Car
from devices.simulators.faults import YKC, Faults
from devices.simulators.stats import Stats
from devices.simulators.ykc.logic import YkcLogic
from devices.simulators.ykc.records import RecordMemory
from devices.simulators.ykc.spec import PileSpec
from devices.simulators.ykc.timing import YkcTiming
from devices.simulators.ykc.wire import Wire

_PIECE_GAP_S = 0.004


def utc_now() -> datetime:
    return datetime.now(UTC)


class YkcPile:
    """One YKC pile on its own TCP connection.

    `await run()` until `close()`; `faults` may be set and cleared meanwhile. `clock` returns an aware datetime and
    is what the pile's clock shows until the platform sets it.
    """

    def __init__(
        self,
        code: str,
        *,
        host: str = "127.0.0.1",
        port: int = 8767,
        connectors: int = 1,
        rated_kw: float = 60.0,
        dc: bool = True,
        speed: float = 1.0,
        timing: YkcTiming | None = None,
        faults: Iterable[str] = (),
        clock: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
        records_path: Path | None = None,
        meter_kwh: float | None = None,
    ) -> None:
        self.code = code
        self.faults = Faults(YKC, faults)
        self.timing = timing or YkcTiming()
        self._rng = rng or random.Random()
        self.logic = YkcLogic(
            PileSpec(code, connectors, rated_kw, dc, speed),
            timing=self.timing,
            faults=self.faults,
            clock=clock,
            rng=self._rng,
            records=RecordMemory(records_path),
            meter_kwh=meter_kwh,
        )
        self._host, self._port = host, port
        self._wire = Wire(self.faults, self._rng)
        self._writer: asyncio.StreamWriter | None = None
        self._closed = asyncio.Event()
        self._away_s = 0.0
        self._on_purpose = False
        self._write_at = 0.0

    @property
    def stats(self) -> Stats:
        return self.logic.stats

    @property
    def online(self) -> bool:
        """Logged in and holding a tariff."""
        return self.logic.phase == "ready"

    @property
    def logged_in(self) -> bool:
        return self.logic.phase in ("tariff", "ready")

    @property
    def connector_numbers(self) -> list[int]:
        return list(self.logic.guns)

    def state(self, number: int) -> str:
        """One of idle, plugged, starting, charging, fault."""
        return self.logic.guns[number].state

    def plug(self, number: int, car: Car | None = None) -> None:
        self.logic.plug(number, car or Car.arriving(self._rng), self._now())
        self._flush()

    def unplug(self, number: int) -> None:
        self.logic.unplug(number, self._now())
        self._flush()

    def stop_by_hand(self, number: int) -> None:
        self.logic.stop_by_hand(number, self._now())
        self._flush()

    def break_down(self, number: int, bits: int = 1) -> None:
        self.logic.break_down(number, bits, self._now())
        self._flush()

    def mend(self, number: int) -> None:
        self.break_down(number, 0)

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
                await self._pause(away)
        finally:
            ticker.cancel()
            if self._writer:
                self._writer.close()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), seconds * self._rng.uniform(0.9, 1.1))

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
                for frame in splitter.feed(data):
                    if not isinstance(frame, Finding):
                        self.logic.receive(frame, self._now())
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
        frames = self.logic.drain()
        if self._writer and not self._writer.is_closing():
            self._write(self._wire.chunks(frames) if frames else [])
            if self.logic.drop_for is not None:
                self._hang_up(self.logic.drop_for)

    def _write(self, chunks: list[bytes]) -> None:
        if "split_frames" not in self.faults:
            for chunk in chunks:
                self._writer.write(chunk)
            return
        loop = asyncio.get_running_loop()
        for chunk in chunks:  # apart in time, or the kernel would join the pieces again
            self._write_at = max(self._write_at, loop.time()) + _PIECE_GAP_S
            loop.call_at(self._write_at, self._write_piece, self._writer, chunk)

    @staticmethod
    def _write_piece(writer: asyncio.StreamWriter, chunk: bytes) -> None:
        if not writer.is_closing():
            writer.write(chunk)

    def _hang_up(self, away_s: float) -> None:
        self.logic.drop_for = None
        self._away_s = away_s
        self._on_purpose = True
        if self._writer:
            self._writer.close()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
