"""The socket of a simulated TCP pile: dials, reads, writes, comes back when the link is lost."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Protocol

from devices.simulators.faults import Faults
from devices.simulators.stats import Stats
from devices.simulators.wire import Wire

_PIECE_GAP_S = 0.004


def utc_now() -> datetime:
    return datetime.now(UTC)


class PileTiming(Protocol):
    """The periods that the socket itself needs, in seconds."""

    tick_s: float
    reconnect_s: float
    reconnect_max_s: float


class PileLogic(Protocol):
    """How a pile behaves, without a socket; `now` is running time in seconds."""

    stats: Stats
    drop_for: float | None

    def connected(self, now: float) -> None: ...

    def disconnected(self) -> None: ...

    def receive(self, frame: Any, now: float) -> None: ...

    def tick(self, now: float) -> None: ...

    def drain(self) -> list[bytes]: ...

    def unplug(self, number: int, now: float) -> None: ...

    def stop_by_hand(self, number: int, now: float) -> None: ...


class TcpPile:
    """One pile on its own TCP connection. `await run()` until `close()`; `faults` may change meanwhile.

    A protocol gives its behaviour (`logic`) and cuts the stream (`frames_of`).
    """

    logic: PileLogic

    def __init__(
        self, code: str, *, host: str, port: int, timing: PileTiming, faults: Faults, rng: random.Random
    ) -> None:
        self.code = code
        self.faults = faults
        self.timing = timing
        self._rng = rng
        self._host, self._port = host, port
        self._wire = Wire(faults, rng)
        self._writer: asyncio.StreamWriter | None = None
        self._closed = asyncio.Event()
        self._away_s = 0.0
        self._on_purpose = False
        self._write_at = 0.0

    def frames_of(self) -> Callable[[bytes], Iterable[Any]]:
        """A function for one connection that takes the next bytes and gives the whole frames in them."""
        raise NotImplementedError

    @property
    def stats(self) -> Stats:
        return self.logic.stats

    def unplug(self, number: int) -> None:
        self.logic.unplug(number, self._now())
        self._flush()

    def stop_by_hand(self, number: int) -> None:
        self.logic.stop_by_hand(number, self._now())
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
        frames_of = self.frames_of()
        try:
            self.logic.connected(self._now())
            self._flush()
            while data := await reader.read(4096):
                for frame in frames_of(data):
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
