"""The simulated e-bike box from outside: a small platform on a real socket hears what it says."""

import asyncio
import itertools
import random
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from devices.simulators.dny import DnyBox, DnyTiming
from devices.simulators.dny.bike import BIKE_MODELS, Bike
from tests.devices.simulators.dny_platform import FakeDnyPlatform

CODE = "05AB373B"
ORDER = "00000000000026112012000012345678"
FAST = DnyTiming(
    tick_s=0.02,
    heartbeat_s=0.3,
    link_s=5.0,
    sample_s=0.1,
    start_delay_s=0.02,
    settle_delay_s=0.02,
    resend_s=0.2,
    last_resend_s=0.2,
    reconnect_s=0.1,
    reconnect_max_s=0.3,
)


@asynccontextmanager
async def running(platform: FakeDnyPlatform, **options):
    box = DnyBox(
        CODE, port=platform.port, **{"timing": FAST, "rng": random.Random(1), "speed": 20.0} | options
    )
    task = asyncio.create_task(box.run())
    try:
        await box.wait_until(lambda: box.online or not platform.known or not platform.answer_heartbeats)
        yield box
    finally:
        await box.close()
        await asyncio.wait_for(task, 2)


async def test_it_names_its_sim_registers_asks_the_time_and_beats():
    async with FakeDnyPlatform() as platform, running(platform) as box:
        await box.wait_until(lambda: len(platform.of(0x21)) >= 3)
        assert platform.iccids == ["89860413161892009275"]
        assert len(platform.of(0x20)) == len(platform.of(0x22)) == 1, "until they were answered"
        assert platform.of(0x21)[0]["states"] == [0] * 10
        assert platform.findings == []
        assert box.stats.logins == 1


async def test_a_quiet_line_is_kept_open_with_link():
    timing = DnyTiming(tick_s=0.02, link_s=0.1, reconnect_s=0.1)
    async with FakeDnyPlatform() as platform, running(platform, timing=timing) as box:
        await box.wait_until(lambda: platform.links >= 2)


async def test_two_missed_heartbeats_end_the_link_and_a_box_that_is_refused_is_not_online():
    async with FakeDnyPlatform() as platform:
        platform.answer_heartbeats = False
        async with running(platform) as box:
            await box.wait_until(lambda: platform.connections >= 2)
            platform.answer_heartbeats, platform.known = True, False
            await box.wait_until(lambda: box.stats.refusals)
            assert not box.online


async def test_a_charge_from_start_to_settlement():
    async with FakeDnyPlatform() as platform, running(platform) as box:
        box.plug(3, Bike(BIKE_MODELS[3], soc_pct=20))
        platform.start(CODE, order=ORDER, port=2)
        await box.wait_until(lambda: platform.of(0x82))
        assert platform.of(0x82)[0] == {"result": 0, "order": ORDER, "port": 2, "waiting_ports": 0}
        await box.wait_until(lambda: len(platform.of(0x06)) >= 2)
        first, second = platform.of(0x06)[:2]
        assert (first["port"], first["state"], first["how"], first["order"]) == (2, 1, 1, ORDER)
        assert second["energy"] >= first["energy"]
        assert second["power"] > 400
        platform.stop(CODE, order=ORDER, port=2)
        await box.wait_until(lambda: box.stats.records_acknowledged == 1)
        (record,) = platform.of(0x03)
        assert (record["stop_reason"], record["port"], record["order"]) == (7, 2, ORDER)
        assert record["energy"] >= second["energy"]
        assert len(box.logic.records) == 0


async def test_a_full_bike_ends_its_charge_by_itself():
    async with FakeDnyPlatform() as platform, running(platform, speed=2_000.0) as box:
        box.plug(1, Bike(BIKE_MODELS[0], soc_pct=95))
        platform.start(CODE, order=ORDER)
        await box.wait_until(lambda: platform.of(0x03))
        assert platform.of(0x03)[0]["stop_reason"] == 1
        await box.wait_until(lambda: platform.of(0x21)[-1]["states"][0] == 3)


@pytest.mark.parametrize(
    ("prepare", "result"),
    [
        (lambda box: None, 1),
        (lambda box: box.break_down(1), 8),
        (lambda box: box.faults.set("reject_start", 6), 6),
    ],
)
async def test_a_start_that_cannot_be_is_refused(prepare, result):
    async with FakeDnyPlatform() as platform, running(platform) as box:
        prepare(box)
        platform.start(CODE, order=ORDER)
        await box.wait_until(lambda: platform.of(0x82))
        assert platform.of(0x82)[0]["result"] == result
        platform.start(CODE, order=ORDER, port=12)
        await box.wait_until(lambda: len(platform.of(0x82)) == 2)
        assert platform.of(0x82)[1]["result"] == 4


async def test_the_same_start_twice_is_one_charge_and_only_its_order_stops_it():
    async with FakeDnyPlatform() as platform, running(platform) as box:
        box.plug(1, Bike(soc_pct=20))
        fields = {"port": 0, "action": 1, "order": ORDER}
        for _ in range(2):
            platform.send(CODE, 0x82, 77, **fields)
        platform.send(CODE, 0x82, 78, **fields)
        platform.stop(CODE, order="1" * 32)
        await box.wait_until(lambda: len(platform.of(0x82)) == 4)
        assert [answer["result"] for answer in platform.of(0x82)] == [0, 0, 2, 2]
        await box.wait_until(lambda: box.stats.charges_started)
        assert box.stats.charges_started == 1


@pytest.mark.parametrize(("fault", "reason"), [("unplug", 5), ("overload", 6), ("fault_in_charge", 0x0F)])
async def test_charges_that_end_badly_say_why(fault, reason):
    async with FakeDnyPlatform() as platform, running(platform, faults=[f"{fault}=0.1"]) as box:
        box.plug(1, Bike(soc_pct=20))
        platform.start(CODE, order=ORDER)
        await box.wait_until(lambda: platform.of(0x03))
        assert platform.of(0x03)[0]["stop_reason"] == reason


async def test_a_settlement_is_sent_until_it_is_answered_and_again_when_asked_to():
    async with FakeDnyPlatform() as platform, running(platform, faults=["resend_record=2"]) as box:
        platform.confirm_records = False
        box.plug(1, Bike(soc_pct=20))
        platform.start(CODE, order=ORDER)
        await box.wait_until(lambda: box.state(1) == "charging")
        box.unplug(1)
        await box.wait_until(lambda: len(platform.of(0x03)) >= 3)
        sent = len(platform.of(0x03))
        platform.confirm_records = True
        await box.wait_until(lambda: box.stats.records_acknowledged == 1)
        await box.wait_until(lambda: len(platform.of(0x03)) >= sent + 3)
        contents = [{**record, "time": None} for record in platform.of(0x03)]
        assert all(content == contents[0] for content in contents)


@pytest.mark.parametrize("fault", ["drop_link", "power_cut"])
async def test_a_lost_link_or_mains_does_not_end_the_charge(fault):
    async with FakeDnyPlatform() as platform, running(platform, faults=[f"{fault}=0.1"]) as box:
        box.plug(1, Bike(BIKE_MODELS[3], soc_pct=20))
        platform.start(CODE, order=ORDER)
        await box.wait_until(lambda: platform.connections == 2 and box.online)
        assert bool(platform.of(0x42)) == (fault == "power_cut")
        assert len(platform.of(0x20)) == (2 if fault == "power_cut" else 1), "it registers at power-up only"
        before = len(platform.of(0x06))
        await box.wait_until(lambda: len(platform.of(0x06)) > before)
        platform.stop(CODE, order=ORDER)
        await box.wait_until(lambda: platform.of(0x03))
        assert platform.of(0x03)[0]["stop_reason"] == 7


async def test_limits_reboot_and_a_changed_amount():
    async with FakeDnyPlatform() as platform, running(platform) as box:
        platform.send(CODE, 0x85, max_time=7200, overload=Decimal(500))
        platform.send(CODE, 0x92)
        platform.send(CODE, 0x85, max_time=7200, overload=Decimal(4000))
        await box.wait_until(lambda: len(platform.of(0x85)) == 2 and platform.of(0x92))
        assert [answer["result"] for answer in platform.of(0x85)] == [0, 1]
        assert platform.of(0x92)[0] == {"max_time": 7200, "overload": Decimal("500.0")}
        box.plug(1, Bike(soc_pct=20))
        platform.start(CODE, order=ORDER)
        await box.wait_until(lambda: box.state(1) == "charging")
        platform.send(CODE, 0x8A, rate_mode=1, port=0, amount=1)
        await box.wait_until(lambda: platform.of(0x03))
        assert platform.of(0x8A)[0]["result"] == 0
        assert platform.of(0x03)[0]["stop_reason"] == 3
        platform.send(CODE, 0x87)
        await box.wait_until(lambda: len(platform.of(0x20)) == 2)
        assert platform.of(0x87)[0]["result"] == 0


def test_a_bike_fills_up_the_way_batteries_do():
    bike, powers, counted = Bike(BIKE_MODELS[1], soc_pct=20), [], 0.0
    while not bike.full and len(powers) < 10_000:
        powers.append(bike.power_w)
        counted += bike.draw(60)
    assert powers[0] == BIKE_MODELS[1].peak_w
    assert all(later <= earlier for earlier, later in itertools.pairwise(powers))
    assert 4 * 60 < len(powers) < 12 * 60, "some hours"
    assert bike.soc > 0.97
    assert counted == pytest.approx((bike.soc - 0.2) * 960 / 0.88, rel=0.01)
