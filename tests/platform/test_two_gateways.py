"""Two gateway processes behind one balancer: one is killed with charging piles on it, the other goes on with them."""

import asyncio
import random
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from django.db.models import Count, Sum

from billing.models import ChargingOrder, Entry, Journal
from billing.services import orders
from devices.models import GatewayNode, PileSession, TransactionRecord
from devices.simulators.battery import CAR_MODELS, Car
from devices.simulators.fleet import Fleet
from devices.simulators.ykc import YkcPile, YkcTiming
from kernel.actor import system
from stations.models import Pile
from tests import factories
from tests.devices.gateway.test_ykc_listener import until
from tests.platform.balancer import Balancer
from tests.platform.processes import Gateway

pytestmark = pytest.mark.django_db(transaction=True)

HEARTBEAT_S = 10.0  # a YKC pile's (V1.6 §8); it takes the link for lost after three without an answer
TIMING = YkcTiming(
    tick_s=0.2,
    heartbeat_s=2.0,
    sample_s=1.0,
    idle_sample_s=60,
    answer_s=5.0,
    start_delay_s=0.1,
    resend_s=3.0,
    last_resend_s=6.0,
    reconnect_s=0.3,
    reconnect_max_s=2.0,
)


class FleetThread:
    """Simulated piles behind a balancer, on a loop of their own, so that the test may use the database."""

    def __init__(self, codes: list[str], ports: list[int], timing: YkcTiming, per_second: float):
        self._codes, self._ports, self._timing, self._per_second = codes, ports, timing, per_second
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="fleet")

    def __enter__(self) -> "FleetThread":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        self.loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)

    async def _run(self) -> None:
        self.loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with Balancer(self._ports) as balancer:
            self.piles = [
                YkcPile(
                    code, port=balancer.port, timing=self._timing, speed=5.0, rng=random.Random(code),
                    meter_kwh=1_000.0,
                )
                for code in self._codes
            ]  # fmt: skip
            async with Fleet(self.piles, per_second=self._per_second) as fleet:
                self.fleet = fleet
                self._ready.set()
                await self._end.wait()

    def for_each(self, action) -> None:
        """Run `action(pile)` on the fleet's loop for all piles."""

        async def all_of_them() -> None:
            for pile in self.piles:
                action(pile)

        asyncio.run_coroutine_threadsafe(all_of_them(), self.loop).result(30)


@contextmanager
def two_gateways():
    gateways = [Gateway(EV_NODE=f"test-{number}") for number in (1, 2)]
    try:
        for gateway in gateways:
            gateway.start()
        yield gateways
    finally:
        for gateway in gateways:
            gateway.stop()


def make_piles(number: int) -> list[Pile]:
    site = factories.make_site(online=False, connectors=1, rated_power_kw="600.0")
    return [
        site.pile,
        *(factories.add_pile(site.station, connectors=1, rated_power_kw="600.0") for _ in range(number - 1)),
    ]


def open_sessions(node: str) -> int:
    return PileSession.objects.filter(closed_at__isnull=True, node=node).count()


def charging_on(piles: list[Pile]) -> int:
    return ChargingOrder.objects.filter(pile__in=piles, state="charging").count()


def kill_one_of_two(
    number: int, timing: YkcTiming, *, per_second: float, within_s: float
) -> dict[str, float]:
    """The whole story with `number` piles; returns its figures."""
    piles = make_piles(number)
    drivers = [factories.make_driver() for _ in piles]
    figures: dict[str, float] = {"piles": number}
    with two_gateways() as (first, second):
        assert set(GatewayNode.objects.values_list("name", flat=True)) == {"test-1", "test-2"}
        with FleetThread(
            [p.code for p in piles], [first.ykc_port, second.ykc_port], timing, per_second
        ) as fleet:
            patience = 30 + number / 2
            until(lambda: fleet.fleet.online() == number, timeout=patience)
            fleet.for_each(lambda pile: pile.plug(1, Car(CAR_MODELS[2], soc_pct=20)))
            until(lambda: set(_states(piles)) == {"occupied"}, timeout=patience)
            for pile, driver in zip(piles, drivers, strict=True):
                orders.start_order(
                    actor=system("test"), connector_code=pile.connectors.get().code, driver=driver
                )
            until(lambda: charging_on(piles) == number, timeout=patience)
            figures["on_the_killed"] = open_sessions("test-1")
            assert figures["on_the_killed"] >= number // 3

            first.kill()
            killed = time.monotonic()
            until(
                lambda: open_sessions("test-2") == number and fleet.fleet.online() == number, timeout=patience
            )
            figures["all_back_s"] = round(time.monotonic() - killed, 1)
            assert figures["all_back_s"] <= within_s
            # They never counted as offline, and go on charging under the orders they had.
            assert not PileSession.objects.filter(close_reason="silent").exists()
            assert Pile.objects.filter(pk__in=[p.pk for p in piles], online=True).count() == number
            assert ChargingOrder.objects.count() == number
            before = dict(ChargingOrder.objects.values_list("pk", "energy_kwh"))
            until(
                lambda: all(
                    energy > before[pk]
                    for pk, energy in ChargingOrder.objects.values_list("pk", "energy_kwh")
                ),
                timeout=patience,
            )
            figures["all_measured_again_s"] = round(time.monotonic() - killed, 1)

            fleet.for_each(lambda pile: pile.stop_by_hand(1))
            until(lambda: not ChargingOrder.objects.exclude(state="settled").exists(), timeout=patience)
            assert fleet.fleet.errors == []
    assert TransactionRecord.objects.count() == ChargingOrder.objects.count() == number
    settled = Journal.objects.filter(kind="settlement").values("order").annotate(times=Count("pk"))
    assert sorted(row["times"] for row in settled) == [1] * number
    assert not Entry.objects.unscoped("test").aggregate(total=Sum("amount_fen"))["total"]
    return figures


def _states(piles: list[Pile]):
    from stations.models import Connector

    return Connector.objects.filter(pile__in=piles).values_list("state", flat=True)


@pytest.mark.feature("PIL-38")
@pytest.mark.promise(2)
@pytest.mark.promise(7)
@pytest.mark.feature("PLT-03")
def test_a_gateway_dies_and_the_other_takes_its_piles():
    figures = kill_one_of_two(10, TIMING, per_second=50, within_s=HEARTBEAT_S)
    print(figures)


@pytest.mark.soak
def test_a_gateway_dies_with_two_hundred_charging_piles():
    """`pytest -m soak tests/platform/test_two_gateways.py -s` prints its figures."""
    timing = replace(
        TIMING, tick_s=1.0, heartbeat_s=HEARTBEAT_S, sample_s=5.0, reconnect_s=2.0, resend_s=10.0
    )
    print(kill_one_of_two(200, timing, per_second=20, within_s=60.0))
