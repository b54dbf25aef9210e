"""`kill -9` of the gateway under an e-bike box: nothing is lost, nothing is booked twice."""

import random
import time
from decimal import Decimal

import pytest

from billing.models import ChargingOrder
from billing.services import orders
from devices.models import PileSession, TransactionRecord
from kernel.actor import system
from tests import factories
from tests.devices.dny.client import DnySocket
from tests.devices.gateway.test_ykc_listener import until
from tests.platform.processes import Gateway
from tests.platform.test_kill import assert_settled_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site():
    return factories.make_site(protocol="dny", connectors=10, online=False, rated_power_kw="6.0")


@pytest.fixture
def gateway(site):
    gateway = Gateway()
    gateway.start()
    yield gateway
    gateway.stop()


def dial(gateway, site) -> DnySocket:
    sock = DnySocket(gateway.dny_port, site.pile.code)
    sock.register()
    return sock


def start(sock, site) -> ChargingOrder:
    sock.beat({0: 2})
    until(lambda: site.connector.__class__.objects.get(pk=site.connector.pk).state == "occupied")
    order = orders.start_order(actor=system("test"), connector_code=site.connector.code, driver=site.driver)
    sock.expect(0x82)
    return order


@pytest.mark.promise(7)
def test_killed_between_the_start_and_its_answer_and_again_in_mid_charge(gateway, site):
    sock = dial(gateway, site)
    order = start(sock, site)
    asked = sock.last_frame
    gateway.kill()
    sock.close()
    gateway.start()
    sock = dial(gateway, site)
    sock.last_frame = asked
    sock.answer()
    until(lambda: ChargingOrder.objects.get(pk=order.pk).state == "charging")
    ref = ChargingOrder.objects.get(pk=order.pk).transaction_ref
    gateway.kill()
    sock.close()
    gateway.start()
    assert not PileSession.objects.filter(pile=site.pile, closed_at__isnull=True).exists()
    sock = DnySocket(gateway.dny_port, site.pile.code)
    sock.power(ref, energy="0.02", duration=20)  # no register: only the modem had lost its line
    until(lambda: ChargingOrder.objects.get(pk=order.pk).energy_kwh == Decimal("0.02"))
    sock.settle(ref, duration=30, energy=Decimal("0.03"))
    sock.expect(0x03)
    sock.close()
    assert_settled_once(order, site)


@pytest.mark.promise(1)
@pytest.mark.promise(2)
@pytest.mark.promise(7)
@pytest.mark.parametrize("moment_s", [0.01])
def test_killed_between_settlement_and_answer(gateway, site, moment_s):
    sock = dial(gateway, site)
    order = start(sock, site)
    sock.answer()
    until(lambda: ChargingOrder.objects.get(pk=order.pk).state == "charging")
    ref = ChargingOrder.objects.get(pk=order.pk).transaction_ref
    sock.settle(ref, duration=30, energy=Decimal("0.03"))
    time.sleep(random.uniform(0, moment_s))
    gateway.kill()
    answered = not sock.quiet(0x03, 0.2)
    assert not answered or TransactionRecord.objects.exists(), "an answer means that it is stored"
    sock.close()
    gateway.start()
    sock = dial(gateway, site)
    for _ in range(2):
        sock.settle(ref, duration=30, energy=Decimal("0.03"))
        sock.expect(0x03)
    sock.close()
    assert TransactionRecord.objects.count() == 1
    assert TransactionRecord.objects.get().conflicts == []
    assert_settled_once(order, site)
