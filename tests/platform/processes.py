"""Real processes of the platform over the test database, to be killed and started again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import httpx
from django.conf import settings
from django.db import connection

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    """The test's own database as a URL for other processes."""
    database = connection.settings_dict
    if database.get("HOST", "").startswith("/"):
        host = quote(database["HOST"], safe="")
    else:
        host = database["HOST"] or "127.0.0.1"
    user = quote(database["USER"]) + (f":{quote(database['PASSWORD'])}" if database["PASSWORD"] else "")
    port = f":{database['PORT']}" if database["PORT"] else ""
    return f"postgres://{user}@{host}{port}/{database['NAME']}"


class PlatformProcess:
    """One process; `kill()` is SIGKILL, as a power cut or the OOM killer would do it."""

    own_group = False  # whether it has children, which are killed with it

    def __init__(self, *arguments: str, **environment: str):
        self.arguments = arguments
        self.environment = environment
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        env = {
            **os.environ,
            "EV_ENV": "test",
            "EV_DATABASE_URL": database_url(),
            "EV_REDIS_URL": settings.EV_REDIS_URL,
            "EV_LOG_LEVEL": "WARNING",
            **self.environment,
        }
        self.process = subprocess.Popen(
            [sys.executable, *self.arguments], cwd=ROOT, env=env, start_new_session=self.own_group
        )

    def kill(self) -> None:
        if self.own_group:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()


class Gateway(PlatformProcess):
    """`manage.py serve` without worker and beat on fixed free ports, so that piles find it again."""

    def __init__(self, **environment: str):
        self.http_port, self.ykc_port, self.dny_port = free_port(), free_port(), free_port()
        super().__init__(
            "manage.py",
            "serve",
            "--no-worker",
            EV_HTTP_PORT=str(self.http_port),
            EV_YKC_PORT=str(self.ykc_port),
            EV_DNY_PORT=str(self.dny_port),
            **environment,
        )

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> None:
        super().start()
        end = time.monotonic() + 30
        while True:
            assert self.process.poll() is None, "the gateway ended at its start"
            try:
                if httpx.get(f"{self.http_url}/healthz", timeout=1).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            assert time.monotonic() < end, "the gateway did not come up"
            time.sleep(0.1)


class Worker(PlatformProcess):
    """Celery's worker with its beat (a child of it, which dies with it), as production runs them."""

    own_group = True

    def __init__(self, **environment: str):
        super().__init__(
            "-m",
            "celery",
            "-A",
            "ev_platform",
            "worker",
            "-B",
            "--pool=threads",
            "--concurrency=2",
            "-Q",
            "money,devices,reports",
            "-s",
            environment.pop("schedule"),
            "-l",
            "WARNING",
            **environment,
        )
