"""`python -m benchmarks.fuzz`: hostile frames at the TCP listeners of a running gateway, beside piles that behave.

The platform is `manage.py serve`: over PostgreSQL and Redis when EV_DATABASE_URL and EV_REDIS_URL are set, else the
embedded default in a folder of its own. It must live, keep its memory, log no error, and the piles that behave must
be answered all the time. Exit status 1 when it did not.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import site
from benchmarks.context import Databases, environment
from benchmarks.fuzzing import DnyFuzz, YkcFuzz
from benchmarks.machine import cpu_s, describe, rss_kib
from benchmarks.processes import Platform
from benchmarks.report import percentile
from devices.protocols.dny import codec as dny
from devices.protocols.ykc import codec as ykc

PER_SOCKET = 800  # below the burst that a socket may send before it is slowed down
ANSWER_S = 60.0
BEAT_S = 1.0
MOST_GROWTH_MIB = 64.0
WARM_UP = 0.2  # of the frames, before memory is compared: caches and pools fill up first


@dataclass
class Run:
    """What happened so far."""

    wanted: int
    sent: int = 0
    bytes_sent: int = 0
    sockets: int = 0
    closed_by_platform: int = 0
    unanswered: int = 0
    waits: list[float] = field(default_factory=list)
    lost_beats: int = 0
    memory_mib: list[tuple[int, float]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.sent >= self.wanted


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _find(protocol: str):
    if protocol == "ykc":
        return ykc.Splitter(), ykc.Frame, lambda frame: frame.type == 0x04
    return dny.Splitter(), dny.Frame, lambda frame: frame.command == 0x21


async def _answered(reader: asyncio.StreamReader, protocol: str) -> bool:
    """Whether the answer to a heartbeat comes; False when the platform closed the socket instead.

    TimeoutError when nothing at all comes for a while: what was sent before may take its time.
    """
    splitter, frame_class, is_it = _find(protocol)
    while data := await asyncio.wait_for(reader.read(65536), ANSWER_S):
        if any(isinstance(item, frame_class) and is_it(item) for item in splitter.feed(data)):
            return True
    return False


async def attack(run: Run, protocol: str, port: int, source: YkcFuzz | DnyFuzz, rng: random.Random) -> None:
    """Dial again and again; each socket sends its share of frames, then asks whether it is still served."""
    while not run.over:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        run.sockets += 1
        known = rng.random() < 0.9
        try:
            if known:
                writer.write(source.login())
            for _ in range(min(PER_SOCKET, run.wanted - run.sent)):
                if writer.transport.is_closing():
                    raise ConnectionError
                frame = source.next()
                run.sent += 1
                run.bytes_sent += len(frame)
                if rng.random() < 0.02:
                    at = rng.randrange(len(frame))
                    writer.write(frame[:at])
                    await asyncio.sleep(0)
                    frame = frame[at:]
                writer.write(frame)
                if rng.random() < 0.05:
                    await writer.drain()
            # Whatever a broken frame still waits for ends with this; the heartbeat behind it is whole.
            writer.write(bytes(260) + source.heartbeat())
            await writer.drain()
            if known and not await _answered(reader, protocol):
                run.closed_by_platform += 1
        except (ConnectionError, BrokenPipeError):
            run.closed_by_platform += 1
        except TimeoutError:
            run.unanswered += 1
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def behave(run: Run, protocol: str, port: int, source: YkcFuzz | DnyFuzz, stop: asyncio.Event) -> None:
    """A pile like any other: one socket, one heartbeat a second, each answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(source.login())
    try:
        while not stop.is_set():
            began = time.perf_counter()
            writer.write(source.heartbeat())
            try:
                if not await _answered(reader, protocol):
                    run.lost_beats += 1
                    return
            except (TimeoutError, ConnectionError):
                run.lost_beats += 1
                return
            run.waits.append(time.perf_counter() - began)
            await asyncio.sleep(BEAT_S)
    finally:
        writer.close()


async def watch(run: Run, pid: int, stop: asyncio.Event) -> None:
    began, told = time.monotonic(), 0.0
    while not stop.is_set():
        run.memory_mib.append((run.sent, rss_kib(pid) / 1024))
        if time.monotonic() - told > 30:
            told = time.monotonic()
            rate = run.sent / max(1e-9, told - began)
            say(f"  {run.sent:>9,} frames, {rate:,.0f}/s, {run.memory_mib[-1][1]:.0f} MiB")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 2)


async def storm(
    run: Run,
    ports: Mapping[str, int],
    codes: Mapping[str, Sequence[str]],
    *,
    seed: int,
    good: int = 2,
    pid: int | None = None,
) -> None:
    """The first `good` piles of each protocol behave, the others attack; `pid` is the process whose memory counts."""
    stop = asyncio.Event()
    sources = {"ykc": YkcFuzz, "dny": DnyFuzz}
    async with asyncio.TaskGroup() as quiet:
        if pid is not None:
            quiet.create_task(watch(run, pid, stop))
        for protocol, make in sources.items():
            for code in codes[protocol][:good]:
                source = make(random.Random(seed), code)
                quiet.create_task(behave(run, protocol, ports[protocol], source, stop))
        try:
            async with asyncio.TaskGroup() as loud:
                for protocol, make in sources.items():
                    victims = codes[protocol][:good]
                    for index, code in enumerate(codes[protocol][good:]):
                        rng = random.Random(f"{seed}-{protocol}-{index}")
                        source = make(rng, code, victims)
                        loud.create_task(attack(run, protocol, ports[protocol], source, rng))
        finally:
            stop.set()


def growth_mib(run: Run) -> float:
    """Memory at the end (mean of the last tenth) above that after the warm-up (mean of the tenth behind it)."""
    if not run.sent:
        return 0.0

    def mean(low: float, high: float) -> float:
        values = [mib for sent, mib in run.memory_mib if low * run.sent <= sent <= high * run.sent]
        return sum(values) / len(values) if values else run.memory_mib[-1][1]

    return mean(0.9, 1.0) - mean(WARM_UP, WARM_UP + 0.1)


def errors_in(log: Path) -> Counter[str]:
    """Lines of trouble in the platform's log: the last line of each traceback, and errors without one."""
    found: Counter[str] = Counter()
    in_trace = False
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("Traceback "):
            in_trace = True
        elif in_trace and not line.startswith(" "):
            in_trace = False
            found[line[:200]] += 1
        elif " ERROR " in line or " CRITICAL " in line:
            found[line.partition(" ERROR ")[2][:120] or line[:120]] += 1
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--attackers", type=int, default=12, help="sockets at a time, per protocol")
    options = parser.parse_args()
    run = Run(options.frames)
    served = bool(os.environ.get("EV_DATABASE_URL") and os.environ.get("EV_REDIS_URL"))
    databases = Databases() if served else None
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "platform.log"
        if databases:
            env = environment(databases.new(), EV_DATA_DIR=folder)
        else:
            env = environment("", redis=False, EV_DATA_DIR=folder)
        piles = str(options.attackers + 2)
        say(f"{describe()} | {'PostgreSQL and Redis' if served else 'embedded default'}")
        try:
            made = site.run("make", "--ykc", piles, "--dny", piles, environment=env)
            codes = {"ykc": made["ykc"], "dny": made["dny"]}
            with Platform(*(["--no-worker"] if served else []), environment=env, log=log) as platform:
                began = time.monotonic()
                ports = {"ykc": platform.ykc_port, "dny": platform.dny_port}
                asyncio.run(storm(run, ports, codes, seed=options.seed, pid=platform.pid))
                took, cpu = time.monotonic() - began, cpu_s(platform.pid)
                alive = platform.process.poll() is None
            stored = site.run("count", environment=env)
        finally:
            if databases:
                databases.drop()
        trouble = errors_in(log)
    grown = growth_mib(run)
    bad = [
        *([] if alive else ["the platform died"]),
        *([f"memory grew by {grown:.0f} MiB"] if grown > MOST_GROWTH_MIB else []),
        *([f"{run.unanswered} sockets were not answered"] if run.unanswered else []),
        *([f"{run.lost_beats} good piles were cut off"] if run.lost_beats else []),
        *(f"{number} × {what}" for what, number in trouble.most_common(10)),
    ]
    waits = run.waits or [0.0]
    say(
        f"{run.sent:,} frames ({run.bytes_sent / 2**20:.0f} MiB) over {run.sockets:,} sockets in {took:.0f} s: "
        f"{run.sent / took:,.0f}/s, CPU {cpu:.0f} s; closed by the platform {run.closed_by_platform:,}\n"
        f"memory {run.memory_mib[0][1]:.0f} → {run.memory_mib[-1][1]:.0f} MiB, {grown:+.1f} MiB since the warm-up\n"
        f"good piles: {len(run.waits):,} heartbeats answered, p50 {percentile(waits, 0.5) * 1e3:.0f} ms, "
        f"p99 {percentile(waits, 0.99) * 1e3:.0f} ms, worst {max(waits) * 1e3:.0f} ms\n"
        f"stored: {stored['frames']:,} frames, {stored['records']:,} records, orders {stored['orders']}, "
        f"ledger problems {stored['ledger_problems']}"
    )
    say("\n".join(["NOT GOOD:", *bad]) if bad else "nothing broke")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
