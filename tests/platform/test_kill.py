"""`kill -9` at the worst moments: nothing is lost, nothing is booked twice, service returns by itself."""

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from billing.models import Account, ChargingOrder, Entry, Journal
from billing.services import orders
from devices.models import PileSession, TransactionRecord
from kernel.actor import system
from stations.models import Connector, Pile
from tests import factories
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.ykc.client import YkcSocket, record_fields
from tests.platform.processes import Gateway, Worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site():
    return factories.make_site(online=False, rated_power_kw="600.0")


@pytest.fixture
def gateway(site):
    gateway = Gateway()
    gateway.start()
    yield gateway
    gateway.stop()


def plug_in(gateway, site) -> YkcSocket:
    sock = YkcSocket(gateway.ykc_port, site.pile.code)
    sock.login()
    sock.send(0x09)
    sock.expect(0x0A)
    sock.live("01", status=2, plugged=1)
    until(lambda: Connector.objects.get(pile=site.pile, number=1).state == "occupied")
    return sock


def begin(sock, site) -> ChargingOrder:
    order = orders.start_order(actor=system("test"), connector_code=site.connector.code, driver=site.driver)
    start = sock.expect(0x34)
    sock.send(0x33, trade_no=start.fields["trade_no"], gun_no="01", ok=1, fail="00")
    sock.live("01", trade_no=order.transaction_ref, status=3)
    until(lambda: ChargingOrder.objects.filter(pk=order.pk, state="charging").exists())
    order.refresh_from_db()
    return order


def record_of(order, site, energy="1.0000") -> dict:
    kwh = Decimal(energy)
    tier, unit_price = (
        "flat",
        next(
            Decimal(t["electricity_price"]) + Decimal(t["service_price"])
            for t in order.tariff_snapshot["tiers"]
            if t["code"] == "flat"
        ),
    )
    return record_fields(
        order.transaction_ref,
        start_time=order.created_at,
        end_time=order.created_at + timedelta(seconds=30),
        meter_end=Decimal("100.0000") + kwh,
        total_energy=kwh,
        total_loss_energy=kwh,
        total_amount=(kwh * unit_price).quantize(Decimal("0.0001")),
        **{
            f"{tier}_price": unit_price,
            f"{tier}_energy": kwh,
            f"{tier}_loss_energy": kwh,
            f"{tier}_amount": (kwh * unit_price).quantize(Decimal("0.0001")),
        },
    )


def assert_settled_once(order, site) -> None:
    order.refresh_from_db()
    assert order.state == "settled", (order.state, order.review_reasons)
    assert Journal.objects.filter(order=order).count() == 1
    wallet = Account.objects.get(driver=site.driver, kind="wallet")
    assert wallet.balance_fen == 10_000 - order.total_fen
    assert wallet.held_fen == 0
    assert not Entry.objects.unscoped("test").aggregate(total=Sum("amount_fen"))["total"]


@pytest.mark.promise(7)
def test_gateway_killed_in_mid_charge(gateway, site):
    sock = plug_in(gateway, site)
    order = begin(sock, site)
    sock.live("01", trade_no=order.transaction_ref, status=3, energy=Decimal("0.5000"))
    until(lambda: ChargingOrder.objects.get(pk=order.pk).energy_kwh == Decimal("0.5"))
    gateway.kill()
    sock.close()
    gateway.start()
    assert not PileSession.objects.filter(pile=site.pile, closed_at__isnull=True).exists()
    sock = YkcSocket(gateway.ykc_port, site.pile.code)
    sock.login()
    sock.live("01", trade_no=order.transaction_ref, status=3, energy=Decimal("0.8000"))
    until(lambda: ChargingOrder.objects.get(pk=order.pk).energy_kwh == Decimal("0.8"))
    assert ChargingOrder.objects.count() == 1
    sock.send(0x3B, **record_of(order, site))
    sock.expect(0x40)
    sock.close()
    assert_settled_once(order, site)


@pytest.mark.promise(1)
@pytest.mark.promise(2)
@pytest.mark.promise(7)
@pytest.mark.parametrize("moment_s", [0.004, 0.02])
@pytest.mark.feature("BOOT-05", "BOOT-11")
def test_gateway_killed_between_record_and_answer(gateway, site, moment_s):
    """Whenever the gateway dies: an answer the pile saw is a stored record, and the resent record changes nothing."""
    sock = plug_in(gateway, site)
    order = begin(sock, site)
    record = record_of(order, site)
    sock.send(0x3B, **record)
    time.sleep(moment_s)
    gateway.kill()
    try:
        sock.expect(0x40, timeout=0.5)
        answered = True
    except (AssertionError, OSError):
        answered = False
    sock.close()
    if answered:
        assert TransactionRecord.objects.filter(transaction_ref=order.transaction_ref).exists()
    gateway.start()
    sock = YkcSocket(gateway.ykc_port, site.pile.code)
    sock.login()
    for _ in range(3):
        sock.send(0x3B, **record)
        assert sock.expect(0x40).fields["result"] == 0
    sock.close()
    assert TransactionRecord.objects.count() == 1
    assert_settled_once(order, site)


@pytest.mark.promise(1)
def test_every_acknowledged_record_of_a_burst_survives_the_kill(gateway, site):
    """A replay of a hundred stored records, cut by a kill somewhere in the middle."""
    sock = plug_in(gateway, site)
    refs = [f"{site.pile.code}0126112012{index:06d}0001"[:32].ljust(32, "0") for index in range(100)]

    def replay() -> None:
        try:
            for ref in refs:
                sock.send(0x3B, **record_fields(ref))
        except OSError:
            pass  # the gateway died

    sender = threading.Thread(target=replay)
    sender.start()
    acknowledged = set()
    cut = random.Random(7).randint(20, 60)
    try:
        while True:
            acknowledged.add(sock.expect(0x40, timeout=2).fields["trade_no"])
            if len(acknowledged) == cut:
                gateway.kill()
    except (AssertionError, OSError):
        pass  # everything that was still on its way has been read
    sender.join()
    sock.close()
    assert len(acknowledged) >= cut
    stored = set(TransactionRecord.objects.values_list("transaction_ref", flat=True))
    assert acknowledged <= stored


@pytest.mark.promise(7)
def test_worker_killed_with_deadlines_due_and_its_successor_makes_them_good(gateway, site, tmp_path):
    """The worker dies before the deadline of an unanswered start; the next one closes the order."""
    worker = Worker(schedule=str(tmp_path / "beat"))
    worker.start()
    try:
        sock = plug_in(gateway, site)
        order = orders.start_order(
            actor=system("test"), connector_code=site.connector.code, driver=site.driver
        )
        sock.expect(0x34)
        worker.kill()
        past = datetime.now(UTC) - timedelta(seconds=1)
        ChargingOrder.objects.filter(pk=order.pk).update(due_at=past)
        time.sleep(1)
        assert ChargingOrder.objects.get(pk=order.pk).state == "starting"
        worker.start()
        until(lambda: ChargingOrder.objects.get(pk=order.pk).state == "closed", timeout=40)
        wallet = Account.objects.get(driver=site.driver, kind="wallet")
        assert (wallet.balance_fen, wallet.held_fen) == (10_000, 0)
        sock.close()
    finally:
        worker.stop()


@pytest.mark.promise(7)
def test_a_pile_whose_gateway_died_for_good_goes_offline_by_itself(gateway, site, tmp_path):
    """No successor of the gateway: the worker's sweep finds the silence."""
    plug_in(gateway, site)
    gateway.kill()
    assert Pile.objects.get(pk=site.pile.pk).online
    Pile.objects.filter(pk=site.pile.pk).update(last_seen_at=datetime.now(UTC) - timedelta(minutes=5))
    worker = Worker(schedule=str(tmp_path / "beat"))
    worker.start()
    try:
        until(lambda: not Pile.objects.get(pk=site.pile.pk).online, timeout=40)
    finally:
        worker.stop()
    assert set(Connector.objects.filter(pile=site.pile).values_list("state", flat=True)) == {"offline"}
