"""The simulated YKC pile against a small platform over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from devices.simulators.battery import CAR_MODELS, Car
from devices.simulators.faults import UnknownFault
from devices.simulators.ykc import YkcPile, YkcTiming
from tests.devices.simulators.ykc_platform import FakePlatform, noon

CODE = "32010600019236"
TRADE = "32010600019236012611201200000001"
FAST = YkcTiming(
    tick_s=0.01,
    heartbeat_s=0.1,
    sample_s=0.1,
    idle_sample_s=60,
    answer_s=0.3,
    start_delay_s=0.03,
    plug_wait_s=1,
    resend_s=0.15,
    last_resend_s=0.4,
    reconnect_s=0.05,
    reconnect_max_s=0.1,
)


@asynccontextmanager
async def site(*faults: str, **options) -> AsyncIterator[tuple[FakePlatform, YkcPile]]:
    async with FakePlatform() as platform:
        options = {"speed": 400.0, "timing": FAST, "meter_kwh": 1000.0} | options
        pile = YkcPile(CODE, port=platform.port, faults=faults, **options)
        running = asyncio.create_task(pile.run())
        try:
            yield platform, pile
        finally:
            await pile.close()
            await running


async def charge(
    platform: FakePlatform, pile: YkcPile, *, balance: str = "50.00", car: Car | None = None
) -> None:
    """Bring a plugged pile to charging."""
    await pile.wait_until(lambda: pile.online)
    pile.plug(1, car or Car(CAR_MODELS[2], soc_pct=20))
    platform.start(CODE, trade_no=TRADE, balance=balance)
    await pile.wait_until(lambda: pile.state(1) == "charging")


async def test_login_asks_for_the_tariff_and_then_beats():
    async with site(connectors=2) as (platform, pile):
        await pile.wait_until(lambda: pile.online and len(platform.of(0x05)) == 2)
        types = [message.type for message in platform.messages if message.type not in (0x03, 0x13)]
        assert types == [0x01, 0x05, 0x09, 0x05]
        assert platform.of(0x01)[0]["gun_count"] == 2
        assert [fields["model_no"] for fields in platform.of(0x05)] == ["0000", "0007"]
        await pile.wait_until(lambda: {f["gun_no"] for f in platform.of(0x03)} == {"01", "02"})
        await pile.wait_until(lambda: pile.stats.heartbeats_answered >= 3)
        assert {f["status"] for f in platform.of(0x13)} == {2}


async def test_an_unknown_pile_is_refused_and_asks_again():
    async with site() as (platform, pile):
        platform.known = False
        await pile.wait_until(lambda: platform.connections >= 3)
        assert pile.stats.refusals >= 2
        assert not pile.logged_in
        platform.known = True
        await pile.wait_until(lambda: pile.online)


async def test_a_charge_from_start_to_confirmed_record():
    async with site(clock=noon) as (platform, pile):
        await charge(platform, pile)
        await pile.wait_until(lambda: len([f for f in platform.of(0x13) if f["status"] == 3]) >= 4)
        platform.stop(CODE)
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)

        assert platform.of(0x33) == [
            {"trade_no": TRADE, "pile_code": CODE, "gun_no": "01", "ok": 1, "fail": "00"}
        ]
        running = [f for f in platform.of(0x13) if f["status"] == 3]
        assert {f["trade_no"] for f in running} == {TRADE}
        energies = [f["energy"] for f in running]
        assert energies == sorted(energies)
        assert energies[-1] > 0
        assert platform.of(0x35)[0]["ok"] == 1
        (record,) = platform.of(0x3B)
        assert record["trade_no"] == TRADE
        assert record["stop_reason"] == "40"
        assert record["meter_end"] - record["meter_start"] == record["total_energy"]
        assert record["peak_energy"] == record["total_energy"] >= energies[-1]
        assert record["total_amount"] == (record["total_energy"] * Decimal("1.3")).quantize(
            Decimal("0.01"), "ROUND_DOWN"
        )
        assert len(pile.logic.records) == 0
        await pile.wait_until(lambda: platform.of(0x13)[-1]["status"] == 2)


async def test_energy_is_booked_in_the_tier_of_the_wall_clock():
    moment = noon() + timedelta(hours=1, minutes=59)  # a minute before flat follows peak
    async with site(clock=lambda: moment) as (platform, pile):
        await charge(platform, pile)
        await pile.wait_until(lambda: sum(pile.logic.guns[1].session.bill.ticks) > 1000)
        moment += timedelta(minutes=2)
        before = sum(pile.logic.guns[1].session.bill.ticks)
        await pile.wait_until(lambda: sum(pile.logic.guns[1].session.bill.ticks) > before + 1000)
        platform.stop(CODE)
        await pile.wait_until(lambda: platform.of(0x3B))
        (record,) = platform.of(0x3B)
        assert record["peak_energy"] > 0
        assert record["flat_energy"] > 0
        assert record["peak_energy"] + record["flat_energy"] == record["total_energy"]
        assert record["sharp_energy"] == record["valley_energy"] == 0


async def test_a_start_without_a_car_is_refused_and_succeeds_when_the_plug_comes():
    async with site() as (platform, pile):
        await pile.wait_until(lambda: pile.online)
        platform.start(CODE, trade_no=TRADE)
        await pile.wait_until(lambda: platform.of(0x33))
        assert platform.of(0x33)[0]["fail"] == "05"
        pile.plug(1)
        await pile.wait_until(lambda: len(platform.of(0x33)) == 2)
        assert platform.of(0x33)[1]["ok"] == 1
        await pile.wait_until(lambda: pile.state(1) == "charging")
        platform.start(CODE, trade_no=TRADE[:-1] + "2")
        await pile.wait_until(lambda: len(platform.of(0x33)) == 3)
        assert platform.of(0x33)[2]["fail"] == "02"


async def test_other_commands_are_answered_with_the_sequence_of_the_question():
    async with site() as (platform, pile):
        await pile.wait_until(lambda: pile.online)
        card = "0" * 16
        platform.send(0x12, b"\x01\x09", pile_code=CODE, gun_no="01")
        platform.send(0x56, b"\x02\x09", pile_code=CODE, time=noon())
        platform.send(0x42, b"\x03\x09", pile_code=CODE, gun_no="01", physical_card=card, balance=Decimal(1))
        platform.send(0x52, b"\x04\x09", pile_code=CODE, forbid=0, power_pct=50)
        platform.send(0x92, b"\x05\x09", pile_code=CODE, when=2)
        expected = {
            0x13: b"\x01\x09",
            0x55: b"\x02\x09",
            0x41: b"\x03\x09",
            0x51: b"\x04\x09",
            0x91: b"\x05\x09",
        }
        await pile.wait_until(
            lambda: set(expected.items()) <= {(frame.type, frame.seq) for frame in platform.frames}
        )
        assert abs(pile.logic.wall() - noon()) < timedelta(seconds=5)
        await pile.wait_until(lambda: pile.stats.logins == 2)  # the reboot


async def test_a_new_tariff_is_taken_only_when_nothing_charges():
    from tests.devices.simulators.ykc_platform import MODEL

    async with site() as (platform, pile):
        await charge(platform, pile)
        platform.send(0x58, pile_code=CODE, model_no="0008", **MODEL)
        await pile.wait_until(lambda: platform.of(0x57))
        assert platform.of(0x57)[0]["ok"] == 0
        assert pile.logic.tariff.model_no == "0007"
        platform.stop(CODE)
        await pile.wait_until(lambda: pile.state(1) == "plugged")
        platform.send(0x58, pile_code=CODE, model_no="0008", **MODEL)
        await pile.wait_until(lambda: len(platform.of(0x57)) == 2)
        assert pile.logic.tariff.model_no == "0008"


@pytest.mark.parametrize(
    ("ending", "reason"),
    [("balance", "43"), ("full", "41"), ("unplug", "6B"), ("fault", "72"), ("button", "45")],
)
async def test_every_way_a_charge_ends_leaves_a_record_with_its_reason(ending, reason):
    async with site(clock=noon) as (platform, pile):
        full_soon = Car(CAR_MODELS[2], soc_pct=79.5, target_soc_pct=80)
        await charge(
            platform,
            pile,
            balance="1.00" if ending == "balance" else "99.00",
            car=full_soon if ending == "full" else None,
        )
        if ending == "unplug":
            pile.unplug(1)
        elif ending == "fault":
            pile.break_down(1)
        elif ending == "button":
            pile.stop_by_hand(1)
        await pile.wait_until(lambda: platform.of(0x3B))
        record = platform.of(0x3B)[0]
        assert record["stop_reason"] == reason
        assert record["total_amount"] <= (1 if ending == "balance" else 99)
        status, plugged = (1 if ending == "fault" else 2), (0 if ending == "unplug" else 1)
        await pile.wait_until(
            lambda: (platform.of(0x13)[-1]["status"], platform.of(0x13)[-1]["plugged"]) == (status, plugged)
        )


async def test_an_unconfirmed_record_is_resent_three_times_then_once_more_then_after_login():
    async with site() as (platform, pile):
        platform.confirm_records = False
        await charge(platform, pile)
        platform.stop(CODE)
        await pile.wait_until(lambda: len(platform.of(0x3B)) == 5)
        await asyncio.sleep(0.6)
        assert len(platform.of(0x3B)) == 5
        assert all(record == platform.of(0x3B)[0] for record in platform.of(0x3B))
        platform.confirm_records = True
        pile.drop_link()
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        assert len(platform.of(0x3B)) == 6


async def test_records_survive_the_process(tmp_path):
    path = tmp_path / "records.json"
    async with site(records_path=path) as (platform, pile):
        platform.confirm_records = False
        await charge(platform, pile)
        platform.stop(CODE)
        await pile.wait_until(lambda: platform.of(0x3B))
        first = platform.of(0x3B)[0]
    async with site(records_path=path) as (platform, pile):
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        assert platform.of(0x3B) == [first]


async def test_three_missed_heartbeats_make_it_dial_again():
    async with site() as (platform, pile):
        await pile.wait_until(lambda: pile.online)
        platform.answer_heartbeats = False
        await pile.wait_until(lambda: platform.connections >= 2)
        assert pile.stats.drops == 0  # its own decision


async def test_a_charge_goes_on_while_the_link_is_away():
    async with site() as (platform, pile):
        await charge(platform, pile)
        pile.drop_link(0.1)
        await pile.wait_until(lambda: not pile.logged_in)
        at_drop = sum(pile.logic.guns[1].session.bill.ticks)
        await pile.wait_until(lambda: pile.online)
        assert sum(pile.logic.guns[1].session.bill.ticks) > at_drop
        await pile.wait_until(lambda: platform.of(0x13)[-1]["trade_no"] == TRADE)


async def ended_charge(platform: FakePlatform, pile: YkcPile) -> None:
    await charge(platform, pile)
    await asyncio.sleep(0.05)
    platform.stop(CODE)
    await pile.wait_until(lambda: pile.state(1) == "plugged")


async def test_fault_resend_record():
    async with site("resend_record=4") as (platform, pile):
        await ended_charge(platform, pile)
        await pile.wait_until(lambda: len(platform.of(0x3B)) == 5)
        assert all(record == platform.of(0x3B)[0] for record in platform.of(0x3B))


async def test_fault_conflicting_record():
    async with site("conflicting_record") as (platform, pile):
        await ended_charge(platform, pile)
        await pile.wait_until(lambda: len(platform.of(0x3B)) == 2)
        honest, other = platform.of(0x3B)
        assert honest["trade_no"] == other["trade_no"]
        assert other["total_energy"] - honest["total_energy"] == Decimal("1.2345")


async def test_fault_implausible_record():
    async with site("implausible_record=910") as (platform, pile):
        await ended_charge(platform, pile)
        await pile.wait_until(lambda: platform.of(0x3B))
        record = platform.of(0x3B)[0]
        assert record["total_energy"] > 910
        assert record["meter_end"] - record["meter_start"] == record["total_energy"]


async def test_fault_record_late_and_no_record():
    async with site("record_late=0.5") as (platform, pile):
        await ended_charge(platform, pile)
        await asyncio.sleep(0.3)
        assert platform.of(0x3B) == []
        await pile.wait_until(lambda: platform.of(0x3B))
        pile.faults.clear("record_late")
        pile.faults.set("no_record")
        await ended_charge(platform, pile)
        await asyncio.sleep(0.3)
        assert len(platform.of(0x3B)) == 1


async def test_fault_never_answer_reject_and_late_start():
    async with site("never_answer_start") as (platform, pile):
        await pile.wait_until(lambda: pile.online)
        pile.plug(1)
        platform.start(CODE, trade_no=TRADE)
        await asyncio.sleep(0.2)
        assert platform.of(0x33) == []
        assert pile.state(1) == "plugged"
        pile.faults.clear("never_answer_start")
        pile.faults.set("reject_start")
        platform.start(CODE, trade_no=TRADE)
        await pile.wait_until(lambda: platform.of(0x33))
        assert platform.of(0x33)[0]["fail"] == "03"
        pile.faults.clear("reject_start")
        pile.faults.set("late_start", 0.4)
        platform.start(CODE, trade_no=TRADE)
        await pile.wait_until(lambda: len(platform.of(0x33)) == 2)
        await asyncio.sleep(0.2)
        assert pile.state(1) == "starting"
        await pile.wait_until(lambda: pile.state(1) == "charging")


async def test_fault_idle_while_charging_and_stale_trade_no():
    async with site("idle_while_charging", "stale_trade_no") as (platform, pile):
        await charge(platform, pile)
        seen = len(platform.of(0x13))
        await pile.wait_until(lambda: len(platform.of(0x13)) >= seen + 2)
        assert pile.state(1) == "charging"
        assert platform.of(0x13)[-1]["status"] == 2
        assert platform.of(0x13)[-1]["trade_no"] == TRADE


async def test_fault_drop_link_and_offline_replay():
    async with site("drop_link=0.1") as (platform, pile):
        await charge(platform, pile)
        await pile.wait_until(lambda: platform.connections == 2)
        assert pile.state(1) == "charging"
    async with site("offline_replay=0.3") as (platform, pile):
        await charge(platform, pile)
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        assert platform.connections == 2
        types = [message.type for message in platform.messages]
        after = types[types.index(0x01, 1) :]
        assert after.index(0x3B) > after.index(0x13) > 0
        replayed = [f for f in platform.of(0x13) if f["trade_no"] == TRADE]
        assert len(replayed) >= 2
        assert platform.of(0x3B)[0]["stop_reason"] == "45"


async def test_fault_in_charge():
    async with site("fault_in_charge=0.1") as (platform, pile):
        await charge(platform, pile)
        await pile.wait_until(lambda: platform.of(0x3B))
        assert platform.of(0x3B)[0]["stop_reason"] == "72"
        assert pile.state(1) == "fault"
        pile.mend(1)
        assert pile.state(1) == "plugged"


async def test_faults_of_the_wire():
    async with site("wrong_checksum=2") as (platform, pile):
        await pile.wait_until(lambda: len(platform.findings) >= 2)
        assert {finding.reason for finding in platform.findings} == {"bad_crc"}
    async with site("crc_high_first") as (platform, pile):
        await pile.wait_until(lambda: pile.online)
        assert {frame.crc_order for frame in platform.frames} == {"high"}
    async with site("garbage=1") as (platform, pile):
        await pile.wait_until(lambda: pile.online, timeout=8)
        assert platform.findings
    async with site("split_frames=4") as (platform, pile):
        await pile.wait_until(lambda: pile.online)
        assert max(len(chunk) for chunk in platform.chunks) < 38
        assert platform.findings == []
    async with site("merge_frames=5", connectors=3) as (platform, pile):
        await pile.wait_until(lambda: pile.online)
        await pile.wait_until(lambda: len(platform.of(0x13)) >= 3)
        assert len(platform.chunks) < len(platform.frames)
        assert platform.findings == []


async def test_fault_mute_holds_the_link_in_silence():
    async with site() as (platform, pile):
        await pile.wait_until(lambda: pile.online)
        pile.faults.set("mute")
        await asyncio.sleep(0.1)
        heard = len(platform.frames)
        await asyncio.sleep(0.5)
        assert len(platform.frames) == heard
        assert platform.connections == 1


async def test_fault_clock_skew():
    async with site("clock_skew=3600", clock=noon) as (platform, pile):
        await ended_charge(platform, pile)
        await pile.wait_until(lambda: platform.of(0x3B))
        assert platform.of(0x3B)[0]["start_time"] == noon() + timedelta(hours=1)


def test_an_unknown_fault_is_named():
    with pytest.raises(UnknownFault, match=r"explode: unknown fault; known are clock_skew"):
        YkcPile(CODE, faults=["explode"])
    with pytest.raises(UnknownFault, match="must be a number"):
        YkcPile(CODE, faults=["record_late=soon"])
