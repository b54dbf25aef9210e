"""The simulated OCPP 2.0.1 pile: against a small CSMS, and against the platform itself."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from django.contrib.auth.hashers import make_password
from ocpp.v201 import call

from billing.models import ChargingOrder
from billing.services import orders
from devices.models import DeviceTransaction, TransactionRecord
from devices.simulators.battery import CAR_MODELS, Car
from devices.simulators.ocpp201 import Ocpp201Pile, OcppTiming
from stations.models import Connector, Pile
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.simulators.ocpp201_platform import FakeCsms
from tests.devices.simulators.ocpp_platform import PASSWORD
from tests.factories import make_site

FAST = OcppTiming(
    tick_s=0.01,
    heartbeat_s=0.2,
    sample_s=0.1,
    start_delay_s=0.03,
    plug_wait_s=1,
    answer_s=0.5,
    retry_s=0.1,
    step_s=0.03,
    reconnect_s=0.05,
    reconnect_max_s=0.2,
)
CENTRAL = {"id_token": "TAG1", "type": "Central"}


@asynccontextmanager
async def site(*faults: str, **options) -> AsyncIterator[tuple[FakeCsms, Ocpp201Pile]]:
    async with FakeCsms() as csms:
        options = {
            "password": PASSWORD,
            "speed": 400.0,
            "timing": FAST,
            "meter_kwh": 1000.0,
            "url": csms.url,
        } | options
        pile = Ocpp201Pile("CP-1", faults=faults, **options)
        running = asyncio.create_task(pile.run())
        try:
            yield csms, pile
        finally:
            await pile.close()
            await running


async def charge(csms: FakeCsms, pile: Ocpp201Pile, car: Car | None = None) -> None:
    """Bring a pile to charging, until it has told of it."""
    await pile.wait_until(lambda: pile.online)
    pile.plug(1, car or Car(CAR_MODELS[2], soc_pct=20))
    request = call.RequestStartTransaction(id_token=CENTRAL, remote_start_id=7, evse_id=1)
    assert (await csms.station.call(request)).status == "Accepted"
    await pile.wait_until(lambda: pile.state(1) == "charging")
    await pile.wait_until(csms.events)


async def test_boot_then_the_status_of_every_evse_then_heartbeats():
    async with site(connectors=2) as (csms, pile):
        await pile.wait_until(lambda: len(csms.of("Heartbeat")) >= 2)
        actions = [action for action, _ in csms.calls]
        assert actions[:3] == ["BootNotification"] + ["StatusNotification"] * 2
        assert [item["evseId"] for item in csms.of("StatusNotification")] == [1, 2]


async def test_a_charge_from_the_request_to_the_end():
    async with site() as (csms, pile):
        await charge(csms, pile)
        await pile.wait_until(lambda: len(csms.events("Updated")) >= 3)
        (start,) = csms.events("Started")
        name = start["transactionInfo"]["transactionId"]
        answer = await csms.station.call(call.RequestStopTransaction(transaction_id="another"))
        assert answer.status == "Rejected"
        answer = await csms.station.call(call.RequestStopTransaction(transaction_id=name))
        assert answer.status == "Accepted"
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        (end,) = csms.events("Ended")
        assert start["idToken"] == {"idToken": "TAG1", "type": "Central"}
        assert start["transactionInfo"]["remoteStartId"] == 7
        assert start["evse"] == {"id": 1, "connectorId": 1}
        assert end["transactionInfo"]["stoppedReason"] == "Remote"
        assert {item["transactionInfo"]["transactionId"] for item in csms.events()} == {name}
        assert [item["seqNo"] for item in csms.events()] == list(range(len(csms.events())))
        assert not any(item.get("offline") for item in csms.events())
        readings = csms.readings()
        assert readings == sorted(readings) and readings[0] == 1_000_000 < readings[-1]
        assert csms.statuses() == ["Available", "Occupied", "Occupied", "Occupied", "Occupied"]
        pile.unplug(1)
        await pile.wait_until(lambda: csms.statuses()[-1:] == ["Available"])


@pytest.mark.parametrize(
    ("ending", "reason"),
    [("full", "Other"), ("unplug", "EVDisconnected"), ("fault", "EmergencyStop"), ("button", "Local")],
)
async def test_every_way_a_charge_ends_leaves_its_reason(ending, reason):
    async with site() as (csms, pile):
        await charge(
            csms, pile, Car(CAR_MODELS[2], soc_pct=79.5, target_soc_pct=80) if ending == "full" else None
        )
        if ending == "unplug":
            pile.unplug(1)
        elif ending == "fault":
            pile.break_down(1)
        elif ending == "button":
            pile.stop_by_hand(1)
        await pile.wait_until(lambda: csms.events("Ended"))
        assert csms.events("Ended")[0]["transactionInfo"]["stoppedReason"] == reason


async def test_commands():
    async with site(connectors=2) as (csms, pile):
        await pile.wait_until(lambda: pile.online)
        station = csms.station

        async def status(request) -> str:
            return (await station.call(request)).status

        operative = call.ChangeAvailability
        assert await status(operative(operational_status="Inoperative", evse={"id": 2})) == "Accepted"
        await pile.wait_until(lambda: csms.statuses(2)[-1:] == ["Unavailable"])
        start = call.RequestStartTransaction(id_token=CENTRAL, remote_start_id=1, evse_id=2)
        assert await status(start) == "Rejected"
        assert await status(operative(operational_status="Operative", evse={"id": 7})) == "Rejected"
        assert await status(call.UnlockConnector(evse_id=1, connector_id=1)) == "Unlocked"
        assert await status(call.UnlockConnector(evse_id=1, connector_id=2)) == "UnknownConnector"
        assert await status(call.ClearCache()) == "Accepted"
        assert await status(call.DataTransfer(vendor_id="x")) == "UnknownVendorId"
        trigger = call.TriggerMessage
        assert await status(trigger(requested_message="StatusNotification")) == "Rejected"
        assert await status(trigger(requested_message="SignCombinedCertificate")) == "NotImplemented"
        assert await status(trigger(requested_message="MeterValues", evse={"id": 1})) == "Accepted"
        await pile.wait_until(lambda: csms.of("MeterValues"))

        interval = {
            "component": {"name": "SampledDataCtrlr"},
            "variable": {"name": "TxUpdatedInterval"},
        }
        unknown = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "Nonsense"}}
        model = {"component": {"name": "ChargingStation"}, "variable": {"name": "Model"}}
        values = [
            {**interval, "attribute_value": "7"},
            {**interval, "attribute_value": "often"},
            {**unknown, "attribute_value": "1"},
            {**model, "attribute_value": "2"},
        ]
        answer = await station.call(call.SetVariables(set_variable_data=values))
        assert [item["attribute_status"] for item in answer.set_variable_result] == [
            "Accepted",
            "Rejected",
            "UnknownVariable",
            "Rejected",
        ]
        answer = await station.call(call.GetVariables(get_variable_data=[interval, unknown]))
        assert [item.get("attribute_value") for item in answer.get_variable_result] == ["7", None]
        assert await status(call.GetBaseReport(request_id=5, report_base="FullInventory")) == "Accepted"
        await pile.wait_until(lambda: csms.of("NotifyReport"))
        (report,) = csms.of("NotifyReport")
        assert report["requestId"] == 5
        assert len(report["reportData"]) == len(pile.configuration)


async def test_a_reset_waits_for_the_end_of_the_charge_or_ends_it():
    async with site() as (csms, pile):
        await charge(csms, pile)
        assert (await csms.station.call(call.Reset(type="OnIdle"))).status == "Scheduled"
        await asyncio.sleep(0.1)
        assert pile.state(1) == "charging"
        pile.stop_by_hand(1)
        await pile.wait_until(lambda: len(csms.of("BootNotification")) == 2)
    async with site() as (csms, pile):
        await charge(csms, pile)
        assert (await csms.station.call(call.Reset(type="Immediate"))).status == "Accepted"
        await pile.wait_until(lambda: len(csms.of("BootNotification")) == 2)
        assert csms.events("Ended")[0]["transactionInfo"]["stoppedReason"] == "ImmediateReset"


async def test_an_undelivered_end_survives_the_process(tmp_path):
    path = tmp_path / "ends.json"
    async with site(records_path=path) as (csms, pile):
        await charge(csms, pile)
        csms.silent.add("TransactionEvent")
        pile.stop_by_hand(1)
        await pile.wait_until(lambda: csms.events("Ended"))
        first = csms.events("Ended")[0]
    async with site(records_path=path) as (csms, pile):
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        assert csms.events() == [first]
    assert path.read_text() == "{}"


async def test_faults_of_events():
    async with site("seq_always_0", "resend_stop=3", "no_started") as (csms, pile):
        await charge(csms, pile)
        pile.stop_by_hand(1)
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        assert csms.events("Started") == []
        assert {item["seqNo"] for item in csms.events()} == {0}
        ends = csms.events("Ended")
        assert len(ends) == 3 and ends[0] == ends[1] == ends[2]
        assert len(set(csms.message_ids)) == len(csms.message_ids)


async def test_fault_offline_charge():
    async with site("offline_charge=0.3") as (csms, pile):
        await charge(csms, pile)
        pile.stop_by_hand(1)
        await pile.wait_until(lambda: pile.stats.records_acknowledged == 1)
        assert csms.connections == 2
        assert csms.events("Started")[0]["offline"] is True
        assert "offline" not in csms.events("Ended")[0]


async def test_faults_of_the_meter():
    async with site("begin_zero", "soc_only=2") as (csms, pile):
        await charge(csms, pile)
        await pile.wait_until(lambda: len(csms.events("Updated")) >= 3)
        pile.stop_by_hand(1)
        await pile.wait_until(lambda: csms.events("Ended"))
        sizes = [len(item["meterValue"][0]["sampledValue"]) for item in csms.events()]
        assert sizes[:4] == [5, 1, 5, 1]
        assert csms.readings()[0] == 0 and csms.readings()[-1] > 1_000_000


class InThread:
    """A simulated pile in an event loop of its own, beside a test that uses the database."""

    def __init__(self, pile: Ocpp201Pile):
        self.pile = pile
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(pile.run(),))

    def __enter__(self) -> "InThread":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self.pile.close(), self._loop).result(5)
        self._thread.join(5)
        assert not self._thread.is_alive()
        self._loop.close()

    def do(self, action, *arguments) -> None:
        self._loop.call_soon_threadsafe(action, *arguments)


@pytest.mark.parametrize("faults", [(), ("seq_always_0", "resend_stop=3"), ("offline_charge=0.3",)])
def test_an_order_on_a_simulated_pile_is_settled(live_gateway, transactional_db, faults):
    place = make_site(protocol=Pile.Protocol.OCPP201, online=False, connectors=1)
    Pile.objects.filter(pk=place.pile.pk).update(password=make_password(PASSWORD))
    pile = Ocpp201Pile(
        place.pile.code, password=PASSWORD, url=f"{live_gateway.ws_url}/ocpp", timing=FAST, faults=faults
    )
    with InThread(pile) as running:
        until(lambda: Connector.objects.get(pk=place.connector.pk).state == "idle")
        running.do(pile.plug, 1, Car(CAR_MODELS[2], soc_pct=20))
        until(lambda: Connector.objects.get(pk=place.connector.pk).state == "occupied")
        order = orders.start_order(
            actor=place.driver_actor, connector_code=place.connector.code, driver=place.driver
        )
        until(lambda: ChargingOrder.objects.get(pk=order.pk).energy_kwh > 0)
        orders.stop_order(actor=place.driver_actor, order_no=order.order_no)
        until(lambda: ChargingOrder.objects.get(pk=order.pk).state in ("settled", "review"))
        until(lambda: pile.stats.records_acknowledged == 1)
    settled = ChargingOrder.objects.get(pk=order.pk)
    assert settled.state == "settled", settled.review_reasons
    record = TransactionRecord.objects.get()
    assert (record.energy_kwh, record.conflicts) == (settled.energy_kwh, [])
    assert record.times_received == (3 if "resend_stop=3" in faults else 1)
    assert DeviceTransaction.objects.get().ref == settled.transaction_ref
    assert Pile.objects.get(pk=place.pile.pk).findings == {}
