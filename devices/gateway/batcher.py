"""Natural group commit: items wait only while the batch before them is being stored."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from django.db import OperationalError

logger = logging.getLogger(__name__)

T = TypeVar("T")
RETRIES = 5


class Batcher(Generic[T]):
    """Stores items in batches, in order, off the event loop.

    A batch holds everything that came while the one before was being stored, so an idle gateway stores at once
    and a busy one in large batches. A batch that fails is retried while the database is away, then item by item,
    so one bad item cannot lose the others.

    Args:
        store: coroutine function that stores one batch and returns after its commit.
        linger_s: how long to wait for company before a batch starts.
        limit: how many items may wait; `put` drops the oldest beyond it, `add` waits for room.
    """

    def __init__(
        self,
        name: str,
        store: Callable[[Sequence[T]], Awaitable[None]],
        *,
        linger_s: float = 0.0,
        limit: int = 50_000,
        largest: int = 1_000,
    ):
        self.name = name
        self.dropped = 0
        self._store = store
        self._linger_s = linger_s
        self._limit = limit
        self._largest = largest
        self._waiting: list[tuple[T, asyncio.Future[None] | None]] = []
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: T) -> None:
        """Store an item some time soon; nobody waits for it."""
        if len(self._waiting) >= self._limit:
            self.dropped += 1
            for index, (_item, future) in enumerate(self._waiting):
                if future is None:
                    del self._waiting[index]
                    break
        self._waiting.append((item, None))
        self._start()

    async def add(self, item: T) -> None:
        """Store an item and return once it is committed; raises what kept it from being stored."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._start()
        await future

    async def flush(self) -> None:
        """Return once everything that is waiting now has been stored (or given up)."""
        while self._task is not None and not self._task.done():
            await asyncio.shield(self._task)

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"batcher-{self.name}")

    async def _run(self) -> None:
        if self._linger_s:
            await asyncio.sleep(self._linger_s)
        while self._waiting:
            batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
            await self._store_batch(batch)

    async def _store_batch(self, batch: list[tuple[T, "asyncio.Future[None] | None"]]) -> None:
        error = await self._try([item for item, _ in batch])
        if error is None or len(batch) == 1:
            for _item, future in batch:
                _resolve(future, error)
            return
        for item, future in batch:
            _resolve(future, await self._try([item]))

    async def _try(self, items: list[T]) -> Exception | None:
        for attempt in range(RETRIES):
            try:
                await self._store(items)
                return None
            except OperationalError as error:
                failure: Exception = error
                await asyncio.sleep(min(0.05 * 2**attempt, 1.0))
            except Exception as error:
                failure = error
                break
        logger.error("%s: %d items not stored: %r", self.name, len(items), failure)
        if len(items) == 1:
            self.dropped += 1
        return failure


def _resolve(future: "asyncio.Future[None] | None", error: Exception | None) -> None:
    if future is None or future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
