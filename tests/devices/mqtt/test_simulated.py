"""A simulated MQTT box against the whole platform, over a broker: what the one says is what the other understands."""

import asyncio
import json
import random
from io import StringIO

import pytest
from django.core.management import call_command

from billing.models import ChargingOrder
from devices.models import TransactionRecord
from devices.services import commands
from devices.simulators.dny.bike import BIKE_MODELS, Bike
from devices.simulators.mqtt import MqttBox, MqttTiming
from kernel.actor import system
from kernel.commands import Refused
from stations.models import Connector, Pile
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.gateway.test_ykc_session import App, ledger_is_balanced
from tests.devices.mqtt.client import PASSWORD
from tests.factories import make_driver

pytestmark = pytest.mark.django_db(transaction=True)
FAST = MqttTiming(tick_s=0.05, sample_s=0.2, start_delay_s=0.05, resend_s=0.5, pause_s=0.3, reconnect_s=0.2)
COURSES = (
    ("", "full", []),
    ("power_cut=0.2", "full", ["charge_paused", "charge_resumed"]),
    ("overload=0.2", "full", ["charge_paused", "charge_resumed"]),
    ("drop_link=0.2", "full", []),
    ("unplug=0.3", "unplugged", []),
)


@pytest.fixture
def box(broker, mqtt_gateway, site):
    # The wire clock is real, so a charge 5000 times as fast needs a box 5000 times as strong.
    Pile.objects.filter(pk=site.pile.pk).update(rated_power_kw="3000.0")
    broker.passwords = {"platform": "secret", site.pile.code: PASSWORD}
    box = MqttBox(
        site.pile.code,
        password=PASSWORD,
        url=f"mqtt://127.0.0.1:{broker.port}",
        timing=FAST,
        overload_w=800.0,
        speed=5_000.0,
        faults=["resend_record=2"],
        rng=random.Random(3),
    )

    async def start():
        return asyncio.create_task(box.run())

    task = mqtt_gateway.run(start())
    until(lambda: box.online)

    async def end():
        await box.close()
        await asyncio.wait_for(task, 5)

    yield box
    mqtt_gateway.run(end())


@pytest.mark.feature("PIL-29")
@pytest.mark.promise(2)
def test_bikes_charge_and_are_billed_once_whatever_happens(mqtt_gateway, site, box):
    def on_loop(function, *arguments):
        async def work():
            return function(*arguments)

        return mqtt_gateway.run(work())

    for number, (fault, reason, told) in enumerate(COURSES, 1):
        name, _, value = fault.partition("=")
        if fault:
            box.faults.set(name, float(value))
        on_loop(box.plug, number, Bike(BIKE_MODELS[0], soc_pct=90))
        until(lambda port=number: Connector.objects.get(pile=site.pile, number=port).state == "occupied")
        driver = make_driver(balance_fen=50_000)
        order_no = App(mqtt_gateway, driver).start(f"{site.pile.code}{number:02d}")["order_no"]
        order = until(
            lambda no=order_no: ChargingOrder.objects.filter(order_no=no, state="settled").first(), 20
        )
        assert (order.stop_reason, order.energy_kwh > 0) == (reason, True), fault
        kinds = [kind for kind in order.events.values_list("kind", flat=True) if kind in told]
        assert kinds == told, fault
        record = until(
            lambda no=order_no: TransactionRecord.objects.filter(order__order_no=no, times_received=3).first()
        )
        assert record.conflicts == [] and record.energy_kwh == order.energy_kwh
        assert order.journals.count() == 1
        if fault:
            box.faults.clear(name)
            until(lambda: box.online)
    assert ledger_is_balanced()
    pile = Pile.objects.get(pk=site.pile.pk)
    for kind in ("read_status", "get_configuration", "reboot"):
        command = commands.send_command(actor=system("test"), pile=pile, kind=kind)
        until(lambda pk=command.pk: commands.DeviceCommand.objects.get(pk=pk).state == "accepted", 10)
    before = box.stats.connects
    until(lambda: box.stats.connects > before and box.online)


def test_the_command_simulates_boxes_over_mqtt(broker, mqtt_gateway, site):
    url = f"mqtt://127.0.0.1:{broker.port}"
    out = StringIO()
    call_command(
        "simulate", "--mqtt", f"{site.pile.code}:{PASSWORD}", "--mqtt-url", url, "--no-cars",
        "--duration", "1.5", "--json", stdout=out,
    )  # fmt: skip
    result = json.loads(out.getvalue())
    assert (result["piles"], result["online"], result["logins"], result["drops"]) == (1, 1, 1, 0)
    with pytest.raises(Refused, match="mqtt://"):
        call_command("simulate", "--mqtt", "X:Y", "--mqtt-url", "http://x")
