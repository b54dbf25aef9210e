"""A counter database on disk, written by many connections through a chosen backend."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connections, transaction

GATED = "kernel.runtime.sqlite3"
STOCK = "django.db.backends.sqlite3"
_TABLES = (
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER NOT NULL)",
    "CREATE TABLE piles (id INTEGER PRIMARY KEY, total INTEGER NOT NULL)",
    "CREATE TABLE samples (id INTEGER PRIMARY KEY AUTOINCREMENT, writer INTEGER NOT NULL)",
    "INSERT INTO orders VALUES (1, 0)",
    "INSERT INTO piles VALUES (1, 0)",
)


@contextmanager
def database(
    path: Path, *, engine: str = GATED, timeout: float = 20, mode: str | None = "IMMEDIATE"
) -> Iterator[str]:
    """Register the file as a database alias; each thread that uses the alias gets its own connection."""
    alias = f"file-{path.stem}"
    options = {"timeout": timeout, "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL"}
    if mode:
        options["transaction_mode"] = mode
    entry = {"ENGINE": engine, "NAME": path, "CONN_MAX_AGE": None, "OPTIONS": options}
    defaults = connections.configure_settings({"default": entry})["default"]
    connections.settings[alias] = defaults
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]


def create_tables(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        for statement in _TABLES:
            cursor.execute(statement)


def counts(alias: str) -> tuple[int, int, int]:
    """The two counters and the number of rows; equal when no transaction was half done."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT total FROM orders), (SELECT total FROM piles), (SELECT count(*) FROM samples)"
        )
        return cursor.fetchone()


def write_once(alias: str, writer: int) -> None:
    """Read, change two counters, add a row: one transaction like a device event's."""
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("SELECT total FROM orders WHERE id = 1")
        total = cursor.fetchone()[0]
        cursor.execute("UPDATE orders SET total = %s WHERE id = 1", [total + 1])
        cursor.execute("UPDATE piles SET total = total + 1 WHERE id = 1")
        cursor.execute("INSERT INTO samples (writer) VALUES (%s)", [writer])


def write_together(alias: str, *, writers: int, seconds: float) -> tuple[list[int], list[Exception], float]:
    """All writers write flat out; returns transactions per writer, the errors, and the longest wait in seconds."""
    done = [0] * writers
    errors: list[Exception] = []
    longest = [0.0] * writers
    start = threading.Barrier(writers)

    def work(writer: int) -> None:
        try:
            connections[alias].ensure_connection()
            start.wait()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                began = time.monotonic()
                write_once(alias, writer)
                done[writer] += 1
                longest[writer] = max(longest[writer], time.monotonic() - began)
        except Exception as error:
            errors.append(error)
        finally:
            connections[alias].close()

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done, errors, max(longest)
