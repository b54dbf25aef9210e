"""A first-come-first-served turn for the one writer that SQLite has.

SQLite lets a blocked writer sleep and try again, so under load some writers starve until "database is locked".
The gate stands before `BEGIN IMMEDIATE` and hands the turn to the writer that has waited longest. It works inside
one process; between processes SQLite's own busy timeout still applies.
"""

import os
import threading
import time
import weakref
from collections import deque

_SLICE_S = 0.5  # how often the first in the queue looks whether the holder vanished with its thread


class _Ticket:
    __slots__ = ("granted", "holder", "turn")

    def __init__(self, holder: object):
        self.holder = weakref.ref(holder)
        self.turn = threading.Lock()
        self.turn.acquire()
        self.granted = False


class FifoGate:
    """One turn at a time, in the order of asking; the turn of a holder that was garbage-collected is taken back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[_Ticket] = deque()
        self._holder: weakref.ref | None = None

    def acquire(self, holder: object, timeout_s: float) -> bool:
        """Wait for the turn, at most `timeout_s` seconds; False when it did not come."""
        with self._lock:
            if self._holder is None and not self._queue:
                self._holder = weakref.ref(holder)
                return True
            ticket = _Ticket(holder)
            self._queue.append(ticket)
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            if ticket.turn.acquire(timeout=max(0.0, min(left, _SLICE_S))):
                return True
            with self._lock:
                if self._holder is None or self._holder() is None:
                    self._hand_over()
                if ticket.granted:
                    return True
                if left <= 0:
                    self._queue.remove(ticket)
                    return False

    def release(self, holder: object) -> None:
        """Give the turn to the next in the queue; no effect unless `holder` has it."""
        with self._lock:
            if self._holder is not None and self._holder() is holder:
                self._hand_over()

    def waiting(self) -> int:
        """How many writers stand in the queue now."""
        return len(self._queue)

    def _hand_over(self) -> None:
        self._holder = None
        while self._queue:
            ticket = self._queue.popleft()
            if ticket.holder() is not None:
                self._holder = ticket.holder
                ticket.granted = True
                ticket.turn.release()
                return


_gates: dict[str, FifoGate] = {}
_gates_lock = threading.Lock()


def gate_of(database: str) -> FifoGate:
    """The gate of a database file, one per process."""
    with _gates_lock:
        return _gates.setdefault(database, FifoGate())


def gates() -> dict[str, FifoGate]:
    """Every gate of this process, for the metrics."""
    return dict(_gates)


def _forget_after_fork() -> None:
    global _gates_lock
    _gates_lock = threading.Lock()
    _gates.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
