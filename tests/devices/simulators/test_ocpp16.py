"""The simulated OCPP 1.6J pile against a small central system over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from ocpp.v16 import call

from devices.simulators.battery import CAR_MODELS, Car
from devices.simulators.ocpp16 import Ocpp16Pile, OcppTiming
from tests.devices.simulators.ocpp_platform import PASSWORD, FakeCentral

FAST = OcppTiming(
    tick_s=0.01,
    heartbeat_s=0.2,
    sample_s=0.1,
    start_delay_s=0.03,
    plug_wait_s=1,
    answer_s=0.5,
    retry_s=0.1,
    reconnect_s=0.05,
    reconnect_max_s=0.2,
)


@asynccontextmanager
async def site(*faults: str, **options) -> AsyncIterator[tuple[FakeCentral, Ocpp16Pile]]:
    async with FakeCentral() as central:
        options = {
            "password": PASSWORD,
            "speed": 400.0,
            "timing": FAST,
            "meter_kwh": 1000.0,
            "url": central.url,
        } | options
        pile = Ocpp16Pile("CP-1", faults=faults, **options)
        running = asyncio.create_task(pile.run())
        try:
            yield central, pile
        finally:
            await pile.close()
            await running


async def charge(central: FakeCentral, pile: Ocpp16Pile, car: Car | None = None) -> None:
    """Bring a pile to charging with the transaction known."""
    await pile.wait_until(lambda: pile.online)
    pile.plug(1, car or Car(CAR_MODELS[2], soc_pct=20))
    answer = await central.station.call(call.RemoteStartTransaction(id_tag="TAG1", connector_id=1))
    assert answer.status == "Accepted"
    await pile.wait_until(lambda: pile.state(1) == "charging")
    await pile.wait_until(lambda: central.of("StartTransaction"))
    await pile.wait_until(lambda: "offline_start" in pile.faults or central.of("MeterValues"))


async def remote_stop(central: FakeCentral) -> str:
    answer = await central.station.call(call.RemoteStopTransaction(transaction_id=central.transaction_id))
    return answer.status


async def test_boot_then_status_of_every_connector_then_heartbeats():
    async with site(connectors=2) as (central, pile):
        await pile.wait_until(lambda: len(central.of("Heartbeat")) >= 2)
        actions = [action for action, _ in central.calls]
        assert actions[:4] == ["BootNotification"] + ["StatusNotification"] * 3
        assert [item["connectorId"] for item in central.of("StatusNotification")] == [0, 1, 2]
        assert pile.stats.heartbeats_answered >= 1


async def test_a_wrong_password_is_refused_and_tried_again():
    async with site(password="another-password-here") as (central, pile):
        await pile.wait_until(lambda: pile.stats.refusals >= 2)
        assert central.connections == 0


async def test_a_charge_from_remote_start_to_stop():
    async with site() as (central, pile):
        await charge(central, pile)
        await pile.wait_until(lambda: len(central.of("MeterValues")) >= 4)
        assert await remote_stop(central) == "Accepted"
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        (start,) = central.of("StartTransaction")
        (stop,) = central.of("StopTransaction")
        assert (start["idTag"], start["meterStart"]) == ("TAG1", 1_000_000)
        assert stop["transactionId"] == 101
        assert stop["reason"] == "Remote"
        readings = central.readings()
        assert readings == sorted(readings)
        assert readings[0] == 1_000_000
        assert stop["meterStop"] >= readings[-1] > readings[0]
        assert {item.get("transactionId") for item in central.of("MeterValues")} == {101}
        assert central.readings("SoC")
        assert central.readings("Voltage")[0] > 300
        await pile.wait_until(lambda: central.statuses()[-1:] == ["Finishing"])
        assert central.statuses() == ["Available", "Preparing", "Preparing", "Charging", "Finishing"]
        pile.unplug(1)
        await pile.wait_until(lambda: central.statuses()[-1:] == ["Available"])


async def test_a_start_without_a_car_waits_for_the_plug():
    async with site() as (central, pile):
        await pile.wait_until(lambda: pile.online)
        answer = await central.station.call(call.RemoteStartTransaction(id_tag="TAG1"))
        assert answer.status == "Rejected"  # no connector named and none plugged
        answer = await central.station.call(call.RemoteStartTransaction(id_tag="TAG1", connector_id=1))
        assert answer.status == "Accepted"
        pile.plug(1)
        await pile.wait_until(lambda: central.of("StartTransaction"))
        answer = await central.station.call(call.RemoteStartTransaction(id_tag="TAG2", connector_id=1))
        assert answer.status == "Rejected"
        assert (await central.station.call(call.RemoteStopTransaction(transaction_id=9))).status == "Rejected"


async def test_a_rejected_tag_ends_the_transaction():
    async with site() as (central, pile):
        central.verdict = "Blocked"
        await pile.wait_until(lambda: pile.online)
        pile.plug(1)
        await central.station.call(call.RemoteStartTransaction(id_tag="TAG1", connector_id=1))
        await pile.wait_until(lambda: central.of("StopTransaction"))
        assert central.of("StopTransaction")[0]["reason"] == "DeAuthorized"


async def test_a_card_is_authorised_first():
    async with site() as (central, pile):
        await pile.wait_until(lambda: pile.online)
        pile.plug(1)
        central.verdict = "Invalid"
        pile.swipe(1, "CARD")
        await pile.wait_until(lambda: central.of("Authorize"))
        await asyncio.sleep(0.1)
        assert pile.state(1) == "plugged"
        central.verdict = "Accepted"
        pile.swipe(1, "CARD")
        await pile.wait_until(lambda: central.of("StartTransaction"))


@pytest.mark.parametrize(
    ("ending", "reason"),
    [("full", "Other"), ("unplug", "EVDisconnected"), ("fault", "EmergencyStop"), ("button", "Local")],
)
async def test_every_way_a_charge_ends_leaves_a_stop_with_its_reason(ending, reason):
    async with site() as (central, pile):
        await charge(
            central, pile, Car(CAR_MODELS[2], soc_pct=79.5, target_soc_pct=80) if ending == "full" else None
        )
        if ending == "unplug":
            pile.unplug(1)
        elif ending == "fault":
            pile.break_down(1)
        elif ending == "button":
            pile.stop_by_hand(1)
        await pile.wait_until(lambda: central.of("StopTransaction"))
        assert central.of("StopTransaction")[0]["reason"] == reason


async def test_core_commands():
    async with site(connectors=2) as (central, pile):
        await pile.wait_until(lambda: pile.online)
        station = central.station

        async def status(request) -> str:
            return (await station.call(request)).status

        assert await status(call.ChangeAvailability(connector_id=2, type="Inoperative")) == "Accepted"
        await pile.wait_until(lambda: central.statuses(2)[-1:] == ["Unavailable"])
        assert await status(call.RemoteStartTransaction(id_tag="T", connector_id=2)) == "Rejected"
        assert await status(call.ChangeAvailability(connector_id=7, type="Operative")) == "Rejected"
        assert await status(call.ChangeConfiguration(key="MeterValueSampleInterval", value="7")) == "Accepted"
        assert await status(call.ChangeConfiguration(key="HeartbeatInterval", value="often")) == "Rejected"
        assert await status(call.ChangeConfiguration(key="NumberOfConnectors", value="9")) == "Rejected"
        assert await status(call.ChangeConfiguration(key="Nonsense", value="1")) == "NotSupported"
        answer = await station.call(call.GetConfiguration(key=["MeterValueSampleInterval", "Nonsense"]))
        assert answer.configuration_key == [
            {"key": "MeterValueSampleInterval", "readonly": False, "value": "7"}
        ]
        assert answer.unknown_key == ["Nonsense"]
        assert await status(call.UnlockConnector(connector_id=1)) == "Unlocked"
        assert await status(call.ClearCache()) == "Accepted"
        assert await status(call.DataTransfer(vendor_id="x")) == "UnknownVendorId"
        beats = len(central.of("BootNotification"))
        assert await status(call.TriggerMessage(requested_message="BootNotification")) == "Accepted"
        await pile.wait_until(lambda: len(central.of("BootNotification")) > beats)
        assert (
            await status(call.ExtendedTriggerMessage(requested_message="SignChargePointCertificate"))
            == "Accepted"
        )


async def test_reset_stops_the_charge_and_boots_again():
    async with site() as (central, pile):
        await charge(central, pile)
        answer = await central.station.call(call.Reset(type="Soft"))
        assert answer.status == "Accepted"
        await pile.wait_until(lambda: len(central.of("BootNotification")) == 2)
        assert [item["reason"] for item in central.of("StopTransaction")] == ["SoftReset"]


async def test_transaction_messages_are_kept_while_the_link_is_away():
    async with site() as (central, pile):
        await charge(central, pile)
        pile.drop_link(0.3)
        await pile.wait_until(lambda: not pile.online)
        pile.stop_by_hand(1)
        await pile.wait_until(lambda: pile.online)
        await pile.wait_until(lambda: pile.outbox.lasting == 0)
        assert central.of("StopTransaction")[0]["transactionId"] == 101


async def test_an_unanswered_stop_is_sent_again_until_it_is_answered():
    async with site() as (central, pile):
        await charge(central, pile)
        central.silent.add("StopTransaction")
        pile.stop_by_hand(1)
        await pile.wait_until(lambda: len(central.of("StopTransaction")) >= 2)
        assert pile.stats.records_acknowledged == 0
        central.silent.clear()
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        assert len({str(item) for item in central.of("StopTransaction")}) == 1


async def test_an_undelivered_stop_survives_the_process(tmp_path):
    path = tmp_path / "stops.json"
    async with site(records_path=path) as (central, pile):
        await charge(central, pile)
        await pile.wait_until(lambda: pile.connectors[1].transaction.transaction_id)
        central.silent.add("StopTransaction")
        pile.stop_by_hand(1)
        await pile.wait_until(lambda: central.of("StopTransaction"))
        first = central.of("StopTransaction")[0]
    async with site(records_path=path) as (central, pile):
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        assert central.of("StopTransaction") == [first]
    assert path.read_text() == "{}"


async def stopped_charge(central: FakeCentral, pile: Ocpp16Pile, *, after: float = 0.15) -> dict:
    await charge(central, pile)
    await asyncio.sleep(after)
    pile.stop_by_hand(1)
    await pile.wait_until(lambda: central.of("StopTransaction"))
    return central.of("StopTransaction")[0]


async def test_fault_resend_stop_uses_new_message_ids():
    async with site("resend_stop=3") as (central, pile):
        await stopped_charge(central, pile)
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        stops = central.of("StopTransaction")
        assert len(stops) == 3
        assert stops[0] == stops[1] == stops[2]
        assert len(set(central.message_ids)) == len(central.message_ids)


async def test_fault_begin_zero():
    async with site("begin_zero") as (central, pile):
        stop = await stopped_charge(central, pile)
        assert central.of("StartTransaction")[0]["meterStart"] == 0
        assert central.readings()[0] == 0
        assert stop["meterStop"] > 1_000_000


async def test_fault_soc_only():
    async with site("soc_only=2") as (central, pile):
        await charge(central, pile)
        await pile.wait_until(lambda: len(central.of("MeterValues")) >= 5)
        sizes = [len(item["meterValue"][0]["sampledValue"]) for item in central.of("MeterValues")]
        assert sizes[:5] == [5, 1, 5, 1, 5]


async def test_fault_register_reset():
    async with site("register_reset=0.2") as (central, pile):
        await charge(central, pile)
        await pile.wait_until(lambda: any(reading < 500_000 for reading in central.readings()))
        pile.stop_by_hand(1)
        await pile.wait_until(lambda: central.of("StopTransaction"))
        assert central.of("StopTransaction")[0]["meterStop"] < central.of("StartTransaction")[0]["meterStart"]


@pytest.mark.parametrize("number", [-1, 0])
async def test_fault_offline_start(number):
    async with site(f"offline_start={number}") as (central, pile):
        stop = await stopped_charge(central, pile)
        assert stop["transactionId"] == number
        assert central.connections == 2
        actions = [action for action, _ in central.calls]
        assert actions.index("StartTransaction") > actions.index("BootNotification", 1)
        assert all("transactionId" not in item for item in central.of("MeterValues"))


async def test_fault_stop_unanswered():
    async with site("stop_unanswered") as (central, pile):
        await stopped_charge(central, pile)
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        assert len(central.of("StopTransaction")) == 2
        assert central.connections == 2


async def test_fault_no_boot():
    async with site("no_boot") as (central, pile):
        await pile.wait_until(lambda: central.statuses() == ["Available"])
        pile.drop_link(0.05)
        await pile.wait_until(lambda: central.connections == 2 and pile.online)
        await pile.wait_until(lambda: central.statuses().count("Available") == 2)
        assert len(central.of("BootNotification")) == 1


async def test_fault_numeric_ids_and_oversized_frame():
    async with site("numeric_ids") as (central, pile):
        await pile.wait_until(lambda: central.message_ids)
        assert all(isinstance(item, int) for item in central.message_ids)
    async with site("oversized_frame=200") as (central, pile):
        await pile.wait_until(lambda: 1009 in central.close_codes)
        await pile.wait_until(lambda: pile.online and central.connections == 2)


async def test_fault_starts():
    async with site("never_answer_start") as (central, pile):
        await pile.wait_until(lambda: pile.online)
        pile.plug(1)
        central.station._response_timeout = 0.3
        with pytest.raises(asyncio.TimeoutError):
            await central.station.call(call.RemoteStartTransaction(id_tag="T", connector_id=1))
        pile.faults.clear("never_answer_start")
        pile.faults.set("reject_start")
        answer = await central.station.call(call.RemoteStartTransaction(id_tag="T", connector_id=1))
        assert answer.status == "Rejected"
        pile.faults.clear("reject_start")
        pile.faults.set("late_start", 0.4)
        answer = await central.station.call(call.RemoteStartTransaction(id_tag="T", connector_id=1))
        assert answer.status == "Accepted"
        await asyncio.sleep(0.2)
        assert pile.state(1) == "starting"
        await pile.wait_until(lambda: central.of("StartTransaction"))


async def test_fault_no_record_drop_link_mute_and_fault_in_charge():
    async with site("no_record", "drop_link=0.1") as (central, pile):
        await charge(central, pile)
        await pile.wait_until(lambda: central.connections == 2 and pile.online)
        assert pile.state(1) == "charging"
        pile.stop_by_hand(1)
        await pile.wait_until(lambda: central.statuses()[-1:] == ["Finishing"])
        assert central.of("StopTransaction") == []
        pile.faults.set("mute")
        await asyncio.sleep(0.1)
        heard = len(central.calls)
        await asyncio.sleep(0.4)
        assert len(central.calls) == heard
    async with site("fault_in_charge=0.1") as (central, pile):
        await charge(central, pile)
        await pile.wait_until(lambda: central.of("StopTransaction"))
        await pile.wait_until(lambda: central.statuses()[-1:] == ["Faulted"])
