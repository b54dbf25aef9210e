"""`manage.py serve` as a process: starts, says what it is, stops quickly, survives kill -9, refuses clearly."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from tests.databases import create_migrated
from tests.ports import free_port
from tests.settings_reader import refusal_of

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.xdist_group("serve")
embedded_only = pytest.mark.embedded_only


class Served:
    """One `manage.py serve` over a data folder, with its own ports and, unless told otherwise, nothing but files."""

    def __init__(self, data: Path, *options: str, **environment: str):
        self.port, self.ykc_port = free_port(), free_port()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("EV_")}
        self.environment = clean | {
            "EV_DATA_DIR": str(data),
            "EV_HTTP_PORT": str(self.port),
            "EV_YKC_PORT": str(self.ykc_port),
            "EV_DNY_PORT": "0",
            **environment,
        }
        self.command = [sys.executable, "manage.py", "serve", *options]
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_exc) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def run(self) -> tuple[int, str]:
        """Run to the end; for starts that are refused."""
        done = subprocess.run(
            self.command,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stderr.strip()

    def start(self, timeout_s: float = 120) -> "Served":
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"serve ended:\n{self.process.stdout.read()}")
            if self.ready()[0] == 200:
                return self
            time.sleep(0.1)
        raise AssertionError("serve was not ready in time")

    def ready(self) -> tuple[int, dict]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}

    def stop(self, number: int = signal.SIGTERM) -> tuple[float, str]:
        """Seconds until the process was gone after the signal, and everything it had printed."""
        began = time.monotonic()
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=20)
        return time.monotonic() - began, output


@pytest.fixture(scope="module")
def migrated(tmp_path_factory) -> Path:
    """A data folder with the schema, copied by no one: the tests take turns on it."""
    data = tmp_path_factory.mktemp("data")
    with Served(data, "--migrate") as served:
        _took, output = served.start().stop()
    assert f"Serving http://127.0.0.1:{served.port}/" in output
    assert f"YKC on 127.0.0.1:{served.ykc_port}" in output
    assert "embedded database: SQLite" in output
    assert "embedded Celery worker and beat" in output
    assert served.process.returncode == 0
    return data


@embedded_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_within_three_seconds_with_sockets_open(migrated, number):
    with Served(migrated) as served:
        served.start()
        with (
            socket.create_connection(("127.0.0.1", served.ykc_port)),
            socket.create_connection(("127.0.0.1", served.port)) as half_a_request,
        ):
            half_a_request.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            took_s, output = served.stop(number)
    assert took_s < 3
    assert served.process.returncode == 0
    assert output.rstrip().endswith("Stopped.")
    assert "Traceback" not in output


@embedded_only
def test_after_kill_minus_nine_it_starts_again_and_keeps_the_data(migrated):
    with Served(migrated) as served:
        served.start()
        served.stop(signal.SIGKILL)
    with Served(migrated) as served:
        status, answer = served.start().ready()
        assert (status, answer["status"]) == (200, "ready")
        assert served.stop()[0] < 3


@embedded_only
def test_beat_and_worker_run_inside(migrated):
    with Served(migrated) as served:
        served.start()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/metrics", timeout=5) as response:
                text = response.read().decode()
            if "ev_beat_age_seconds" in text:
                break
            time.sleep(0.3)
        assert "ev_beat_age_seconds" in text
        served.stop()


@embedded_only
@pytest.mark.parametrize("setting", ["EV_HTTP_PORT", "EV_YKC_PORT", "EV_DNY_PORT"])
def test_a_taken_port_is_one_clear_line_that_names_the_setting(migrated, setting):
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = str(other.getsockname()[1])
        with Served(migrated, **{setting: port}) as served:
            code, error = served.run()
    assert code == 1
    last = error.splitlines()[-1]
    assert f"Port {port} on 127.0.0.1 cannot be opened (address already in use)" in last
    assert f"{setting}=<port>" in last
    assert "Traceback" not in error


@embedded_only
def test_missing_migrations_are_one_clear_line(tmp_path):
    with Served(tmp_path) as served:
        code, error = served.run()
    assert code == 1
    assert "migrations are not applied" in error.splitlines()[-1]
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"EV_YKC_PORT": "lots"}, "not a whole number from 0 to 65535"),
        ({"EV_DATABASE_URL": "postgres://u:p@127.0.0.1:1/d"}, "The database cannot be reached"),
    ],
)
@embedded_only
def test_a_wrong_setting_is_one_clear_line(tmp_path, environment, words):
    with Served(tmp_path, **environment) as served:
        code, error = served.run()
    assert code == 1
    assert words in error.splitlines()[-1]
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"EV_ENV": "production", "EV_SECRET_KEY": "k" * 50}, "EV_DATABASE_URL and EV_REDIS_URL"),
        ({"EV_ENV": "production"}, "EV_SECRET_KEY"),
        ({"EV_ENV": "staging"}, "development, test, production"),
        ({"EV_YKC_PORT": "lots"}, "not a whole number from 0 to 65535"),
        ({"EV_DATABASE_URL": "mysql://u:p@h/d"}, "not a PostgreSQL URL"),
        ({"EV_REDIS_URL": "http://h"}, "not a Redis URL"),
    ],
)
@embedded_only
def test_a_wrong_setting_is_named(environment, words):
    assert words in refusal_of(**environment)


def test_production_runs_the_parts_apart_on_postgresql_and_redis(
    tmp_path, request, django_db_setup, django_db_blocker
):
    """Web and devices in this process, Celery elsewhere; checked on the servers when the suite has them."""
    servers = {}
    if settings.EV_DATABASE_URL:
        name = f"serve_{os.getpid()}"
        with django_db_blocker.unblock():
            create_migrated(request.config, name)
        servers = {
            "EV_DATABASE_URL": settings.EV_DATABASE_URL.rpartition("/")[0] + f"/{name}",
            "EV_REDIS_URL": settings.EV_REDIS_URL,
        }
    environment = {"EV_ENV": "production", "EV_SECRET_KEY": "s" * 50, "EV_ALLOWED_HOSTS": "127.0.0.1"}
    if not servers:
        environment["EV_ALLOW_EMBEDDED"] = "1"
    with Served(tmp_path, "--migrate", "--no-worker", "--no-devices", **environment, **servers) as served:
        served.start()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", served.ykc_port), 1)
        took_s, output = served.stop()
    assert took_s < 3
    assert "no TCP listeners in this process" in output
    assert ("SQLite" not in output) is bool(servers)
    if servers:
        with psycopg.connect(settings.EV_DATABASE_URL, autocommit=True) as database:
            database.execute(f"DROP DATABASE {name} WITH (FORCE)")
