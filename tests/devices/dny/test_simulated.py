"""A simulated e-bike box against the whole platform: what the one says is what the other understands."""

import asyncio
import random
from decimal import Decimal

import pytest

from billing.models import ChargingOrder
from devices.models import TransactionRecord
from devices.simulators.dny import DnyBox, DnyTiming
from devices.simulators.dny.bike import BIKE_MODELS, Bike
from stations.models import Connector, Pile
from tests import factories
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.gateway.test_ykc_session import App, ledger_is_balanced

FAST = DnyTiming(
    tick_s=0.05,
    heartbeat_s=0.5,
    sample_s=0.3,
    start_delay_s=0.05,
    settle_delay_s=0.05,
    resend_s=1.0,
    last_resend_s=1.0,
    reconnect_s=0.2,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(transactional_db):
    # The wire clock is real, so a charge 2000 times as fast needs a box 2000 times as strong.
    return factories.make_site(protocol="dny", connectors=10, online=False, rated_power_kw="1000.0")


@pytest.fixture
def box(live_gateway, site):
    box = DnyBox(
        site.pile.code,
        port=live_gateway.dny_port,
        timing=FAST,
        speed=2_000.0,
        faults=["resend_record=2"],
        rng=random.Random(3),
    )

    async def start():
        return asyncio.create_task(box.run())

    task = live_gateway.run(start())
    until(lambda: box.online)

    async def end():
        await box.close()
        await asyncio.wait_for(task, 5)

    yield box
    live_gateway.run(end())


@pytest.fixture
def on_loop(live_gateway):
    """Call a method of the box where its sockets live."""

    def call(function, *arguments):
        async def work():
            return function(*arguments)

        return live_gateway.run(work())

    return call


@pytest.mark.promise(2)
@pytest.mark.parametrize(("fault", "reason"), [("", "battery_full"), ("power_cut=0.4", "battery_full"), ("drop_link=0.4", "battery_full"), ("unplug=0.8", "unplugged"), ("overload=0.8", "overload"), ("fault_in_charge=0.8", "relay_or_fuse")])  # fmt: skip
def test_a_bike_charges_and_is_billed_once_whatever_happens(live_gateway, site, box, on_loop, fault, reason):
    if fault:
        name, _, number = fault.partition("=")
        box.faults.set(name, float(number))
    on_loop(box.plug, 4, Bike(BIKE_MODELS[0], soc_pct=60))
    until(lambda: Connector.objects.get(pile=site.pile, number=4).state == "occupied")
    order_no = App(live_gateway, site.driver).start(f"{site.pile.code}04")["order_no"]
    order = until(lambda: ChargingOrder.objects.filter(order_no=order_no, state="settled").first(), 30)
    assert order.stop_reason == reason
    assert order.energy_kwh > 0 and order.total_fen > 0
    record = until(lambda: TransactionRecord.objects.filter(times_received__gte=3).first())
    assert record.conflicts == []
    assert record.energy_kwh == order.energy_kwh
    assert order.journals.count() == 1
    assert ledger_is_balanced()


def test_the_app_stops_it_and_the_console_reads_and_reboots_it(live_gateway, site, box, on_loop):
    from devices.services import commands
    from kernel.actor import system

    on_loop(box.plug, 1, Bike(BIKE_MODELS[3], soc_pct=10))
    app = App(live_gateway, site.driver)
    order_no = app.start(site.connector.code)["order_no"]
    until(lambda: ChargingOrder.objects.get(order_no=order_no).energy_kwh >= Decimal("0.05"), 20)
    assert app.http.post(f"/orders/{order_no}/stop").status_code == 202
    order = until(lambda: ChargingOrder.objects.filter(order_no=order_no, state="settled").first(), 20)
    assert order.stop_reason == "stopped_by_platform"
    pile = Pile.objects.get(pk=site.pile.pk)
    assert pile.iccid and pile.firmware == "V1.26"
    for kind in ("read_status", "get_configuration", "reboot"):
        command = commands.send_command(actor=system("test"), pile=pile, kind=kind)
        until(lambda pk=command.pk: commands.DeviceCommand.objects.get(pk=pk).state == "accepted", 10)
    until(lambda: box.stats.connects == 2 and box.online)
