"""The demo's daily life: cars come to the piles, their drivers start by app, watch, stop and leave.

Everything goes over the public doors, the piles' sockets and the driver API. Charging runs at its real power and
speed; it is the visits that are short, two to six minutes, so that something always happens.
"""

import asyncio
import random
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

import httpx

from devices.simulators.battery import CAR_MODELS, Car
from devices.simulators.driver_app import DriverApp, Refusal
from devices.simulators.fleet import Fleet, SimulatedPile, connector_code

ENDED = ("settled", "closed", "review")
RESTING_S = 90.0
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def demo_password(code: str) -> str:
    """The OCPP password of a demo pile, known to whoever fills the demo database; never of a real pile."""
    return f"demo-password-{code}"[:64]


def register_kwh(code: str, at: datetime) -> float:
    """What a demo pile's lifetime register shows at a moment: grows with time, so that no restart turns it back."""
    days = (at - _EPOCH).total_seconds() / 86_400
    return zlib.crc32(code.encode()) % 60_000 + 400 * max(0.0, days)


class Demo:
    """Visits at every connector of a fleet. `say` gets one line per thing worth telling."""

    def __init__(
        self,
        fleet: Fleet,
        drivers: list[DriverApp],
        *,
        rng: random.Random,
        say: Callable[[str], None],
        pace: float = 1.0,
        at_once: int = 16,
    ) -> None:
        self.fleet = fleet
        self._free: asyncio.Queue[DriverApp] = asyncio.Queue()
        for driver in rng.sample(drivers, len(drivers)):
            self._free.put_nowait(driver)
        self._rng = rng
        self._say = say
        self._pace = pace
        self._bays = asyncio.Semaphore(max(1, min(at_once, len(drivers))))
        self.visits = 0
        self.settled = 0
        self.refusals: dict[str, int] = {}

    def begin(self) -> None:
        """Let the visits begin: a first wave within seconds, on every kind of pile, then one by one."""
        kinds: dict[type, int] = {}
        for pile in self._rng.sample(self.fleet.piles, len(self.fleet.piles)):
            for number in pile.connector_numbers:
                wave = kinds.get(type(pile), 0)
                kinds[type(pile)] = wave + 1
                delay = self._rng.uniform(2, 12) if wave < 5 else self._rng.uniform(15, 240)
                self.fleet.spawn(self._visits(pile, number, delay))

    async def _rest(self, low: float, high: float) -> None:
        await asyncio.sleep(self._rng.uniform(low, high) * self._pace)

    async def _visits(self, pile: SimulatedPile, number: int, delay: float) -> None:
        await asyncio.sleep(delay * self._pace)
        while True:
            while not pile.online or pile.state(number) != "idle":
                await self._rest(0.5, 1.5)
            async with self._bays:
                driver = await self._free.get()
                try:
                    await self._visit(pile, number, driver)
                except httpx.HTTPError:
                    await self._rest(3, 8)  # the platform is away; the driver tries later
                finally:
                    if pile.state(number) != "fault":
                        pile.unplug(number)
                    self._free.put_nowait(driver)
            await self._rest(30, 150)

    async def _visit(self, pile: SimulatedPile, number: int, driver: DriverApp) -> None:
        code = connector_code(pile, number)
        ending = self._rng.choices(("app", "full", "unplug", "button"), (60, 16, 12, 12))[0]
        pile.plug(number, self._car(pile, ending))
        await self._rest(3, 8)
        try:
            order_no = (await driver.start(code))["order_no"]
        except Refusal as refusal:
            await self._refused(driver, code, refusal)
            return
        self.visits += 1
        self._say(f"{code}: charging for {driver.phone[:3]}****{driver.phone[-4:]}, order {order_no}")
        stay = self._rng.uniform(120, 360)
        await self._stay(pile, number, driver, order_no, stay=stay, full=ending == "full")
        await self._leave(pile, number, driver, order_no, ending)
        await self._rest(5, 25)

    def _car(self, pile: SimulatedPile, ending: str) -> Car:
        car = Car.arriving(self._rng)
        if ending == "full":  # nearly done when it comes, so that it fills up during the visit
            model = self._rng.choice(CAR_MODELS)
            target = self._rng.choice((80.0, 90.0))
            rated = 60.0 if getattr(pile, "dc", True) else 7.0
            gain = min(8.0, 100 * min(model.dc_peak_kw, rated) * 0.04 / model.capacity_kwh)
            car = Car(model, soc_pct=target - gain, target_soc_pct=target, vin=car.vin)
        return car

    async def _refused(self, driver: DriverApp, code: str, refusal: Refusal) -> None:
        self.refusals[refusal.code] = self.refusals.get(refusal.code, 0) + 1
        self._say(f"{code}: {refusal}")
        if refusal.code == "driver_busy":  # left over from an earlier run
            for order in await driver.running():
                try:
                    await driver.stop(order["order_no"])
                except Refusal:
                    pass
        await asyncio.sleep(RESTING_S * self._pace if refusal.status != 409 else 5 * self._pace)

    async def _stay(
        self, pile: SimulatedPile, number: int, driver: DriverApp, order_no: str, *, stay: float, full: bool
    ) -> None:
        """Watch the order as an app does until the car is full, the time is over or the order ended."""
        loop = asyncio.get_running_loop()
        leave_at = loop.time() + (stay + (300 if full else 0)) * self._pace
        while loop.time() < leave_at:
            await self._rest(4, 6)
            if (await driver.order(order_no))["state"] not in ("starting", "charging"):
                return

    async def _leave(
        self, pile: SimulatedPile, number: int, driver: DriverApp, order_no: str, ending: str
    ) -> None:
        if pile.state(number) in ("starting", "charging"):
            if ending == "unplug":
                pile.unplug(number)
            elif ending == "button":
                pile.stop_by_hand(number)
            else:
                try:
                    await driver.stop(order_no)
                except Refusal as refusal:
                    self.refusals[refusal.code] = self.refusals.get(refusal.code, 0) + 1
        order = await driver.order(order_no)
        for _ in range(45):
            if order["state"] in ENDED:
                break
            await self._rest(1.5, 2.5)
            order = await driver.order(order_no)
        if order["state"] == "settled":
            self.settled += 1
        self._say(
            f"{connector_code(pile, number)}: order {order_no} {order['state']}, "
            f"{order['energy_kwh']} kWh, {order['total_fen'] / 100:.2f} yuan"
        )
