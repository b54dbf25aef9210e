"""Database work of async code, on a bounded pool of threads of our own.

`sync_to_async` puts all database work of a process on one thread by default, and without a bound one connection
per call on many. Device handlers, WebSocket consumers and pushes use `in_database` instead: at most
`EV_DB_THREADS` calls at once, the rest wait in order.
"""

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import SyncToAsync
from django.conf import settings
from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_executor: ThreadPoolExecutor | None = None
_open_connections: weakref.WeakSet = weakref.WeakSet()


class _DatabaseCall(SyncToAsync):
    """One call; afterwards its connection goes back to the pool (PostgreSQL) or stays with the thread (SQLite)."""

    def thread_handler(self, loop: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().thread_handler(loop, *args, **kwargs)
        finally:
            for connection in connections.all(initialized_only=True):
                connection.close_if_unusable_or_obsolete()
                if connection.connection is not None:
                    _open_connections.add(connection)


def _pool() -> ThreadPoolExecutor:
    global _executor
    if _executor is None:
        with _lock:
            if _executor is None:
                _executor = ThreadPoolExecutor(settings.EV_DB_THREADS, thread_name_prefix="ev-db")
    return _executor


async def in_database(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a synchronous function that uses the database on the bounded pool and return what it returns.

    A function that calls `async_to_sync` inside runs that part on the caller's loop. Cancelling the awaiting task
    does not stop a call that has begun: its transaction ends by itself.
    """
    return await _DatabaseCall(func, thread_sensitive=False, executor=_pool())(*args, **kwargs)


def database_backlog() -> int:
    """Calls that wait for a thread now."""
    return _executor._work_queue.qsize() if _executor is not None else 0


def shutdown_database_pool(*, wait: bool = True) -> None:
    """Finish what has begun, refuse what has not, close the threads' connections; a later call starts a new pool."""
    global _executor
    with _lock:
        executor, _executor = _executor, None
    if executor is None:
        return
    executor.shutdown(wait=wait, cancel_futures=True)
    if wait:
        # In a thread of its own: Django refuses to close a connection on a thread that runs an event loop.
        closer = threading.Thread(target=_close_open_connections, name="ev-db-close")
        closer.start()
        closer.join()


def _close_open_connections() -> None:
    for connection in list(_open_connections):
        connection.inc_thread_sharing()  # its own thread is gone
        connection.close()
    _open_connections.clear()
