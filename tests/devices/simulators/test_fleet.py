"""Fleets: cars that come and go, soak figures, and the demo's visits against a stand-in of the driver API."""

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from devices.simulators.demo import Demo, register_kwh
from devices.simulators.driver_app import DriverApp, Refusal
from devices.simulators.fleet import Fleet, connector_code, keep_cars_coming, soak
from devices.simulators.ykc import YkcPile
from tests.devices.simulators.test_ykc import FAST
from tests.devices.simulators.ykc_platform import FakePlatform

CODES = ("32010600019236", "32010600019237", "32010600019238")


class CrowdPlatform(FakePlatform):
    """The fake platform with several piles: commands go to the link that the pile logged in on."""

    def __init__(self) -> None:
        super().__init__()
        self.writers: dict[str, asyncio.StreamWriter] = {}

    async def _serve(self, reader, writer) -> None:
        from devices.protocols.ykc.codec import Finding, Splitter

        self.connections += 1
        splitter = Splitter()
        while data := await reader.read(65536):
            for item in splitter.feed(data):
                if not isinstance(item, Finding):
                    self._hear(item, writer)
                    self.writers[self.messages[-1].fields["pile_code"]] = writer
        writer.close()

    def command(self, code: str) -> "CrowdPlatform":
        self.writer = self.writers[code]
        return self


class DriverApi:
    """Orders over HTTP that act on the fake platform: what the driver API promises, and nothing more."""

    def __init__(self, platform: CrowdPlatform) -> None:
        self.platform = platform
        self.orders: dict[str, str] = {}  # order number -> connector code
        self.tokens: set[str] = set()
        self.refuse: tuple[int, str] | None = None

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url="http://platform", transport=httpx.MockTransport(self._answer))

    def _trade_no(self, order_no: str) -> str:
        return order_no.zfill(32)

    def _order(self, order_no: str) -> dict:
        trade_no = self._trade_no(order_no)
        records = [item for item in self.platform.of(0x3B) if item["trade_no"] == trade_no]
        running = any(f["trade_no"] == trade_no and f["status"] == 3 for f in self.platform.of(0x13))
        state = "settled" if records else "charging" if running else "starting"
        energy = str(records[0]["total_energy"]) if records else "0.0000"
        return {"order_no": order_no, "state": state, "energy_kwh": energy, "total_fen": 0}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.tokens.add(request.headers["Authorization"])
        path = request.url.path.removeprefix("/api/v1/driver/orders").strip("/")
        if request.method == "POST" and not path:
            if self.refuse:
                status, code = self.refuse
                return httpx.Response(status, json={"code": code, "detail": "No.", "status": status})
            assert request.headers["Idempotency-Key"]
            code = json.loads(request.content)["connector_code"]
            order_no = str(len(self.orders) + 1)
            self.orders[order_no] = code
            self.platform.command(code[:14]).start(
                code[:14], trade_no=self._trade_no(order_no), gun=code[14:]
            )
            return httpx.Response(201, json=self._order(order_no))
        order_no, _, action = path.partition("/")
        code = self.orders[order_no]
        if action == "stop":
            self.platform.command(code[:14]).stop(code[:14], code[14:])
            return httpx.Response(202, json=self._order(order_no))
        return httpx.Response(200, json=self._order(order_no))


def piles_on(platform: FakePlatform, **options) -> list[YkcPile]:
    return [
        YkcPile(code, port=platform.port, timing=FAST, rng=random.Random(code), **options) for code in CODES
    ]


async def until(condition, timeout: float = 8.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.02)


async def test_cars_come_one_after_the_other():
    async with CrowdPlatform() as platform, Fleet(piles_on(platform, speed=200.0)[:1]) as fleet:
        pile = fleet.piles[0]
        fleet.spawn(keep_cars_coming(pile, 1, rng=random.Random(1), gap_s=0.05, charge_s=0.2))
        last = None
        for count in (1, 2):
            await until(lambda before=last: pile.logic.guns[1].car not in (None, before))
            last = pile.logic.guns[1].car
            platform.command(pile.code).start(pile.code, trade_no=str(count).zfill(32))
            await until(lambda wanted=count: len(platform.of(0x3B)) == wanted)
        vins = [record["vin"] for record in platform.of(0x3B)]
        assert len(set(vins)) == 2
        assert fleet.errors == []


async def test_a_soak_reports_who_stayed_and_who_dropped():
    async with CrowdPlatform() as platform, Fleet(piles_on(platform)) as fleet:

        async def cut() -> None:
            await asyncio.sleep(0.6)
            platform.writers[CODES[1]].close()

        fleet.spawn(cut())
        result = await soak(fleet, seconds=1.5, stop=asyncio.Event())
        assert result["piles"] == result["online_at_start"] == result["online"] == 3
        assert result["held"]["drops"] == 1
        assert result["fewest_online"] >= 2
        assert result["held"]["heartbeats_answered"] >= 20
        assert result["rss_kib"]["simulator"][0] > 1000


async def test_demo_visits_start_watch_and_stop_through_the_driver_api():
    async with CrowdPlatform() as platform:
        api = DriverApi(platform)
        said: list[str] = []
        async with Fleet(piles_on(platform, speed=50.0)) as fleet, api.client() as client:
            drivers = [DriverApp(client, phone=f"1380000000{i}", token=f"token{i}") for i in range(3)]
            demo = Demo(fleet, drivers, rng=random.Random(5), say=said.append, pace=0.004)
            demo.begin()
            await until(lambda: demo.settled >= 6, timeout=20)
            assert fleet.errors == []
            assert demo.refusals == {}
        assert {code[:14] for code in api.orders.values()} == set(CODES)
        assert api.tokens == {f"Bearer token{i}" for i in range(3)}
        assert any("settled" in line for line in said)
        assert not any("13800000001" in line for line in said)  # phones are masked


async def test_a_refused_driver_leaves_and_another_one_comes():
    async with CrowdPlatform() as platform:
        api = DriverApi(platform)
        api.refuse = (409, "connector_busy")
        async with Fleet(piles_on(platform, speed=50.0)[:1]) as fleet, api.client() as client:
            drivers = [DriverApp(client, phone="13800000001", token="t")]
            demo = Demo(fleet, drivers, rng=random.Random(5), say=lambda line: None, pace=0.003)
            demo.begin()
            await until(lambda: demo.refusals.get("connector_busy", 0) >= 2)
            assert demo.visits == 0
            api.refuse = None
            await until(lambda: demo.settled >= 1, timeout=15)


async def test_the_app_tells_why_it_was_refused():
    transport = httpx.MockTransport(
        lambda request: httpx.Response(402, json={"code": "poor", "detail": "Top up."})
    )
    async with httpx.AsyncClient(base_url="http://platform", transport=transport) as client:
        with pytest.raises(Refusal, match="402 poor: Top up") as refused:
            await DriverApp(client, phone="13800000001", token="t").start("X01")
        assert refused.value.code == "poor"


def test_a_demo_register_never_runs_back_and_codes_read_as_printed():
    now = datetime(2026, 11, 20, tzinfo=UTC)
    assert register_kwh("A", now) < register_kwh("A", now + timedelta(hours=1))
    assert register_kwh("A", now) != register_kwh("B", now)
    assert connector_code(YkcPile(CODES[0]), 2) == "3201060001923602"
