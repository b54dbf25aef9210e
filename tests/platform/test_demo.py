"""`make demo` as a person meets it: READY, live charging, a clean end, the data kept, clear refusals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.embedded_only
PORTS = ("EV_HTTP_PORT", "EV_YKC_PORT", "EV_DNY_PORT", "EV_SANDBOX_PORT")


def _environment(data: Path, **more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EV_")}
    ports = {name: str(free_port()) for name in PORTS}
    return clean | {"EV_DATA_DIR": str(data)} | ports | more


def _start(environment: dict[str, str]) -> tuple[subprocess.Popen, list[str]]:
    """Start the demo and read until it has said everything."""
    demo = subprocess.Popen(
        [sys.executable, "scripts/demo.py"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    for line in demo.stdout:
        lines.append(line.rstrip())
        if line.startswith("Logs:"):
            break
    return demo, lines


def _children(data: Path) -> list[str]:
    """Command lines of the processes that run on this data folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"EV_DATA_DIR={data}\0" in (process / "environ").read_text():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return [line for line in found if "manage.py" in line]


def _wait_until(condition, seconds: float, every_s: float = 0.2) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every_s)
    return bool(condition())


def test_the_demo_starts_charges_survives_kill_minus_nine_and_ends_cleanly(tmp_path):
    environment = _environment(tmp_path)
    url = f"http://127.0.0.1:{environment['EV_HTTP_PORT']}/"
    demo, lines = _start(environment)
    try:
        assert f"READY {url}" in lines, lines
        assert any(line.split()[:1] == ["admin"] for line in lines)
        assert urllib.request.urlopen(f"{url}admin/login/", timeout=20).status == 200
        assert len(_children(tmp_path)) == 3
        page = f"http://127.0.0.1:{environment['EV_SANDBOX_PORT']}/"
        assert any(line.split()[:1] == [page] for line in lines), lines
        online = [sys.executable, "manage.py", "online_piles", "--json"]

        def charging() -> bool:
            done = subprocess.run(
                online, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
            )
            return '"charging"' in json.dumps(json.loads(done.stdout))

        assert _wait_until(charging, 60, every_s=2)  # each look is a process
        recharge = ["examples/recharge.sh", "30", "wechat", "--pay"]
        done = subprocess.run(
            recharge, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 and ": succeeded" in done.stdout, done.stdout + done.stderr
        first_orders = int(re.search(r"(\d+) orders so far", "\n".join(lines))[1])
    finally:
        demo.kill()
        demo.communicate()
    # Nothing outlives a demo that could not clean up.
    assert _wait_until(lambda: not _children(tmp_path), 10), _children(tmp_path)

    demo, lines = _start(environment)
    assert f"READY {url}" in lines, lines
    assert int(re.search(r"(\d+) orders so far", "\n".join(lines))[1]) > first_orders
    began = time.monotonic()
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=20)
    assert demo.returncode == 0
    assert time.monotonic() - began < 12
    assert output.rstrip().endswith("Everything is stopped.")
    assert "killed" not in output
    assert not _children(tmp_path)


@pytest.mark.parametrize("setting", PORTS)
def test_a_taken_port_is_one_clear_line(tmp_path, setting):
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "scripts/demo.py"],
            cwd=ROOT,
            env=_environment(tmp_path, **{setting: port}),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"Port {port} on 127.0.0.1" in done.stderr
    assert f"{setting}=<port>" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"EV_HTTP_PORT": "web"}, "EV_HTTP_PORT='web' is not a port"),
        ({"EV_DATA_DIR": "/proc/nothing"}, "EV_DATA_DIR=/proc/nothing cannot be used"),
        ({"EV_ENV": "live"}, "development, test, production"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(tmp_path, environment, words):
    done = subprocess.run(
        [sys.executable, "scripts/demo.py"],
        cwd=ROOT,
        env=_environment(tmp_path) | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
