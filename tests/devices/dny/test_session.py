"""One e-bike charge over DNY from the driver's phone to the ledger: the API above, a real socket below."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from billing.models import Account, ChargingOrder, ReviewItem
from billing.services.evidence import recompute
from billing.tasks import sweep_orders
from devices.models import TransactionRecord
from kernel import clock
from stations.models import Connector, Pile
from tests import factories
from tests.devices.dny.client import DnySocket
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.gateway.test_ykc_session import App, HeldClock, ledger_is_balanced

BEIJING = ZoneInfo("Asia/Shanghai")
PRICES = [("peak", "1.00000", "0.50000"), ("flat", "0.60000", "0.40000")]
FLAT_THEN_PEAK = ["flat"] * 21 + ["peak"] * 27

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def noonish(monkeypatch):
    held = HeldClock(datetime(2026, 11, 20, 10, 5, tzinfo=BEIJING))
    monkeypatch.setattr(clock, "now", held.now)
    return held


@pytest.fixture
def site(noonish, transactional_db):
    return factories.make_site(
        protocol="dny", connectors=10, online=False, rated_power_kw="6.0", prices=PRICES, slots=FLAT_THEN_PEAK
    )


@pytest.fixture
def app(live_gateway, site):
    return App(live_gateway, site.driver)


@pytest.fixture
def sock(live_gateway, site):
    """A box after its power-on sequence, with a bike plugged in at port 0 (connector 1)."""
    with DnySocket(live_gateway.dny_port, site.pile.code) as sock:
        sock.register()
        sock.beat({0: 2})
        until(lambda: Connector.objects.get(pile=site.pile, number=1).state == "occupied")
        yield sock


def begin(app, sock, site, number: int = 1, **body) -> ChargingOrder:
    """Start from the app until the order charges."""
    order_no = app.start(f"{site.pile.code}{number:02d}", **body)["order_no"]
    sock.expect(0x82)
    sock.answer()
    return until(lambda: ChargingOrder.objects.filter(order_no=order_no, state="charging").first())


def wallet(site) -> tuple[int, int]:
    account = Account.objects.get(driver=site.driver, kind="wallet")
    return account.balance_fen, account.held_fen


@pytest.mark.feature("PIL-28")
@pytest.mark.promise(2)
@pytest.mark.promise(5)
@pytest.mark.promise(6)
@pytest.mark.message("dny", "82 in", "82 out", "06", "03 in", "03 out")
def test_over_a_tariff_boundary_the_bill_is_split_by_the_samples(app, sock, site, noonish):
    """25 minutes flat, then 65 minutes peak: 0.10 kWh × 1.0 + 0.38 kWh × 1.5 yuan = 0.67 yuan."""
    order = begin(app, sock, site)
    ref = order.transaction_ref
    assert ref == order.order_no.zfill(32)
    noonish.shift(25 * 60 - 2)
    sock.power(ref, energy="0.10", duration=1500)
    until(lambda: ChargingOrder.objects.get(pk=order.pk).energy_kwh == Decimal("0.10"))
    noonish.shift(60 * 60)
    sock.power(ref, energy="0.45", duration=5100)
    until(lambda: ChargingOrder.objects.get(pk=order.pk).energy_kwh == Decimal("0.45"))
    live = app.order(order.order_no)
    assert live["state"] == "charging" and live["total_fen"] > 0
    noonish.shift(300)
    assert app.http.post(f"/orders/{order.order_no}/stop").status_code == 202
    stop = sock.expect(0x82).fields
    assert (stop["action"], stop["order"]) == (0, ref)
    sock.answer()
    for repeat in range(3):
        sock.settle(
            ref,
            duration=5398,
            energy=Decimal("0.48"),
            stop_reason=7,
            time=clock.now() + timedelta(hours=repeat),
        )
        assert sock.expect(0x03).fields == {"result": 0}
    sock.beat({0: 2})

    order.refresh_from_db()
    assert order.state == "settled", order.review_reasons
    assert order.stop_reason == "stopped_by_platform"
    segments = {line["tier"]: Decimal(line["energy_kwh"]) for line in order.bill["lines"]}
    assert sum(segments.values()) == Decimal("0.48")
    assert abs(segments["flat"] - Decimal("0.10")) <= Decimal("0.001")
    assert order.total_fen == 67
    assert recompute(order).total_fen == order.total_fen == order.electricity_fen + order.service_fen
    assert wallet(site) == (10_000 - order.total_fen, 0)
    assert order.journals.count() == 1
    record = TransactionRecord.objects.get()
    assert (record.times_received, record.conflicts) == (3, [])
    assert abs(record.started_at - order.created_at) < timedelta(seconds=10)
    assert ledger_is_balanced()


@pytest.mark.feature("EBK-01")
def test_ten_ports_charge_ten_orders_at_once(app, live_gateway, sock, site, noonish):
    orders = []
    for number in range(1, 11):
        driver = factories.make_driver(balance_fen=1_000)
        orders.append(begin(App(live_gateway, driver), sock, site, number))
    until(lambda: Connector.objects.filter(pile=site.pile, state="charging").count() == 10)
    noonish.shift(3600)
    for port, order in enumerate(orders):
        sock.settle(order.transaction_ref, port=port, energy=Decimal(port + 1) / 100)
        sock.expect(0x03)
    settled = ChargingOrder.objects.filter(state="settled").order_by("connector__number")
    assert [order.energy_kwh for order in settled] == [Decimal(n).scaleb(-2) for n in range(1, 11)]
    assert ledger_is_balanced()


def test_a_refused_start_closes_the_order_at_once(app, sock, site):
    order_no = app.start(site.connector.code)["order_no"]
    sock.expect(0x82)
    sock.answer(1)
    until(lambda: ChargingOrder.objects.get(order_no=order_no).state == "closed")
    assert ChargingOrder.objects.get(order_no=order_no).stop_reason == "not_plugged"
    assert wallet(site) == (10_000, 0)


def test_start_unanswered_closes_the_order_and_a_late_start_is_stopped(app, sock, site, noonish):
    order_no = app.start(site.connector.code)["order_no"]
    order = sock.expect(0x82).fields["order"]
    noonish.shift(91)
    sweep_orders()
    assert ChargingOrder.objects.get(order_no=order_no).state == "closed"
    assert wallet(site) == (10_000, 0)
    sock.power(order)
    stop = sock.expect(0x82).fields
    assert (stop["action"], stop["order"]) == (0, order)
    assert until(lambda: ReviewItem.objects.filter(kind="late_charging").exists())
    assert ledger_is_balanced()


@pytest.mark.promise(2)
@pytest.mark.promise(3)
def test_a_settlement_that_is_the_first_sign_of_a_charge_settles_its_order(app, sock, site, noonish):
    """The answer to the start and every power report got lost; the settlement came half an hour later."""
    order_no = app.start(site.connector.code)["order_no"]
    ref = sock.expect(0x82).fields["order"]
    noonish.shift(60)
    sock.settle(ref, duration=40, energy=Decimal("0.01"), stop_reason=5)
    sock.expect(0x03)
    order = ChargingOrder.objects.get(order_no=order_no)
    assert order.state == "settled", order.review_reasons
    assert (order.total_fen, order.stop_reason) == (1, "unplugged")


@pytest.mark.feature("EBK-12")
@pytest.mark.message("dny", "42", "06", "03 in", "03 out")
def test_after_a_power_cut_the_same_order_goes_on_and_is_settled_once(app, live_gateway, sock, site, noonish):
    order = begin(app, sock, site)
    ref = order.transaction_ref
    noonish.shift(600)
    sock.power(ref, energy="0.05", duration=600)
    until(lambda: ChargingOrder.objects.get(pk=order.pk).energy_kwh == Decimal("0.05"))
    sock.send(0x42, kind=1, port=0, trigger=0)
    until(lambda: order.events.filter(kind="fault").exists())
    sock.close()
    until(lambda: not Pile.objects.get(pk=site.pile.pk).online)
    noonish.shift(1800)
    with DnySocket(live_gateway.dny_port, site.pile.code) as again:
        again.register()
        again.beat({0: 1})
        noonish.shift(600)
        again.power(ref, energy="0.09", duration=1200)
        until(lambda: ChargingOrder.objects.get(pk=order.pk).energy_kwh == Decimal("0.09"))
        assert ChargingOrder.objects.get(pk=order.pk).state == "charging"
        noonish.shift(60)
        again.settle(ref, duration=1260, energy=Decimal("0.10"))
        again.expect(0x03)
    order.refresh_from_db()
    assert order.state == "settled", order.review_reasons
    assert order.energy_kwh == Decimal("0.10")
    assert order.ended_at - order.started_at > timedelta(minutes=45), "the cut is part of the session"


@pytest.mark.promise(4)
def test_implausible_energy_waits_for_a_person(app, sock, site, noonish):
    order = begin(app, sock, site)
    noonish.shift(600)
    sock.settle(order.transaction_ref, duration=600, energy=Decimal("655.35"))
    sock.expect(0x03)
    order.refresh_from_db()
    assert order.state == "review"
    assert wallet(site)[0] == 10_000


@pytest.mark.promise(3)
@pytest.mark.parametrize("how", [{"how": 0, "card": "7A8D05DD"}, {"how": 3}])
def test_a_charge_the_box_started_alone_debits_nobody(sock, site, how):
    sock.settle("20190901180000130030380102030405", **how)
    assert sock.expect(0x03).fields == {"result": 0}
    item = ReviewItem.objects.get()
    assert item.kind == "orphan_record"
    assert wallet(site) == (10_000, 0)


def test_a_full_battery_settles_what_was_delivered(app, sock, site, noonish):
    order = begin(app, sock, site)
    noonish.shift(3600)
    sock.beat({0: 3})
    sock.settle(order.transaction_ref, duration=3590)
    sock.expect(0x03)
    order.refresh_from_db()
    assert (order.state, order.stop_reason) == ("settled", "battery_full"), order.review_reasons
    assert order.energy_kwh == Decimal("0.48")
    assert Connector.objects.get(pile=site.pile, number=1).state == "occupied"


def test_an_ended_charge_without_its_settlement_waits_for_it(app, sock, site, noonish):
    order = begin(app, sock, site)
    noonish.shift(600)
    sock.power(order.transaction_ref, energy="0.05", duration=600)
    until(lambda: ChargingOrder.objects.get(pk=order.pk).energy_kwh == Decimal("0.05"))
    for _ in range(2):
        noonish.shift(180)
        sock.beat()
    until(lambda: ChargingOrder.objects.get(pk=order.pk).state == "finishing")
    noonish.shift(120)
    sweep_orders()
    order.refresh_from_db()
    assert order.state == "review"
    noonish.shift(1800)
    sock.settle(order.transaction_ref, duration=610, energy=Decimal("0.05"), stop_reason=5)
    sock.expect(0x03)
    order.refresh_from_db()
    assert order.state == "settled", order.review_reasons
    assert order.total_fen == 5
