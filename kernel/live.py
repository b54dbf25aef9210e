"""Live pushes to open pages and apps: a small message to a group, after commit, best effort.

A push says «look again», never what to see, so the same message to the same group twice within moments is one:
the first leaves at once, the last of a burst after the interval.
"""

import asyncio
import logging
import weakref
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from asgiref.sync import SyncToAsync, async_to_sync
from channels.layers import get_channel_layer
from channels_redis.core import RedisChannelLayer
from django.db import transaction

logger = logging.getLogger(__name__)
_muted: ContextVar[bool] = ContextVar("muted_pushes", default=False)

SAME_AGAIN_AFTER_S = 0.5
_WITH_MEMBERS = """
local found = {}
for place, key in ipairs(KEYS) do
    if redis.call('EXISTS', key) == 1 then found[#found + 1] = place end
end
return found
"""

Push = tuple[str, dict[str, Any]]


@contextmanager
def muted() -> Iterator[None]:
    """No pushes from this thread or task within the block: for writing a past that nobody watches."""
    token = _muted.set(True)
    try:
        yield
    finally:
        _muted.reset(token)


def broadcast(group: str, message_type: str, **data: Any) -> None:
    """Send `{"type": message_type, **data}` to a group once the current transaction has committed.

    Never raises: a page that missed a push reads again by itself.
    """
    broadcast_all([(group, {"type": message_type, **data})])


def broadcast_all(messages: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """`broadcast` for several (group, message) pairs at once: one event loop and one connection for all."""
    batch = [(group, dict(message)) for group, message in messages]
    if batch and not _muted.get():
        transaction.on_commit(lambda: _send(batch), robust=True)


class Pusher:
    """The pushes of one event loop: nobody waits for them, and repeats are sent once per interval."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = weakref.ref(loop)
        self._sent: dict[str, float] = {}  # key -> when it was sent last
        self._waiting: dict[str, Push] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def put(self, batch: Iterable[Push]) -> None:
        """Send soon; call it on the loop."""
        for group, message in batch:
            key = repr((group, message))
            self._waiting[key] = (group, message)
            if key not in self._sent:
                self._news.set()
        if self._task is None or self._task.done():
            self._task = self._loop().create_task(self._run(), name="live-pushes")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            now = loop.time()
            self._news.clear()
            self._sent = {key: at for key, at in self._sent.items() if at + SAME_AGAIN_AFTER_S > now}
            due = [key for key in self._waiting if key not in self._sent]
            if not due:
                first = min(self._sent[key] for key in self._waiting)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), max(first + SAME_AGAIN_AFTER_S - now, 0.01))
                continue
            batch = [self._waiting.pop(key) for key in due]
            self._sent.update(dict.fromkeys(due, now))
            try:
                await _send_each(batch)
            except Exception:
                _failed(batch)


_PUSHERS: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Pusher]" = weakref.WeakKeyDictionary()


def _send(batch: list[Push]) -> None:
    try:
        # A thread that works for an event loop (device handlers, web requests) hands its pushes over to it.
        loop = getattr(SyncToAsync.threadlocal, "main_event_loop", None)
        if loop is not None and loop.is_running():
            loop.call_soon_threadsafe(_put, loop, batch)
        else:
            async_to_sync(_send_each)(batch)
    except Exception:
        _failed(batch)


def _put(loop: asyncio.AbstractEventLoop, batch: list[Push]) -> None:
    pusher = _PUSHERS.get(loop)
    if pusher is None:
        pusher = _PUSHERS[loop] = Pusher(loop)
    pusher.put(batch)


def _failed(batch: list[Push]) -> None:
    logger.warning("push to %s failed", ", ".join(group for group, _message in batch), exc_info=True)


async def _send_each(batch: list[Push]) -> None:
    layer = get_channel_layer()
    if len(batch) > 1 and isinstance(layer, RedisChannelLayer):
        batch = await _listened_to(layer, batch)
    for group, message in batch:
        await layer.group_send(group, message)


async def _listened_to(layer: RedisChannelLayer, batch: list[Push]) -> list[Push]:
    """The pushes whose groups have members: most pages are closed, and to ask for each costs more than to send."""
    shards: dict[int, list[Push]] = defaultdict(list)
    for push in batch:
        shards[layer.consistent_hash(push[0])].append(push)
    heard: list[Push] = []
    for shard, pushes in shards.items():
        keys = [layer._group_key(group) for group, _message in pushes]
        members = await layer.connection(shard).eval(_WITH_MEMBERS, len(keys), *keys)
        heard += [pushes[place - 1] for place in members]
    return heard
