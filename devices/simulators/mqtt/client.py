"""A simulated MQTT box on its link to the broker: dials, publishes, listens, comes back when the link is lost."""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Iterable
from datetime import datetime
from urllib.parse import urlsplit

import aiomqtt

from devices.simulators.dny.bike import Bike
from devices.simulators.faults import MQTT, Faults
from devices.simulators.mqtt.logic import BoxLogic, BoxSpec
from devices.simulators.mqtt.timing import MqttTiming
from devices.simulators.stats import Stats
from devices.simulators.tcp_pile import utc_now

FAULT = "short_circuit"


class MqttBox:
    """One e-bike box behind a broker. `await run()` until `close()`; `faults` may change meanwhile.

    At the broker its user name is its code and its password that of the birth.
    """

    dc = False

    def __init__(
        self,
        code: str,
        *,
        password: str,
        url: str = "mqtt://127.0.0.1:1883",
        prefix: str = "ev",
        connectors: int = 10,
        overload_w: float = 800.0,
        speed: float = 1.0,
        timing: MqttTiming | None = None,
        faults: Iterable[str] = (),
        clock: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
    ) -> None:
        self.code, self.prefix = code, prefix
        self.timing = timing or MqttTiming()
        self.faults = Faults(MQTT, faults)
        self._rng = rng or random.Random()
        self._password = password
        self._broker = urlsplit(url)
        spec = BoxSpec(code, password, connectors, overload_w, speed)
        self.logic = BoxLogic(spec, timing=self.timing, faults=self.faults, clock=clock, rng=self._rng)
        self._closed = asyncio.Event()
        self._wake = asyncio.Event()

    @property
    def stats(self) -> Stats:
        return self.logic.stats

    @property
    def online(self) -> bool:
        """The platform has let the box in."""
        return self.logic.known

    @property
    def connector_numbers(self) -> list[int]:
        return list(self.logic.ports)

    def state(self, number: int) -> str:
        """One of idle, plugged, starting, charging, fault."""
        return self.logic.ports[number].state

    def plug(self, number: int, bike: object | None = None) -> None:
        """Plug a bike in; what is no bike (a fleet sends cars) stands for the next one that comes."""
        self.logic.plug(number, bike if isinstance(bike, Bike) else Bike.arriving(self._rng))
        self._wake.set()

    def unplug(self, number: int) -> None:
        self.logic.unplug(number, self._now())
        self._wake.set()

    def stop_by_hand(self, number: int) -> None:
        self.logic.stop_by_hand(number, self._now())
        self._wake.set()

    def break_down(self, number: int, bits: int = 1) -> None:
        """Set a port fault, a short circuit; 0 mends the port."""
        self.logic.break_down(number, FAULT if bits else "", self._now())
        self._wake.set()

    async def close(self) -> None:
        self._closed.set()
        self._wake.set()

    async def run(self) -> None:
        """Hold the link until `close()`."""
        patience = self.timing.reconnect_s
        while not self._closed.is_set():
            away = patience
            try:
                async with self._client() as client:
                    self.stats.connects += 1
                    patience = self.timing.reconnect_s
                    away = await self._talk(client)
            except aiomqtt.MqttError:
                if self.logic.known:
                    self.stats.drops += 1
                else:
                    self.stats.connect_failures += 1
                    patience = min(patience * 2, self.timing.reconnect_max_s)
            self.logic.disconnected()
            await self._stay_away(away)

    def _client(self) -> aiomqtt.Client:
        will = {"connection": self.logic.new_connection()}
        return aiomqtt.Client(
            self._broker.hostname or "127.0.0.1",
            self._broker.port or 1883,
            identifier=f"box-{self.code}",
            username=self.code,
            password=self._password,
            will=aiomqtt.Will(self._topic("will"), json.dumps(will), qos=1),
            clean_session=True,
            timeout=5,
        )

    def _topic(self, name: str) -> str:
        return f"{self.prefix}/{self.code}/up/{name}"

    async def _talk(self, client: aiomqtt.Client) -> float:
        """Serve one link; returns for how long to stay away."""
        await client.subscribe([(f"{self.prefix}/{self.code}/down/#", 1), (f"{self.prefix}/all/down/#", 1)])
        self.logic.connected(self._now())
        hearing = asyncio.create_task(self._hear(client))
        try:
            while not self._closed.is_set():
                self.logic.tick(self._now())
                for name, body in self.logic.drain():
                    await client.publish(self._topic(name), json.dumps(body), qos=1)
                if self.logic.drop_for is not None:
                    return self.logic.drop_for
                if hearing.done():
                    hearing.result()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self.timing.tick_s)
                self._wake.clear()
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
        return 0.0

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            name = str(message.topic).rpartition("/")[2]
            with contextlib.suppress(ValueError, KeyError):
                self.logic.receive(name, json.loads(message.payload), self._now())
            self._wake.set()

    async def _stay_away(self, seconds: float) -> None:
        """No link for so long; what charges at the box goes on charging."""
        ends = self._now() + seconds
        while self._now() < ends and not self._closed.is_set():
            self.logic.tick(self._now())
            await asyncio.sleep(min(self.timing.tick_s, max(0.0, ends - self._now())))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
