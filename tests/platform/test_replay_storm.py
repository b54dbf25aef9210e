"""Records replayed over and over, in any order, through gateways that stop, start and die: one debit each."""

import random
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from billing.models import ChargingOrder, Journal, ReviewItem
from billing.services import sweeps
from devices.models import TransactionRecord
from kernel.actor import system
from tests import factories
from tests.billing import flow
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.ykc.client import YkcSocket, record_fields
from tests.live import LiveGateway
from tests.platform.processes import Gateway, Worker
from tests.victim import Victim

WINDOW = 20  # records on their way at once


def charging_orders(site, count: int) -> list[ChargingOrder]:
    """So many orders of as many drivers on one pile, charging for an hour."""
    orders = []
    for connector in site.connectors[:count]:
        order = flow.charging(site, connector=connector, driver=factories.make_driver())
        flow.shift_into_past(order, timedelta(hours=1))
        orders.append(order)
    return orders


def wire_record(order: ChargingOrder, kwh: Decimal) -> dict:
    """The order's 3B: so much energy in the flat tier."""
    tier = next(one for one in order.tariff_snapshot["tiers"] if one["code"] == "flat")
    price = Decimal(tier["electricity_price"]) + Decimal(tier["service_price"])
    amount = (kwh * price).quantize(Decimal("0.0001"))
    return record_fields(
        order.transaction_ref,
        gun=f"{order.connector.number:02d}",
        start_time=order.started_at,
        end_time=order.started_at + timedelta(minutes=30),
        meter_end=Decimal("100.0000") + kwh,
        total_energy=kwh,
        total_loss_energy=kwh,
        total_amount=amount,
        flat_price=price,
        flat_energy=kwh,
        flat_loss_energy=kwh,
        flat_amount=amount,
    )


def replay(
    site, records: list[dict], port: Callable[[], int], restart: Callable[[], None], restarts: int
) -> int:
    """Send all, a window at a time; let the gateway restart in the middle of windows. Returns how many were sent.

    As a pile does it: what was not acknowledged when the link broke is sent again.
    """
    cuts = {len(records) * (number + 1) // (restarts + 1) for number in range(restarts)}
    sock, sent, waiting, total = None, 0, [], 0
    while sent < len(records) or waiting:
        if sock is None:
            sock = YkcSocket(port(), site.pile.code, guns=len(site.connectors))
            sock.login()
        fresh = records[sent : sent + WINDOW - len(waiting)]
        waiting, sent = waiting + fresh, sent + len(fresh)
        try:
            for record in waiting:
                sock.send(0x3B, **record)
                total += 1
            if due := {cut for cut in cuts if cut <= sent}:
                cuts -= due
                restart()  # answers of this window are on their way, or never will be
                raise ConnectionError
            for _ in range(len(waiting)):
                answer = sock.expect(0x40, timeout=20)
                assert answer.fields["result"] == 0
            waiting = []
        except OSError:
            sock.close()
            sock = None
    sock.close()
    return total


def assert_one_debit_each(orders: list[ChargingOrder], energies: dict[int, Decimal]) -> None:
    for order in orders:
        order.refresh_from_db()
        assert (order.state, order.energy_kwh) == ("settled", energies[order.pk]), order.review_reasons
        assert flow.money(order.driver) == (10_000 - order.total_fen, 0, 0)
        assert Journal.objects.filter(order=order).count() == 1
    assert TransactionRecord.objects.count() == len(orders) and not ReviewItem.objects.exists()
    flow.assert_books_balance()


def storm(orders: list[ChargingOrder], copies: int) -> tuple[list[dict], dict[int, Decimal]]:
    """The orders' records, each so many times, in an order that is random and the same every run."""
    energies = {order.pk: Decimal(number + 1) for number, order in enumerate(orders)}
    records = [wire_record(order, energies[order.pk]) for order in orders] * copies
    random.Random(11).shuffle(records)
    return records, energies


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(1)
@pytest.mark.promise(2)
@pytest.mark.message("ykc", "3B", "40")
def test_a_replay_in_random_order_through_restarts_is_one_debit_each():
    site = factories.make_site(connectors=4, rated_power_kw="600.0")
    orders = charging_orders(site, 4)
    records, energies = storm(orders, 25)
    gateway = LiveGateway()
    gateway.start()

    def restart() -> None:
        nonlocal gateway
        gateway.stop()
        gateway = LiveGateway()
        gateway.start()

    try:
        sent = replay(site, records, lambda: gateway.ykc_port, restart, restarts=2)
    finally:
        gateway.stop()
    assert sent >= 100
    assert sum(TransactionRecord.objects.values_list("times_received", flat=True)) >= 100
    assert_one_debit_each(orders, energies)


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(1)
@pytest.mark.promise(2)
@pytest.mark.promise(7)
def test_a_thousand_replays_through_killed_gateways_and_workers_are_one_debit_each(tmp_path):
    """Each of ten records a thousand times, real processes, `kill -9` of gateway and worker ten times."""
    site = factories.make_site(connectors=10, rated_power_kw="600.0")
    orders = charging_orders(site, 10)
    records, energies = storm(orders, 1000)
    gateway, worker = Gateway(), Worker(schedule=str(tmp_path / "beat"))
    gateway.start()
    worker.start()

    def restart() -> None:
        gateway.kill()
        worker.kill()
        gateway.start()
        worker.start()

    began = time.monotonic()
    try:
        sent = replay(site, records, lambda: gateway.ykc_port, restart, restarts=10)
    finally:
        gateway.stop()
        worker.stop()
    seconds = time.monotonic() - began
    received = sum(TransactionRecord.objects.values_list("times_received", flat=True))
    print(f"\n{sent} records sent, {received} stored or known, {sent / seconds:.0f}/s over {seconds:.0f} s")
    assert received >= 10_000
    assert_one_debit_each(orders, energies)


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(1)
@pytest.mark.promise(2)
@pytest.mark.promise(7)
def test_kill_9_in_mid_settlement_leaves_nothing_and_the_next_record_settles_once():
    """One process dies at four places at once: record stored, money moved, order moved, committed and not answered."""
    # A settlement locks its pile and its operator's accounts: each of the four has its own.
    # SQLite has one writer at a time, so there it is one place.
    points = ["booked", "moved", "none", "stored"] if connection.vendor == "postgresql" else ["booked"]
    sites = [factories.make_site(connectors=1) for _ in points]
    orders = [flow.charging(own) for own in sites]
    for order in orders:
        flow.shift_into_past(order, timedelta(hours=1))
    reports = [flow.reported(own, order, {"flat": "10"}) for own, order in zip(sites, orders, strict=True)]
    given = [
        {
            "pile": [own.ref.id, own.ref.code],
            "values": {
                "connector_no": one.connector_no, "protocol": one.protocol, "identity": one.identity,
                "transaction_ref": one.transaction_ref, "tiers": one.tiers, "stop_reason": one.stop_reason,
                "raw": one.raw,
            },
            "times": [one.started_at.isoformat(), one.ended_at.isoformat()],
            "numbers": [str(n) for n in (one.energy_kwh, one.meter_start_kwh, one.meter_end_kwh, one.device_amount)],
        }
        for own, one in zip(sites, reports, strict=True)
    ]  # fmt: skip
    script = """
        from datetime import datetime
        from decimal import Decimal
        from billing.services import debts, settlement, settling
        from devices.models import TransactionRecord
        from devices.services import records
        from devices.services.references import pile_ref
        from stations.models import Pile
        where = threading.local()
        def after(owner, name, point):
            real = getattr(owner, name)
            def wrapped(*args, **kwargs):
                result = real(*args, **kwargs)
                if where.point == point:
                    hang(point)
                return result
            setattr(owner, name, wrapped)
        after(settlement, "_orders_of", "stored")
        after(debts, "settle_debts", "booked")
        after(settling, "update_rows", "moved")
        def work(point, one):
            where.point = point
            pile = Pile.objects.unscoped("test").get(pk=one["pile"][0])
            started, ended = map(datetime.fromisoformat, one["times"])
            energy, first, last, amount = map(Decimal, one["numbers"])
            records.store_record(pile=pile_ref(pile), reported=records.ReportedTransaction(
                **one["values"], started_at=started, ended_at=ended, energy_kwh=energy, meter_start_kwh=first,
                meter_end_kwh=last, device_amount=amount))
            hang("committed")
        for point, one in zip(given["points"], given["orders"]):
            threading.Thread(target=work, args=(point, one), daemon=True).start()
        time.sleep(60)
    """
    with Victim(script, orders=given, points=points) as victim:
        assert victim.words(len(points)) == sorted(point.replace("none", "committed") for point in points)
    settled = points.count("none")
    until(lambda: ChargingOrder.objects.filter(state="charging").count() == len(points) - settled)
    assert TransactionRecord.objects.count() == Journal.objects.filter(kind="settlement").count() == settled
    for own, point in zip(sites, points, strict=True):
        assert flow.money(own.driver) == ((8_900, 0, 0) if point == "none" else (10_000, 10_000, 0))
    flow.assert_books_balance()
    sweeps.sweep_orders(actor=system("order sweep"))
    for _ in range(2):
        for own, report in zip(sites, reports, strict=True):
            flow.send_record(own, report)
            sweeps.sweep_orders(actor=system("order sweep"))
    for own, order in zip(sites, orders, strict=True):
        order.refresh_from_db()
        assert (order.state, flow.money(own.driver)) == ("settled", (8_900, 0, 0))
    assert (
        Journal.objects.filter(kind="settlement").count() == TransactionRecord.objects.count() == len(points)
    )
    assert not ReviewItem.objects.exists()
    flow.assert_books_balance()
