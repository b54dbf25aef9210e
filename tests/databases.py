"""One migrated database per run, copied for every worker: the migrations run once, not once per worker.

PostgreSQL copies by `CREATE DATABASE … TEMPLATE`, SQLite by its file. Without workers
pytest-django's own way is kept.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection


@contextlib.contextmanager
def copied_database(run: str, worker: str) -> Iterator[None]:
    """Point the default connection at this worker's own copy of the run's database; it is dropped at the end."""
    folder = Path(tempfile.gettempdir()) / f"ev-tests-{run}"
    folder.mkdir(exist_ok=True)
    source = connection.settings_dict["NAME"]
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            _make(folder, run)
            (folder / "made").touch()
        own = _copy(folder, run, worker)
    _point_at(own)
    try:
        yield
    finally:
        connection.close()
        _close_pool()
        _drop(own)
        _point_at(source)
        # The last worker to leave takes the folder with it.
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / f"left-{worker}").touch()
            if len(list(folder.glob("left-*"))) == int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")):
                if connection.vendor == "postgresql":
                    _drop(_template(folder, run))
                shutil.rmtree(folder, ignore_errors=True)


def create_migrated(config, name: str) -> None:
    """An own database of this PostgreSQL for a process under test: a copy of the run's, empty without workers."""
    run = getattr(config, "workerinput", {}).get("testrunuid")
    template = f' TEMPLATE "{_template(Path(), run)}"' if run else ""
    with connection.creation._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"{template}')


def _template(folder: Path, run: str) -> str:
    if connection.vendor == "postgresql":
        return f"test_template_{run[:16]}"
    return str(folder / "template.sqlite3")


def _make(folder: Path, run: str) -> None:
    connection.settings_dict.setdefault("TEST", {})["NAME"] = _template(folder, run)
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()
    _close_pool()
    _point_at(name)


def _copy(folder: Path, run: str, worker: str) -> str:
    if connection.vendor == "postgresql":
        own = f"test_{run[:16]}_{worker}"
        with connection.creation._nodb_cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{own}" TEMPLATE "{_template(folder, run)}"')
        return own
    own = str(folder / f"{worker}.sqlite3")
    shutil.copyfile(_template(folder, run), own)
    return own


def _drop(name: str) -> None:
    if connection.vendor == "postgresql":
        with connection.creation._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        return
    for path in (name, f"{name}-wal", f"{name}-shm"):
        Path(path).unlink(missing_ok=True)


def _point_at(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
    settings.DATABASES["default"]["NAME"] = name


def _close_pool() -> None:
    if hasattr(connection, "close_pool"):
        connection.close_pool()
