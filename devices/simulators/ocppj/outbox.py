"""What an OCPP pile still has to say, in order. Transaction messages outlive the link, the rest dies with it."""

import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MAX_VALUES = 300  # meter values kept while offline


@dataclass(slots=True, eq=False)
class Outgoing:
    """One message: `send` performs the call on the link it is given. `kind` is start, values, stop or plain."""

    kind: str
    send: Callable[..., Awaitable[None]]
    order: int = 0
    attempts: int = 0


class Outbox:
    """Two queues read as one: the oldest message first, but a transaction message under retry lets others pass."""

    def __init__(self) -> None:
        self._order = itertools.count()
        self._plain: deque[Outgoing] = deque()
        self._lasting: deque[Outgoing] = deque()
        self.retry_at = 0.0

    def __len__(self) -> int:
        return len(self._plain) + len(self._lasting)

    @property
    def lasting(self) -> int:
        """Number of transaction messages not yet answered."""
        return len(self._lasting)

    def put(self, kind: str, send: Callable[..., Awaitable[None]]) -> None:
        if kind == "values" and sum(item.kind == "values" for item in self._lasting) >= MAX_VALUES:
            return
        item = Outgoing(kind, send, next(self._order))
        (self._plain if kind == "plain" else self._lasting).append(item)

    def next(self, now: float) -> Outgoing | None:
        """Return the message to send now; it stays until `done`."""
        heads = [self._plain[0]] if self._plain else []
        if self._lasting and now >= self.retry_at:
            heads.append(self._lasting[0])
        return min(heads, key=lambda item: item.order, default=None)

    def done(self, item: Outgoing) -> None:
        queue = self._plain if item.kind == "plain" else self._lasting
        if queue and queue[0] is item:
            queue.popleft()

    def link_lost(self) -> None:
        self._plain.clear()
        self.retry_at = 0.0
