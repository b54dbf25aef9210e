"""The database pool: bounded threads, connections given back, errors and nested async calls passed through."""

import asyncio
import contextvars
import threading
import time

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection

from kernel.runtime import dbpool
from kernel.runtime.dbpool import database_backlog, in_database, shutdown_database_pool

pytestmark = [pytest.mark.embedded, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _own_pool(settings):
    shutdown_database_pool()
    settings.EV_DB_THREADS = 4
    yield
    shutdown_database_pool()


class _Crowd:
    """Counts how many calls run at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.threads: set[int] = set()
        self.lock = threading.Lock()

    def query(self) -> int:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.threads.add(threading.get_ident())
        try:
            time.sleep(0.01)
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                return cursor.fetchone()[0]
        finally:
            with self.lock:
                self.now -= 1


async def test_asgirefs_default_runs_one_call_at_a_time():
    """The fault: thread-sensitive calls of a whole process share one thread."""
    crowd = _Crowd()

    def query_and_close() -> None:
        crowd.query()
        connection.close()

    await asyncio.gather(*(sync_to_async(query_and_close)() for _ in range(10)))
    assert crowd.most == 1


async def test_calls_run_side_by_side_but_never_above_the_bound():
    crowd = _Crowd()
    answers = await asyncio.gather(*(in_database(crowd.query) for _ in range(100)))
    assert answers == [1] * 100
    assert crowd.most == 4
    assert len(crowd.threads) == 4


async def test_a_connection_is_returned_when_it_is_not_to_be_kept():
    def held() -> bool:
        connection.ensure_connection()
        return connection.connection is not None

    everyone = threading.Barrier(4)

    def left_over() -> bool:
        everyone.wait(10)  # so that each of the four threads answers once
        return connection.connection is not None

    assert await in_database(held)
    kept = connection.settings_dict["CONN_MAX_AGE"] != 0
    # The same four threads answer again: none may hold a connection of its own unless it is meant to be kept.
    assert any(await asyncio.gather(*(in_database(left_over) for _ in range(4)))) is kept


async def test_an_error_reaches_the_caller_and_the_thread_stays_usable():
    def fail() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM nowhere")

    for _ in range(8):
        with pytest.raises(Exception, match="nowhere"):
            await in_database(fail)
    assert await in_database(_Crowd().query) == 1


async def test_an_async_call_from_inside_runs_on_the_callers_loop():
    outer = asyncio.get_running_loop()

    async def which() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert await in_database(async_to_sync(which)) is outer


async def test_context_follows_the_call():
    language = contextvars.ContextVar("language", default="none")
    language.set("zh-hans")
    assert await in_database(language.get) == "zh-hans"


async def test_shutdown_closes_what_the_threads_held_and_a_later_call_starts_anew():
    await asyncio.gather(*(in_database(_Crowd().query) for _ in range(8)))
    held = list(dbpool._open_connections)
    shutdown_database_pool()
    assert all(wrapper.connection is None for wrapper in held)
    assert database_backlog() == 0
    assert await in_database(_Crowd().query) == 1
