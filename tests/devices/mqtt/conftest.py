"""A broker, a gateway that reads it, a site with a ten-port box, and clients that stand for it."""

import pytest
from django.contrib.auth.hashers import make_password

from stations.models import Pile
from tests import factories
from tests.devices.mqtt.broker import TestBroker
from tests.devices.mqtt.client import PASSWORD, MqttDevice


@pytest.fixture
def broker():
    broker = TestBroker()
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def mqtt_gateway(transactional_db, broker, settings, request):
    settings.EV_MQTT_URL = f"mqtt://platform:secret@127.0.0.1:{broker.port}"
    gateway = request.getfixturevalue("live_gateway")

    async def reading():
        await gateway.listeners.door.connected.wait()

    gateway.run(reading(), timeout=10)
    gateway.broker = broker
    return gateway


@pytest.fixture
def site(transactional_db):
    site = factories.make_site(protocol="mqtt", connectors=10, online=False, rated_power_kw="1.0")
    Pile.objects.filter(pk=site.pile.pk).update(password=make_password(PASSWORD))
    return site


@pytest.fixture
def pile(site) -> Pile:
    return site.pile


@pytest.fixture
def device(broker, mqtt_gateway, pile):
    opened = []

    def make(code: str | None = None, **options) -> MqttDevice:
        device = MqttDevice(broker.port, code or pile.code, **options)
        opened.append(device)
        return device

    yield make
    for one in opened:
        one.close()
