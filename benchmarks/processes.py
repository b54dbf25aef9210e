"""The measured processes: each is started pinned to the server's core and ended by its own process id."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.machine import SERVER_CORE

ROOT = Path(__file__).resolve().parents[1]
START_WITHIN_S = 40.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Measured:
    """A process of ours on the server's core; `with` starts it and ends it."""

    def __init__(
        self,
        *arguments: str,
        ports: Sequence[int],
        environment: Mapping[str, str],
        log: Path | None = None,
    ):
        self.port = ports[0]
        self._ports = ports
        self._arguments = arguments
        self._environment = dict(environment)
        self._log = log

    def __enter__(self):
        output = self._log.open("wb") if self._log else None
        self.process = subprocess.Popen(
            [sys.executable, *self._arguments],
            cwd=ROOT,
            env=self._environment,
            stdout=output,
            stderr=output,
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
        )
        end = time.monotonic() + START_WITHIN_S
        while True:
            try:
                for port in self._ports:
                    socket.create_connection(("127.0.0.1", port), 0.2).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.__exit__()
                    raise RuntimeError(f"{' '.join(self._arguments)} did not start") from None
                time.sleep(0.1)

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        return self.process.pid


class Platform(Measured):
    """`manage.py serve`; without `--no-worker` on the embedded default."""

    def __init__(self, *options: str, environment: Mapping[str, str], log: Path | None = None):
        self.ykc_port = free_port()
        self.dny_port = free_port()
        port = free_port()
        super().__init__(
            "manage.py",
            "serve",
            *options,
            ports=(port, self.ykc_port),
            log=log,
            environment={
                **environment,
                "EV_HTTP_PORT": str(port),
                "EV_YKC_PORT": str(self.ykc_port),
                "EV_DNY_PORT": str(self.dny_port),
            },
        )


class Limit(Measured):
    """One of the servers of `benchmarks.limits`."""

    def __init__(self, kind: str, environment: Mapping[str, str]):
        port = free_port()
        super().__init__("-m", "benchmarks.limits", kind, str(port), ports=[port], environment=environment)
