"""The benchmarks on PostgreSQL and Redis: sessions of both protocols, from the start command to their live data."""

import asyncio
import time
from typing import Any

import httpx

from benchmarks import site
from benchmarks.context import Databases, environment
from benchmarks.machine import cpu_s
from benchmarks.piles import OcppPile, YkcPile, closed_loop, each
from benchmarks.processes import Limit, Platform
from benchmarks.report import Result, paired, percentile
from benchmarks.wire import YkcWire

STATIONS = 50
ROUNDS = 3
HEARTBEATS, METER_VALUES = 80, 40  # per station and round, within what one station may say at once
PILES = 200
LIVE_FRAMES = 80  # per pile and round, each with a heartbeat behind it
BACKGROUND_PER_S = 1_000


class Driver:
    """A driver's app over HTTP."""

    def __init__(self, client: httpx.AsyncClient, token: str):
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    async def start(self, code: str) -> None:
        response = await self._client.post(
            "/api/v1/driver/orders",
            headers={**self._headers, "Idempotency-Key": f"bench-{code}"},
            json={"connector_code": f"{code}01"},
        )
        if response.status_code != 201:
            raise RuntimeError(f"{code}: {response.status_code} {response.text}")


async def ocpp(databases: Databases) -> list[Result]:
    """Heartbeat and MeterValues of 50 stations in closed loop."""
    env = environment(databases.new())
    made = site.run("make", "--ocpp", str(STATIONS), "--drivers", str(STATIONS), environment=env)
    with Platform("--no-worker", environment=env) as platform, Limit("ocpp", env) as limit:
        ours, theirs = ([OcppPile(code) for code in made["ocpp16"]] for _ in range(2))
        await ours[0].dial(platform.port, site.PASSWORD)  # the one password of all is hashed once, then known
        await each(ours[1:], lambda pile: pile.dial(platform.port, site.PASSWORD))
        await each(theirs, lambda pile: pile.dial(limit.port, ""))
        await each(ours, OcppPile.boot)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{platform.port}", trust_env=False) as client:
            jobs = list(zip(ours, made["tokens"], strict=True))
            await each(jobs, lambda job: _charge_ocpp(*job, client), at_once=4)
        beats = await _rounds(platform, limit, ours, theirs, OcppPile.heartbeat, HEARTBEATS)
        meters = await _rounds(platform, limit, ours, theirs, OcppPile.meter_values, METER_VALUES)
        await asyncio.sleep(1)
        stored = site.run("count", environment=env)
        wanted = STATIONS * METER_VALUES * ROUNDS
        if stored["samples"] != wanted:
            raise RuntimeError(f"{stored['samples']} samples stored of {wanted}")
    return [
        Result("OCPP Heartbeat", beats[0], "/s", beats[1], 0.8, note=beats[2]),
        Result("OCPP MeterValues, stored and live", meters[0], "/s", meters[1], 0.6, note=meters[2]),
    ]


async def _charge_ocpp(pile: OcppPile, token: str, client: httpx.AsyncClient) -> None:
    command = pile.wire.expect("RemoteStartTransaction")
    await Driver(client, token).start(pile.code)
    call = await asyncio.wait_for(command, 10)
    pile.wire.transport.write(_accepted(call[1]))
    await pile.begin(call[3]["idTag"])


def _accepted(message_id: str) -> bytes:
    from benchmarks.wire import masked

    return masked(f'[3,"{message_id}",{{"status":"Accepted"}}]'.encode())


async def _rounds(
    platform: Platform, limit: Limit, ours: list, theirs: list, action: Any, times: int
) -> tuple[float, float, str]:
    """The middle one of several pairs of rounds, and what a message costs either process."""
    pairs, costs = [], []
    for _ in range(ROUNDS):
        before = cpu_s(platform.pid), cpu_s(limit.pid)
        first = await closed_loop(theirs, action, times)
        second = await closed_loop(ours, action, times)
        await asyncio.sleep(0.5)  # what the platform stores behind the answer is part of its cost
        pairs.append((second, first))
        costs.append((cpu_s(platform.pid) - before[0], cpu_s(limit.pid) - before[1]))
    messages = len(ours) * times * ROUNDS
    mine, other = (sum(cost[side] for cost in costs) / messages * 1e6 for side in (0, 1))
    return *paired(pairs), f"CPU {mine:.0f} against {other:.0f} µs"


async def ykc(databases: Databases) -> list[Result]:
    """Starts through the API and live data, on 200 YKC piles."""
    env = environment(databases.new())
    made = site.run("make", "--ykc", str(2 * PILES), "--drivers", str(PILES), environment=env)
    with Platform("--no-worker", environment=env) as platform, Limit("tcp", env) as limit:
        piles = [YkcPile(code) for code in made["ykc"][:PILES]]
        others = [YkcPile(code) for code in made["ykc"][PILES:]]
        await each(piles + others, lambda pile: pile.dial(platform.ykc_port))
        await each(piles, YkcPile.plug_in)
        starts, rate = await _starts(platform, piles, others, made["tokens"])
        live = await _live(platform, limit, piles)
        await asyncio.sleep(1)
        stored = site.run("count", environment=env)
        wanted = PILES * (LIVE_FRAMES * ROUNDS + 1)
        if stored["samples"] != wanted or stored["orders"] != {"charging": PILES}:
            raise RuntimeError(f"not everything was stored: {stored}, {wanted} samples wanted")
    return [
        Result(
            "Start command, API to frame, p99",
            percentile(starts, 0.99) * 1e3,
            "ms",
            wanted=50,
            at_most=True,
            note=f"p50 {percentile(starts, 0.5) * 1e3:.0f} ms, beside {rate:.0f} messages/s",
        ),
        Result("YKC 13, stored and live", live[0], "/s", live[1], 0.5, note=live[2]),
    ]


async def _starts(
    platform: Platform, piles: list[YkcPile], others: list[YkcPile], tokens: list[str]
) -> tuple[list[float], float]:
    """One start after another, while the other piles send heartbeats; seconds each, and the messages beside."""
    sent = 0
    over = False  # beside the cancelling, which `wait_for` swallows when its answer comes in the same moment

    async def chatter(pile: YkcPile, every: float, phase: float) -> None:
        nonlocal sent
        await asyncio.sleep(phase)
        due = time.perf_counter()
        while not over:
            await pile.heartbeat()
            sent += 1
            due += every
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    every = len(others) / BACKGROUND_PER_S
    tasks = [
        asyncio.create_task(chatter(pile, every, every * index / len(others)))
        for index, pile in enumerate(others)
    ]
    waits = []
    began = time.perf_counter()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{platform.port}", trust_env=False) as client:
            for pile, token in zip(piles, tokens, strict=True):
                command = pile.wire.expect(0x34)
                asked = time.perf_counter()
                request = asyncio.create_task(Driver(client, token).start(pile.code))
                frame = await asyncio.wait_for(command, 10)
                waits.append(time.perf_counter() - asked)
                await request
                await pile.begin(frame)
    finally:
        rate = sent / (time.perf_counter() - began)
        over = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return waits, rate


async def _live(platform: Platform, limit: Limit, piles: list[YkcPile]) -> tuple[float, float, str]:
    """Live data are never answered, so each has a heartbeat behind it in the same segment that is."""
    theirs = []
    for pile in piles:
        other = YkcPile(pile.code)
        other.wire = await YkcWire.dial(limit.port)
        theirs.append(other)
    ready: dict[int, list[bytes]] = {}

    async def step(pile: YkcPile) -> None:
        await pile.wire.ask(ready[id(pile)].pop(), 0x04)

    pairs, costs = [], []
    for _ in range(ROUNDS):
        for pile, other in zip(piles, theirs, strict=True):
            frames = [pile.rise() + pile.beat for _ in range(LIVE_FRAMES)]
            ready[id(pile)], ready[id(other)] = frames[::-1], frames[::-1]
        before = cpu_s(platform.pid), cpu_s(limit.pid)
        first = await closed_loop(theirs, step, LIVE_FRAMES)
        second = await closed_loop(piles, step, LIVE_FRAMES)
        await asyncio.sleep(0.5)
        pairs.append((second, first))
        costs.append((cpu_s(platform.pid) - before[0], cpu_s(limit.pid) - before[1]))
    frames_sent = len(piles) * LIVE_FRAMES * ROUNDS
    mine, other = (sum(cost[side] for cost in costs) / frames_sent * 1e6 for side in (0, 1))
    return *paired(pairs), f"each with a 03; CPU {mine:.0f} against {other:.0f} µs"
