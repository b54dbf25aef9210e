"""The in-memory channel layer of the embedded default, safe to call from any thread.

Channels' own in-memory layer puts messages on an `asyncio.Queue` of another thread's loop without waking it: a
message from a Celery thread then waits until that loop happens to turn. Here mailboxes are plain queues under a
lock, and a waiting receiver is woken on its own loop. Expired members are swept now and then, not on every call,
so a group of a thousand sockets stays cheap.

Nothing survives a restart and nothing leaves the process: whatever must arrive is a row in the database, and the
layer is only the wake-up.
"""

import asyncio
import random
import string
import threading
import time
from collections import deque
from copy import deepcopy

from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer

_SWEEP_EVERY_S = 5.0


class _Mailbox:
    __slots__ = ("messages", "waiters")

    def __init__(self) -> None:
        self.messages: deque[tuple[float, dict]] = deque()  # (expires at, message)
        self.waiters: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future]] = deque()


def _set(future: asyncio.Future) -> None:
    if not future.done():
        future.set_result(None)


class ThreadSafeInMemoryChannelLayer(BaseChannelLayer):
    """Channel layer of one process; every method may be awaited on any loop in any thread.

    `send` raises ChannelFull at the capacity; `group_send` drops for that one channel and counts it in `dropped`.
    """

    extensions = ["groups", "flush"]

    def __init__(self, expiry=60, group_expiry=86400, capacity=100, channel_capacity=None, **kwargs):
        super().__init__(expiry=expiry, capacity=capacity, channel_capacity=channel_capacity, **kwargs)
        self.channel_capacity = self.compile_capacities(self.channel_capacity)
        self.group_expiry = group_expiry
        self.dropped = 0
        self._lock = threading.Lock()
        self._mailboxes: dict[str, _Mailbox] = {}
        self._groups: dict[str, dict[str, float]] = {}  # group -> channel -> joined at
        self._next_sweep = time.monotonic() + _SWEEP_EVERY_S

    async def send(self, channel: str, message: dict) -> None:
        assert isinstance(message, dict), "message is not a dict"
        assert "__asgi_channel__" not in message
        self.require_valid_channel_name(channel)
        with self._lock:
            self._put(channel, deepcopy(message))

    async def receive(self, channel: str) -> dict:
        self.require_valid_channel_name(channel)
        loop = asyncio.get_running_loop()
        while True:
            with self._lock:
                self._sweep()
                mailbox = self._mailboxes.setdefault(channel, _Mailbox())
                if mailbox.messages:
                    _expires, message = mailbox.messages.popleft()
                    self._forget_if_idle(channel, mailbox)
                    return message
                turn = (loop, loop.create_future())
                mailbox.waiters.append(turn)
            try:
                await turn[1]
            except BaseException:
                # Cancelled after being woken: the message is still there, so wake the next one for it.
                with self._lock:
                    if turn in mailbox.waiters:
                        mailbox.waiters.remove(turn)
                    elif mailbox.messages:
                        self._wake(mailbox)
                    self._forget_if_idle(channel, mailbox)
                raise

    async def new_channel(self, prefix: str = "specific.") -> str:
        return f"{prefix}.inmemory!{''.join(random.choices(string.ascii_letters, k=12))}"

    async def group_add(self, group: str, channel: str) -> None:
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._lock:
            self._groups.setdefault(group, {})[channel] = time.time()

    async def group_discard(self, group: str, channel: str) -> None:
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._lock:
            members = self._groups.get(group)
            if members is not None:
                members.pop(channel, None)
                if not members:
                    del self._groups[group]

    async def group_send(self, group: str, message: dict) -> None:
        assert isinstance(message, dict), "message is not a dict"
        self.require_valid_group_name(group)
        with self._lock:
            self._sweep()
            for channel in list(self._groups.get(group, ())):
                try:
                    self._put(channel, deepcopy(message))
                except ChannelFull:
                    self.dropped += 1

    async def flush(self) -> None:
        with self._lock:
            self._mailboxes.clear()
            self._groups.clear()

    async def close(self) -> None:
        """Nothing to close; part of the layer's interface."""

    # Everything below runs under the lock.

    def _put(self, channel: str, message: dict) -> None:
        mailbox = self._mailboxes.setdefault(channel, _Mailbox())
        if len(mailbox.messages) >= self.get_capacity(channel):
            raise ChannelFull(channel)
        mailbox.messages.append((time.time() + self.expiry, message))
        self._wake(mailbox)

    def _wake(self, mailbox: _Mailbox) -> None:
        while mailbox.waiters:
            loop, future = mailbox.waiters.popleft()
            try:
                loop.call_soon_threadsafe(_set, future)
            except RuntimeError:  # that loop is closed: its receiver is gone
                continue
            return

    def _forget_if_idle(self, channel: str, mailbox: _Mailbox) -> None:
        if not mailbox.messages and not mailbox.waiters and self._mailboxes.get(channel) is mailbox:
            del self._mailboxes[channel]

    def _sweep(self) -> None:
        """Drop expired messages, with their channel's memberships, and memberships past `group_expiry`."""
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + _SWEEP_EVERY_S
        now = time.time()
        expired: set[str] = set()
        for channel, mailbox in list(self._mailboxes.items()):
            while mailbox.messages and mailbox.messages[0][0] < now:
                mailbox.messages.popleft()
                expired.add(channel)
            self._forget_if_idle(channel, mailbox)
        for group, members in list(self._groups.items()):
            for channel, joined in list(members.items()):
                if channel in expired or joined < now - self.group_expiry:
                    del members[channel]
            if not members:
                del self._groups[group]
