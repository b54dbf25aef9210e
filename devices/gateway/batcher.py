"""Natural group commit: items wait only while the batch before them is being stored."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError

logger = logging.getLogger(__name__)

T = TypeVar("T")
RETRIES = 5
BUSY = 50
AWAY = (OperationalError, InterfaceError)  # the database, not the item, is the trouble
ASK_AGAIN_S = 1.0

Waiting = list[tuple[T, "asyncio.Future[None] | None"]]


class Batcher(Generic[T]):
    """Stores items in batches, in order, off the event loop.

    A batch holds everything that came while the one before was being stored, so an idle gateway stores at once
    and a busy one in large batches. While the database is away, items that nobody waits for stay in line, the
    oldest dropped beyond `limit`; who waits is told after some tries. A batch that fails for another reason is
    tried item by item, so that one bad item cannot lose the others.

    Args:
        store: coroutine function that stores one batch and returns after its commit.
        linger_s: how long to wait for company before the first batch starts.
        busy_linger_s: the same between batches of `BUSY` items and more, while nobody waits for an answer: under load
            many samples of one order then cost as much as one.
        limit: how many items may wait.

    Attributes:
        dropped: items lost: too many in line, or refused by the database.
        away_since: running time (`loop.time()`) since which the database takes nothing, or None.
    """

    def __init__(
        self,
        name: str,
        store: Callable[[Sequence[T]], Awaitable[None]],
        *,
        linger_s: float = 0.0,
        busy_linger_s: float = 0.0,
        limit: int = 50_000,
        largest: int = 1_000,
    ):
        self.name = name
        self.dropped = 0
        self.away_since: float | None = None
        self._store = store
        self._linger_s = linger_s
        self._busy_linger_s = busy_linger_s
        self._asked = asyncio.Event()
        self._flushes = 0
        self._limit = limit
        self._largest = largest
        self._waiting: Waiting = []
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: T) -> None:
        """Store an item some time soon; nobody waits for it."""
        self._waiting.append((item, None))
        if len(self._waiting) > self._limit:
            self._drop_oldest()
        if len(self._waiting) >= self._largest:
            self._asked.set()
        self._start()

    async def add(self, item: T) -> None:
        """Store an item and return once it is committed; raises what kept it from being stored."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._asked.set()
        self._start()
        await future

    async def flush(self) -> None:
        """Return once everything that is waiting now has been stored (or given up)."""
        self._flushes += 1
        try:
            while self._task is not None and not self._task.done():
                self._asked.set()
                await asyncio.shield(self._task)
        finally:
            self._flushes -= 1

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"batcher-{self.name}")

    async def _run(self) -> None:
        if self._linger_s:
            await asyncio.sleep(self._linger_s)
        while self._waiting:
            batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
            await self._store_batch(batch)
            if self._busy_linger_s and len(batch) >= BUSY:
                await self._gather()

    async def _gather(self) -> None:
        asked = self._flushes or any(future is not None for _item, future in self._waiting)
        if asked or len(self._waiting) >= self._largest:
            return
        self._asked.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._asked.wait(), self._busy_linger_s)

    async def _store_batch(self, batch: Waiting) -> None:
        # While it is known to be away one try is enough: somebody may be waiting behind this batch.
        error = await self._try([item for item, _ in batch], RETRIES if self.away_since is None else 1)
        if isinstance(error, AWAY):
            await self._wait_for_the_database(batch, error)
            return
        if self.away_since is not None:
            away_s = asyncio.get_running_loop().time() - self.away_since
            logger.warning("%s: the database is back after %.1f s, %d wait", self.name, away_s, len(self))
            self.away_since = None
        if error is None or len(batch) == 1:
            self.dropped += error is not None
            for _item, future in batch:
                _resolve(future, error)
            return
        kept: Waiting = []
        for item, future in batch:
            failure = await self._try([item], RETRIES)
            if isinstance(failure, AWAY) and future is None:
                kept.append((item, None))
                continue
            self.dropped += failure is not None
            _resolve(future, failure)
        self._waiting = kept + self._waiting

    async def _wait_for_the_database(self, batch: Waiting, error: Exception) -> None:
        line = batch + self._waiting
        for _item, future in line:
            _resolve(future, error)
        self._waiting = [pair for pair in line if pair[1] is None]
        while len(self._waiting) > self._limit and self._drop_oldest():
            pass
        if self.away_since is None:
            self.away_since = asyncio.get_running_loop().time()
        await asyncio.sleep(ASK_AGAIN_S)

    def _drop_oldest(self) -> bool:
        for index, (_item, future) in enumerate(self._waiting):
            if future is None:
                del self._waiting[index]
                self.dropped += 1
                return True
        return False

    async def _try(self, items: list[T], tries: int) -> Exception | None:
        for attempt in range(tries):
            try:
                await self._store(items)
                return None
            except AWAY as error:
                failure: Exception = error
                if attempt + 1 < tries:
                    await asyncio.sleep(min(0.05 * 2**attempt, 1.0))
            except Exception as error:
                failure = error
                break
        logger.error("%s: %d items not stored: %r", self.name, len(items), failure)
        return failure


def _resolve(future: "asyncio.Future[None] | None", error: Exception | None) -> None:
    if future is None or future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
