"""Many piles at once: memory and heartbeats of those that hold, and the storm when all of them dial in again."""

import asyncio
import tempfile
import time

from benchmarks import site
from benchmarks.context import Databases, environment
from benchmarks.machine import allow_sockets, cpu_s, rss_kib
from benchmarks.piles import YkcPile, closed_loop, each
from benchmarks.processes import Platform
from benchmarks.report import Result, percentile

HELD = 2_000
MANY = 10_000
EMBEDDED = 1_000
BEATS_PER_S = 1_000  # of all piles together; 10,000 piles then say something every ten seconds, as YKC asks
BACK_WITHIN_S = 60
AT_ONCE = 400  # sockets of the storm that wait for an answer at the same time


async def connections(databases: Databases) -> list[Result]:
    """2,000 YKC piles on one process over PostgreSQL: memory, heartbeats, storm."""
    return await _storm(environment(databases.new()), HELD, "", "--no-worker")


async def ten_thousand(databases: Databases) -> list[Result]:
    """The same with 10,000 piles; not part of the usual run, it takes minutes by itself."""
    return await _storm(environment(databases.new()), MANY, "", "--no-worker")


async def embedded(databases: Databases) -> list[Result]:
    """The storm of 1,000 piles on the embedded default: SQLite, memory, worker and beat in the same process."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment("", redis=False, EV_DATA_DIR=folder)
        return await _storm(env, EMBEDDED, ", embedded default", beats_per_s=EMBEDDED // 2)


async def _storm(
    env, number: int, suffix: str, *options: str, beats_per_s: int = BEATS_PER_S
) -> list[Result]:
    allow_sockets(number + 200)  # the platform, started from here, may then open as many
    every_s = number / beats_per_s
    made = site.run("make", "--ykc", str(number), environment=env)
    piles = [YkcPile(code) for code in made["ykc"]]
    with Platform(*options, environment=env) as platform:
        await each(piles[:50], lambda pile: pile.dial(platform.ykc_port))  # what only the first ones cost
        before = rss_kib(platform.pid)
        await each(piles[50:], lambda pile: pile.dial(platform.ykc_port), at_once=AT_ONCE)
        await asyncio.sleep(2)
        memory = (rss_kib(platform.pid) - before) / (number - 50)
        waits: list[float] = []

        async def beat(pile: YkcPile) -> None:
            sent = time.perf_counter()
            await pile.heartbeat()
            waits.append(time.perf_counter() - sent)
            await asyncio.sleep(every_s)

        await asyncio.gather(
            *(_later(index * every_s / number, closed_loop([p], beat, 3)) for index, p in enumerate(piles))
        )
        for pile in piles:
            pile.wire.close()
        cpu, began = cpu_s(platform.pid), time.perf_counter()
        await each(piles, lambda pile: pile.dial(platform.ykc_port), at_once=AT_ONCE)
        took = time.perf_counter() - began
        cost = (cpu_s(platform.pid) - cpu) / number * 1e3
        await asyncio.sleep(2)
        online = site.run("count", environment=env)["online"]
        if online != number or any(pile.wire.closed for pile in piles):
            raise RuntimeError(f"{online} of {number} piles are online after the storm")
    return [
        Result(
            f"Memory per pile{suffix}", memory, "KB", wanted=40, at_most=True, note=f"{number} piles held"
        ),
        Result(
            f"Heartbeat of {number} piles, p99{suffix}",
            percentile(waits, 0.99) * 1e3,
            "ms",
            note=f"one in {every_s:.0f} s each, p50 {percentile(waits, 0.5) * 1e3:.1f} ms",
        ),
        Result(
            f"Storm of {number} piles{suffix}",
            took,
            "s",
            wanted=BACK_WITHIN_S,
            at_most=True,
            note=f"login and tariff; {number / took:.0f} piles/s, CPU {cost:.1f} ms each",
        ),
    ]


async def _later(seconds: float, work) -> None:
    await asyncio.sleep(seconds)
    await work
