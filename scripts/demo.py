#!/usr/bin/env python3
"""The demo: database, demo data, the platform, simulated piles and the payment sandbox, and what to look at.

Ends everything with Ctrl-C; a second start keeps the data. Standard library only, so that it can say what is wrong
even when nothing else can be imported.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 5.0
PR_SET_PDEATHSIG = 1


class DemoFailed(Exception):
    """What to tell the person at the terminal."""


class Stopped(Exception):
    """Ctrl-C or SIGTERM."""


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _settings() -> dict[str, str]:
    """The environment of every child: the caller's, with the demo's defaults."""
    environment = dict(os.environ)
    environment.setdefault("EV_DATA_DIR", str(ROOT / "data"))
    environment.setdefault("EV_HTTP_HOST", "127.0.0.1")
    environment.setdefault("EV_HTTP_PORT", "8000")
    environment.setdefault("EV_YKC_PORT", "8767")
    environment.setdefault("EV_DNY_PORT", "8768")
    environment.setdefault("EV_SANDBOX_PORT", "8900")
    environment["EV_DEMO"] = "1"
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def _port(environment: dict[str, str], name: str) -> int:
    text = environment[name]
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise DemoFailed(f"{name}={text!r} is not a port from 1 to 65535.")
    return int(text)


def _wants_sandbox(environment: dict[str, str]) -> bool:
    """Whether recharges go to a sandbox of ours: unless the caller names channels or a sandbox of their own."""
    own = ("EV_PAYMENT_SANDBOX", "EV_WECHAT_MCHID", "EV_ALIPAY_APP_ID")
    return environment.get("EV_ENV") != "production" and not any(environment.get(name) for name in own)


def _refuse_taken_ports(environment: dict[str, str], *, sandbox: bool) -> None:
    host = environment["EV_HTTP_HOST"]
    devices = environment.get("EV_DEVICE_HOST", host)
    wanted = [("EV_HTTP_PORT", host), ("EV_YKC_PORT", devices), ("EV_DNY_PORT", devices)]
    for name, at in [*wanted, ("EV_SANDBOX_PORT", "127.0.0.1")] if sandbox else wanted:
        port = _port(environment, name)
        try:
            socket.create_server((at, port), family=socket.AF_INET6 if ":" in at else socket.AF_INET).close()
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
            raise DemoFailed(
                f"Port {port} on {at} cannot be opened ({reason}): is a demo already running? "
                f"Choose another with {name}=<port> make demo."
            ) from None


def _ends_with_us() -> Callable[[], None]:
    """For a child before exec: end it when this process is killed and cannot."""
    libc = ctypes.CDLL(None, use_errno=True)

    def prepare() -> None:
        with contextlib.suppress(AttributeError):  # Linux only
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

    return prepare


def _manage(environment: dict[str, str], *arguments: str) -> str:
    """Run a management command to its end; its standard output."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        preexec_fn=_ends_with_us(),
        check=False,
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise DemoFailed(f"`manage.py {' '.join(arguments)}` failed: {lines[-1]}")
    return done.stdout


class Part:
    """One of the long-running processes, in a process group of its own, with its log file."""

    def __init__(self, name: str, environment: dict[str, str], logs: Path, *arguments: str):
        self.name = name
        self.log = logs / f"{name}.log"
        with self.log.open("ab") as out:
            out.write(f"--- started {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
            out.flush()
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_ends_with_us(),
            )

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def last_words(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "no output"

    def stop(self) -> bool:
        """Ask it to end, insist after a while; False when it had to be killed."""
        if self.ended:
            return True
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.wait()
            return False
        return True

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def _wait_until_ready(platform: Part, url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    answer = "no answer"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline:
        if platform.ended:
            raise DemoFailed(f"The platform ended: {platform.last_words()} (log: {platform.log})")
        try:
            with opener.open(f"{url}readyz", timeout=5):
                return
        except urllib.error.HTTPError as error:
            answer = ", ".join(json.load(error).get("not_ready", ())) or str(error)
        except OSError as error:
            answer = str(error)
        time.sleep(0.2)
    raise DemoFailed(
        f"The platform was not ready after {READY_WITHIN_S:.0f} s: {answer} (log: {platform.log})"
    )


def _announce(url: str, sandbox: str, demo: dict[str, Any], logs: Path, seconds: float) -> None:
    say(f"READY {url}")
    say(f"  after {seconds:.0f} s; {demo['piles']} piles, {demo['orders']} orders so far")
    say()
    say("Console accounts (the console speaks Chinese and English, by your browser):")
    for one in demo["accounts"]:
        of = f" of {one['operator']}" if one.get("operator") else ""
        say(f"  {one['username']:<10} {one['password']:<14} {one['role']}{of}")
    drivers = demo["drivers"]
    say(
        f"Driver app: phones {drivers[0]} to {drivers[-1]}; the login code is printed in {logs / 'platform.log'}"
    )
    say()
    say("What to look at:")
    say(f"  {url}admin/                     the overview: piles charging now, energy and money, live")
    say(
        f"  {url}admin/billing/chargingorder/  open an order: its timeline of frames, commands, states, money"
    )
    say(f"  {url}admin/billing/tariff/         a tariff's 48 half-hours")
    say(
        f"  {url}admin/billing/dayclose/   the days to close, as zhangwu: one difference waits (docs/finance.md)"
    )
    say(f"  {url}api/docs/                  the driver API")
    if sandbox:
        say(f"  {sandbox:<38}   payments that wait: pay or cancel them (examples/recharge.sh opens one)")
    say(f"Logs: {logs}. Ctrl-C ends everything; the data stays in {logs.parent}.")


def _raise_stopped(*_: Any) -> NoReturn:
    raise Stopped


def run() -> int:
    began = time.monotonic()
    environment = _settings()
    parts: list[Part] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_stopped)
    try:
        sandbox = _wants_sandbox(environment)
        _refuse_taken_ports(environment, sandbox=sandbox)
        data = Path(environment["EV_DATA_DIR"]).expanduser().resolve()
        logs = data / "logs"
        try:
            logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DemoFailed(f"EV_DATA_DIR={data} cannot be used: {error.strerror}") from None
        say(f"Preparing the database in {data} ...")
        pages = f"http://127.0.0.1:{environment['EV_SANDBOX_PORT']}/" if sandbox else ""
        if sandbox:
            environment["EV_PAYMENT_SANDBOX"] = pages.rstrip("/")
        _manage(environment, "migrate", "--verbosity", "0", "--no-input")
        demo = json.loads(_manage(environment, "demo_data", "--json").strip().splitlines()[-1])
        say("Starting the platform and the simulated piles ...")
        host = environment["EV_HTTP_HOST"]
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{environment['EV_HTTP_PORT']}/"
        parts.append(Part("platform", environment, logs, "serve"))
        if sandbox:
            port = environment["EV_SANDBOX_PORT"]
            parts.append(Part("sandbox", environment, logs, "sandbox", "--port", port))
        _wait_until_ready(parts[0], url)
        parts.append(
            Part("simulator", environment, logs, "simulate", "--demo", "--http-url", url.rstrip("/"))
        )
        _announce(url, pages, demo, logs, time.monotonic() - began)
        going_on = parts[1:]
        while True:
            time.sleep(0.5)
            if parts[0].ended:
                raise DemoFailed(f"The platform ended: {parts[0].last_words()} (log: {parts[0].log})")
            for part in [part for part in going_on if part.ended]:
                going_on.remove(part)
                say(f"The {part.name} ended: {part.last_words()} (log: {part.log}); the platform goes on.")
    except Stopped:
        say("\nStopping ...")
        return 0
    except DemoFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for part in reversed(parts):
            if not part.stop():
                say(f"The {part.name} did not end by itself and was killed (log: {part.log}).")
        if parts:
            say("Everything is stopped.")


if __name__ == "__main__":
    sys.exit(run())
