"""Records settled per second: a network that lost its link, and every pile's record at once when it is back."""

import asyncio
import os
import re
import shutil
import statistics
import subprocess
import time
from urllib.parse import unquote, urlsplit

import httpx

from benchmarks import site
from benchmarks.context import Databases, environment
from benchmarks.machine import LOAD_CORE, cpu_s
from benchmarks.piles import YkcPile, each
from benchmarks.processes import Platform
from benchmarks.report import Result, percentile
from benchmarks.sessions import Driver

PILES = 600
SAMPLES = 3  # live data of each session before it ends
STARTS_AT_ONCE = 8
PGBENCH_S = 4


async def records(databases: Databases) -> list[Result]:
    """600 YKC piles charge; then each reports its record, all at once.

    A record counts when its order is settled, the ledger balances and the pile has its answer.
    """
    env = environment(databases.new())
    made = site.run("make", "--ykc", str(PILES), "--drivers", str(PILES), environment=env)
    limit = Pgbench(databases)
    with Platform("--no-worker", environment=env) as platform:
        piles = [YkcPile(code) for code in made["ykc"]]
        await each(piles, lambda pile: pile.dial(platform.ykc_port))
        await each(piles, YkcPile.plug_in)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{platform.port}", trust_env=False) as client:
            jobs = [(pile, Driver(client, token)) for pile, token in zip(piles, made["tokens"], strict=True)]
            await each(jobs, lambda job: _charge(*job), at_once=STARTS_AT_ONCE)
        await asyncio.sleep(2)
        rates = [limit.tps()]
        frames = [(pile, pile.record()) for pile in piles]
        before = cpu_s(platform.pid)
        settled, waits = await _report(frames)
        await asyncio.sleep(0.5)  # what is stored behind the answer is part of the cost
        cost = (cpu_s(platform.pid) - before) / PILES * 1e3
        rates.append(limit.tps())
        stored = site.run("count", environment=env)
        if stored["orders"] != {"settled": PILES} or stored["ledger_problems"]:
            raise RuntimeError(f"not everything was settled: {stored}")
    tps = statistics.mean(rates) if all(rates) else None
    return [
        Result(
            "YKC 3B settled",
            settled,
            "/s",
            tps,
            0.25 if tps else None,
            note=f"{PILES} at once; CPU {cost:.2f} ms each; limit: pgbench, 8 clients",
        ),
        Result(
            "YKC 3B to 40, p99",
            percentile(waits, 0.99) * 1e3,
            "ms",
            note=f"{PILES} records at once; p50 {percentile(waits, 0.5) * 1e3:.0f} ms",
        ),
    ]


async def _charge(pile: YkcPile, driver: Driver) -> None:
    command = pile.wire.expect(0x34)
    await driver.start(pile.code)
    await pile.begin(await asyncio.wait_for(command, 30))
    for _ in range(SAMPLES):
        pile.wire.transport.write(pile.rise())
    await pile.heartbeat()


async def _report(frames: list[tuple[YkcPile, bytes]]) -> tuple[float, list[float]]:
    """Every pile sends its record; records per second and the seconds from each frame to its answer."""
    waits = []
    began = time.perf_counter()

    async def report(pile: YkcPile, frame: bytes) -> None:
        sent = time.perf_counter()
        await pile.wire.ask(frame, 0x40)
        waits.append(time.perf_counter() - sent)

    await asyncio.gather(*(report(pile, frame) for pile, frame in frames))
    return len(frames) / (time.perf_counter() - began), waits


class Pgbench:
    """pgbench's own mix (TPC-B like) on the same PostgreSQL, 8 clients, from the load's core."""

    def __init__(self, databases: Databases):
        self._program = shutil.which("pgbench")
        if self._program is None:
            return
        parts = urlsplit(databases.new())
        self._environment = {
            **os.environ,
            "PGHOST": parts.hostname or "",
            "PGPORT": str(parts.port),
            "PGUSER": parts.username or "",
            "PGPASSWORD": unquote(parts.password or ""),
            "PGDATABASE": parts.path.lstrip("/"),
        }
        self._run("-i", "-q", "-s", "10")

    def tps(self) -> float | None:
        """Transactions per second of a short run; None without pgbench."""
        if self._program is None:
            return None
        found = re.search(r"tps = ([0-9.]+)", self._run("-c", "8", "-T", str(PGBENCH_S)))
        return float(found[1]) if found else None

    def _run(self, *options: str) -> str:
        return subprocess.run(
            [self._program, *options],
            env=self._environment,
            preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
