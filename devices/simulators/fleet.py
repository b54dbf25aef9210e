"""Many simulated piles in one event loop: start them, keep cars coming, stop them, add up what happened."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from devices.simulators.battery import Car
from devices.simulators.stats import Stats, total


class SimulatedPile(Protocol):
    """What a fleet needs of a pile, whatever it speaks."""

    code: str
    stats: Stats

    @property
    def online(self) -> bool: ...

    @property
    def connector_numbers(self) -> list[int]: ...

    def state(self, number: int) -> str: ...

    def plug(self, number: int, car: Car | None = None) -> None: ...

    def unplug(self, number: int) -> None: ...

    def stop_by_hand(self, number: int) -> None: ...

    def break_down(self, number: int, bits: int = 1) -> None: ...

    async def run(self) -> None: ...

    async def close(self) -> None: ...


def connector_code(pile: SimulatedPile, number: int) -> str:
    """What is printed on a connector: pile code and two digits."""
    return f"{pile.code}{number:02d}"


class Fleet:
    """Piles that run together. `async with Fleet(piles)` starts them, `per_second` at a time, and ends them."""

    def __init__(self, piles: Sequence[SimulatedPile], *, per_second: float = 50.0) -> None:
        self.piles = list(piles)
        self.per_second = per_second
        self._tasks: set[asyncio.Task] = set()
        self.errors: list[str] = []

    async def __aenter__(self) -> "Fleet":
        self.spawn(self._start())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(pile.close() for pile in self.piles), return_exceptions=True)
        _done, left = await asyncio.wait(self._tasks, timeout=0.5) if self._tasks else (set(), set())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def spawn(self, work: Any) -> asyncio.Task:
        """Run a coroutine as long as the fleet; what it raises is kept in `errors`."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.errors.append(repr(task.exception()))

    async def _start(self) -> None:
        for pile in self.piles:
            self.spawn(pile.run())
            await asyncio.sleep(1 / self.per_second)

    def online(self) -> int:
        return sum(pile.online for pile in self.piles)

    def charging(self) -> int:
        return sum(
            pile.state(number) == "charging" for pile in self.piles for number in pile.connector_numbers
        )

    def summary(self) -> dict[str, Any]:
        """Counts of piles and the sums of their counters."""
        return {
            "piles": len(self.piles),
            "online": self.online(),
            "charging": self.charging(),
            **total(pile.stats for pile in self.piles),
            "errors": self.errors[:10],
        }


async def keep_cars_coming(
    pile: SimulatedPile,
    number: int,
    *,
    rng: random.Random,
    gap_s: float = 5.0,
    charge_s: float | None = None,
) -> None:
    """Keep a car at a connector: after each charge it leaves and the next one comes.

    With `charge_s` somebody presses stop at the pile after so many seconds; otherwise only the platform, the
    balance or a full battery end a charge.
    """
    while True:
        while pile.state(number) != "idle" or not pile.online:
            await asyncio.sleep(0.2)
        pile.plug(number, Car.arriving(rng))
        while pile.state(number) in ("plugged", "starting"):
            await asyncio.sleep(0.2)
        if charge_s is not None and pile.state(number) == "charging":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(charge_s):
                    while pile.state(number) == "charging":
                        await asyncio.sleep(0.1)
            pile.stop_by_hand(number)
        while pile.state(number) in ("starting", "charging", "fault"):
            await asyncio.sleep(0.2)
        await asyncio.sleep(gap_s)
        pile.unplug(number)
        await asyncio.sleep(gap_s)


async def soak(
    fleet: Fleet, *, seconds: float, stop: asyncio.Event, watch_pid: int | None = None
) -> dict[str, Any]:
    """Hold idle piles for `seconds` after all are online (or when it is time to give up); report drops and memory.

    `watch_pid` is another process, the gateway, whose resident memory is reported too, in KiB.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    patience = began + 60 + 2 * len(fleet.piles) / fleet.per_second
    while fleet.online() < len(fleet.piles) and loop.time() < patience and not stop.is_set():
        await asyncio.sleep(0.2)
    connected_s = loop.time() - began
    start = fleet.summary()
    memory = {"simulator": [rss_kib()], "watched": [rss_kib(watch_pid)] if watch_pid else []}
    fewest = start["online"]
    ends = loop.time() + seconds
    while loop.time() < ends and not stop.is_set():
        await asyncio.sleep(min(1.0, max(0.01, ends - loop.time())))
        fewest = min(fewest, fleet.online())
    memory["simulator"].append(rss_kib())
    if watch_pid:
        memory["watched"].append(rss_kib(watch_pid))
    end = fleet.summary()
    held = {name: end[name] - start[name] for name in ("drops", "heartbeats", "heartbeats_answered")}
    return end | {
        "seconds_to_connect": round(connected_s, 2),
        "online_at_start": start["online"],
        "fewest_online": fewest,
        "held": held | {"seconds": round(loop.time() - began - connected_s, 1)},
        "rss_kib": memory,
    }


def rss_kib(pid: int | None = None) -> int | None:
    """Resident memory of a process in KiB, None when it cannot be read."""
    try:
        text = Path(f"/proc/{pid or 'self'}/status").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return None
