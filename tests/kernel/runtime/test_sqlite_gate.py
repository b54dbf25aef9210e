"""SQLite under many writers: nobody is told "database is locked", and everybody gets a turn."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.db import connections, transaction
from django.db.utils import OperationalError

from kernel.runtime.sqlite3.gate import FifoGate, gate_of
from tests.kernel.runtime.sqlite_files import (
    STOCK,
    counts,
    create_tables,
    database,
    write_once,
    write_together,
)

pytestmark = pytest.mark.embedded_only
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _database_access(django_db_blocker):
    with django_db_blocker.unblock():
        yield


def _in_thread(work) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_djangos_own_default_fails_a_writer_that_read_first(tmp_path):
    """The fault: a deferred transaction that read cannot become a writer once another has written."""
    with database(tmp_path / "stock.sqlite3", engine=STOCK, mode=None) as alias:
        create_tables(alias)

        def rival() -> None:
            write_once(alias, 2)
            connections[alias].close()

        cursor = connections[alias].cursor()
        with pytest.raises(OperationalError, match="locked"), transaction.atomic(using=alias):
            cursor.execute("SELECT total FROM orders")
            cursor.fetchone()
            _in_thread(rival)
            cursor.execute("UPDATE orders SET total = total + 1")


def test_200_writers_all_get_their_turn_and_no_error(tmp_path):
    with database(tmp_path / "many.sqlite3") as alias:
        create_tables(alias)
        done, errors, longest_s = write_together(alias, writers=200, seconds=2.0)
        assert errors == []
        assert set(counts(alias)) == {sum(done)}
        # Fair: turns are handed over in order, so no writer is more than a few turns ahead of another.
        assert min(done) >= 1
        assert max(done) - min(done) <= 3
        assert longest_s < 2.5


def test_turns_come_in_the_order_of_asking():
    gate, order = FifoGate(), []
    first = type("Writer", (), {})()
    assert gate.acquire(first, 1)

    def wait_and_write(name: int) -> None:
        writer = type("Writer", (), {})()
        assert gate.acquire(writer, 5)
        order.append(name)
        gate.release(writer)

    threads = []
    for name in range(20):
        threads.append(threading.Thread(target=wait_and_write, args=(name,)))
        threads[-1].start()
        while gate.waiting() <= name:
            time.sleep(0.001)
    gate.release(first)
    for thread in threads:
        thread.join()
    assert order == list(range(20))


def test_a_wait_beyond_the_timeout_is_an_error_and_the_next_writer_still_gets_its_turn(tmp_path):
    with database(tmp_path / "timeout.sqlite3", timeout=0.2) as alias:
        create_tables(alias)
        caught: list[Exception] = []

        def rival() -> None:
            try:
                write_once(alias, 2)
            except OperationalError as error:
                caught.append(error)
            finally:
                connections[alias].close()

        with transaction.atomic(using=alias):
            _in_thread(rival)
        assert "no turn to write within 0.2 s" in str(caught[0])
        _in_thread(rival)
        assert len(caught) == 1
        assert counts(alias) == (1, 1, 1)


def test_a_writing_statement_outside_a_transaction_waits_for_its_turn_too(tmp_path):
    path = tmp_path / "autocommit.sqlite3"
    with database(path) as alias:
        create_tables(alias)
        order: list[str] = []

        def rival() -> None:
            with connections[alias].cursor() as cursor:
                cursor.execute("UPDATE piles SET total = total + 10")
            order.append("statement")
            connections[alias].close()

        thread = threading.Thread(target=rival)
        with transaction.atomic(using=alias):
            thread.start()
            while not gate_of(str(path)).waiting():
                time.sleep(0.001)
            write_once(alias, 1)  # inside: the turn is already ours
            order.append("transaction")
        thread.join()
        assert order == ["transaction", "statement"]
        assert counts(alias) == (1, 11, 1)


@pytest.mark.parametrize("ending", ["exception", "savepoint", "close", "failed begin"])
def test_every_ending_gives_the_turn_back(tmp_path, ending):
    path = tmp_path / "endings.sqlite3"
    with database(path, timeout=1) as alias:
        create_tables(alias)
        if ending == "exception":
            with pytest.raises(KeyError), transaction.atomic(using=alias):
                raise KeyError
        elif ending == "savepoint":
            with transaction.atomic(using=alias):
                with pytest.raises(KeyError), transaction.atomic(using=alias):
                    raise KeyError
                write_once(alias, 1)
        elif ending == "close":
            with pytest.raises(Exception), transaction.atomic(using=alias):  # noqa: B017 any database error
                connections[alias].close()
                write_once(alias, 1)
        else:
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(OperationalError):
                write_once(alias, 1)
            other.close()
        assert connections[alias].has_turn is False
        done, errors, _longest = write_together(alias, writers=2, seconds=0.05)
        assert errors == []
        assert min(done) >= 1


def test_the_turn_of_a_thread_that_vanished_is_taken_back():
    gate = FifoGate()
    gone = type("Writer", (), {})()
    assert gate.acquire(gone, 1)
    del gone
    heir = type("Writer", (), {})()
    assert gate.acquire(heir, 3)


WRITERS = """
import sys, threading
import django
from django.conf import settings
settings.configure(DATABASES={}, INSTALLED_APPS=[])
django.setup()
from pathlib import Path
from tests.kernel.runtime.sqlite_files import create_tables, database, write_together
with database(Path(sys.argv[1])) as alias:
    create_tables(alias)
    print("writing", flush=True)
    write_together(alias, writers=50, seconds=60)
"""


def test_kill_minus_nine_under_writers_leaves_a_sound_file(tmp_path):
    path = tmp_path / "killed.sqlite3"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITERS, str(path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "writing\n"
        time.sleep(0.8)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with database(path) as alias:
        with connections[alias].cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            assert cursor.fetchone() == ("ok",)
        before = counts(alias)
        assert len(set(before)) == 1
        assert before[0] > 10
        write_once(alias, 1)
        assert counts(alias)[0] == before[0] + 1
