"""One charge over YKC from the driver's phone to the ledger: the API above, a real socket below."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import httpx
import pytest

from billing.models import Account, ChargingOrder, Entry, ReviewItem
from billing.services.evidence import recompute
from billing.tasks import sweep_orders
from kernel import clock
from kernel.actor import system
from stations.models import Connector
from tests import factories
from tests.clocks import HeldClock
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.ykc.client import YkcSocket, record_fields
from users.services import tokens

BEIJING = ZoneInfo("Asia/Shanghai")
PRICES = [("peak", "1.05215", "0.40000"), ("flat", "0.64385", "0.40000")]
FLAT_THEN_PEAK = ["flat"] * 21 + ["peak"] * 27

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def noonish(monkeypatch):
    """The morning of the worked example in docs/pricing.md."""
    held = HeldClock(datetime(2026, 11, 20, 10, 5, tzinfo=BEIJING))
    monkeypatch.setattr(clock, "now", held.now)
    return held


@pytest.fixture
def site(noonish, transactional_db):
    return factories.make_site(prices=PRICES, slots=FLAT_THEN_PEAK, online=False)


class App:
    """The driver's app."""

    def __init__(self, live_gateway, driver):
        token = tokens.issue_token(actor=system("tests"), driver=driver)
        self.http = httpx.Client(
            base_url=f"{live_gateway.http_url}/api/v1/driver",
            headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"},
            timeout=10,
        )

    def start(self, connector_code: str, **body) -> dict:
        answer = self.http.post("/orders", json={"connector_code": connector_code, **body})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def order(self, order_no: str) -> dict:
        return self.http.get(f"/orders/{order_no}").json()


@pytest.fixture
def app(live_gateway, site):
    return App(live_gateway, site.driver)


@pytest.fixture
def sock(live_gateway, site):
    """A pile after its power-on sequence: logged in, tariff confirmed, a car plugged in at gun 1."""
    with YkcSocket(live_gateway.ykc_port, site.pile.code) as sock:
        sock.login()
        sock.send(0x05, model_no="0000")
        check = sock.expect(0x06)
        assert check.fields["result"] == 1
        sock.send(0x09)
        model = sock.expect(0x0A)
        assert model.fields["model_no"] == check.fields["model_no"]
        sock.send(0x05, model_no=model.fields["model_no"])
        assert sock.expect(0x06).fields["result"] == 0
        sock.live("01", status=2, plugged=1)
        sock.live("02", status=2, plugged=0)
        until(lambda: Connector.objects.get(pile=site.pile, number=1).state == "occupied")
        yield sock


def begin(app, sock, site, **body) -> ChargingOrder:
    """Start from the app until the order charges."""
    order_no = app.start(site.connector.code, **body)["order_no"]
    start = sock.expect(0x34)
    sock.send(0x33, trade_no=start.fields["trade_no"], gun_no="01", ok=1, fail="00")
    sock.live("01", trade_no=start.fields["trade_no"], status=3)
    return until(lambda: ChargingOrder.objects.filter(order_no=order_no, state="charging").first())


def ledger_is_balanced() -> bool:
    from django.db.models import Sum

    return not Entry.objects.unscoped("test").aggregate(total=Sum("amount_fen"))["total"]


@pytest.mark.promise(2)
@pytest.mark.promise(5)
@pytest.mark.promise(6)
@pytest.mark.feature("TAR-05", "TAR-09", "TAR-10", "STA-14", "ORD-05", "BOOT-06")
@pytest.mark.message("ykc", "05", "06", "09", "0A", "33", "34", "35", "36", "3B", "40")
def test_over_a_tariff_boundary_the_bill_is_the_worked_example(app, sock, site, noonish):
    order = begin(app, sock, site)
    ref = order.transaction_ref
    assert len(ref) == 32
    started = order.created_at
    energy = Decimal(0)
    for minutes, kwh in [(12, "7.5312"), (25, "25.7779")]:
        noonish.shift(minutes * 60)
        energy = Decimal(kwh)
        sock.live("01", trade_no=ref, status=3, energy=energy, loss_energy=energy)
        until(lambda kwh=energy: ChargingOrder.objects.get(pk=order.pk).energy_kwh == kwh)
    live = app.order(order.order_no)
    assert live["state"] == "charging"
    assert app.http.post(f"/orders/{order.order_no}/stop").status_code == 202
    sock.expect(0x36)
    sock.send(0x35, gun_no="01", ok=1, fail="00")

    record = record_fields(
        ref,
        start_time=started,
        end_time=clock.now(),
        trade_time=clock.now(),
        meter_end=Decimal("125.7779"),
        total_energy=energy,
        total_loss_energy=energy,
        total_amount=Decimal("34.3400"),  # a pile that truncates each tier to whole fen
        peak_price=Decimal("1.45215"),
        peak_energy=Decimal("18.2467"),
        peak_loss_energy=Decimal("18.2467"),
        peak_amount=Decimal("26.4900"),
        flat_price=Decimal("1.04385"),
        flat_energy=Decimal("7.5312"),
        flat_loss_energy=Decimal("7.5312"),
        flat_amount=Decimal("7.8600"),
    )
    for _ in range(3):
        sock.send(0x3B, **record)
        sock.expect(0x40)
    sock.live("01", status=2, plugged=1)

    order.refresh_from_db()
    assert order.state == "settled", order.review_reasons
    assert (order.electricity_fen, order.service_fen, order.total_fen) == (2405, 1031, 3436)
    assert recompute(order).total_fen == 3436
    wallet = Account.objects.get(driver=site.driver, kind="wallet")
    assert (wallet.balance_fen, wallet.held_fen) == (10_000 - 3436, 0)
    assert order.journals.count() == 1
    assert ledger_is_balanced()
    bill = app.order(order.order_no)
    assert bill["total_fen"] == 3436


@pytest.mark.feature("PIL-21")
@pytest.mark.message("ykc", "3B", "40")
def test_a_protection_ends_the_order_as_it_is_and_says_why(app, sock, site, noonish):
    order_no = app.start(site.connector.code)["order_no"]
    ref = sock.expect(0x34).fields["trade_no"]
    sock.send(0x33, trade_no=ref, gun_no="01", ok=1, fail="00")
    nothing = dict.fromkeys(
        (
            "total_energy",
            "total_loss_energy",
            "flat_energy",
            "flat_loss_energy",
            "flat_amount",
            "total_amount",
        ),
        Decimal(0),
    )
    now = {"start_time": clock.now(), "end_time": clock.now(), "trade_time": clock.now()}
    nothing |= {"meter_end": Decimal("100.0000"), "stop_reason": "54"}
    sock.send(0x3B, **record_fields(ref, **(nothing | now)))
    sock.expect(0x40)
    bill = app.order(order_no)
    assert (bill["state"], bill["stop_reason"]) == ("closed", "start_battery_reversed")
    assert bill["stop_reason_text"] == "Start failed: the battery is connected the wrong way"
    assert Account.objects.get(driver=site.driver, kind="wallet").held_fen == 0

    sock.live("01", status=2, plugged=1)
    order = begin(app, sock, site)
    noonish.shift(600)
    energy = {"total_energy", "total_loss_energy", "flat_energy", "flat_loss_energy"}
    record = record_fields(
        order.transaction_ref,
        start_time=order.created_at,
        end_time=clock.now(),
        trade_time=clock.now(),
        meter_end=Decimal("105.0000"),
        flat_price=Decimal("1.04385"),
        flat_amount=Decimal("5.2200"),
        total_amount=Decimal("5.2200"),
        stop_reason="72",
        **dict.fromkeys(energy, Decimal("5.0000")),
    )
    sock.send(0x3B, **record)
    sock.expect(0x40)
    bill = app.order(order.order_no)
    assert (bill["state"], bill["total_fen"]) == ("settled", 522)
    assert bill["stop_reason_text"] == "Charging broke off: the emergency stop was pressed"


@pytest.mark.message("ykc", "34", "36")
def test_start_unanswered_closes_the_order_and_a_late_start_is_stopped(app, sock, site, noonish):
    order_no = app.start(site.connector.code)["order_no"]
    trade_no = sock.expect(0x34).fields["trade_no"]
    noonish.shift(91)
    sweep_orders()
    order = ChargingOrder.objects.get(order_no=order_no)
    assert order.state == "closed"
    wallet = Account.objects.get(driver=site.driver, kind="wallet")
    assert (wallet.balance_fen, wallet.held_fen) == (10_000, 0)
    while not sock.quiet(0x36, 0.3):
        sock.send(0x35, gun_no="01", ok=0, fail="02")
    sock.live("01", trade_no=trade_no, status=3)
    sock.expect(0x36)
    assert until(lambda: ReviewItem.objects.filter(kind="late_charging").exists())
    assert ledger_is_balanced()


@pytest.mark.message("ykc", "33", "34")
def test_a_refused_start_closes_the_order_at_once(app, sock, site):
    order_no = app.start(site.connector.code)["order_no"]
    trade_no = sock.expect(0x34).fields["trade_no"]
    sock.send(0x33, trade_no=trade_no, gun_no="01", ok=0, fail="03")
    until(lambda: ChargingOrder.objects.get(order_no=order_no).state == "closed")
    assert Account.objects.get(driver=site.driver, kind="wallet").held_fen == 0


@pytest.mark.promise(3)
def test_a_record_without_an_order_debits_nobody(sock, site):
    sock.send(0x3B, **record_fields(site.pile.code + "01" + "2611201200000001"))
    assert sock.expect(0x40).fields["result"] == 0
    item = ReviewItem.objects.get()
    assert item.kind == "orphan_record"
    assert Account.objects.get(driver=site.driver, kind="wallet").balance_fen == 10_000


@pytest.mark.promise(4)
def test_implausible_energy_waits_for_a_person(app, sock, site, noonish):
    order = begin(app, sock, site)
    noonish.shift(600)
    huge = Decimal("910.0000")
    sock.send(
        0x3B,
        **record_fields(
            order.transaction_ref,
            start_time=order.created_at,
            end_time=clock.now(),
            meter_end=Decimal("1010.0000"),
            total_energy=huge,
            total_loss_energy=huge,
            flat_energy=huge,
            flat_loss_energy=huge,
            flat_price=Decimal("1.04385"),
            flat_amount=Decimal("949.9000"),
            total_amount=Decimal("949.9000"),
        ),
    )
    sock.expect(0x40)
    order.refresh_from_db()
    assert order.state == "review"
    assert any("power" in reason["code"] or "energy" in reason["code"] for reason in order.review_reasons)
    wallet = Account.objects.get(driver=site.driver, kind="wallet")
    assert wallet.balance_fen == 10_000


def test_an_ended_charge_waits_for_its_record_and_a_late_record_settles_it(app, sock, site, noonish):
    order = begin(app, sock, site)
    noonish.shift(600)
    sock.live("01", trade_no=order.transaction_ref, status=3, energy=Decimal("5.0000"))
    noonish.shift(15)
    for _ in range(2):
        sock.live("01", status=2, plugged=1)
    until(lambda: ChargingOrder.objects.get(pk=order.pk).state == "finishing")
    ended = clock.now()
    noonish.shift(120)
    sweep_orders()
    order.refresh_from_db()
    assert order.state == "review"
    five = Decimal("5.0000")
    sock.send(
        0x3B,
        **record_fields(
            order.transaction_ref,
            start_time=order.created_at,
            end_time=ended,
            meter_end=Decimal("105.0000"),
            total_energy=five,
            total_loss_energy=five,
            flat_energy=five,
            flat_loss_energy=five,
            flat_price=Decimal("1.04385"),
            flat_amount=Decimal("5.2192"),
            total_amount=Decimal("5.2192"),
        ),
    )
    sock.expect(0x40)
    order.refresh_from_db()
    assert order.state == "settled", order.review_reasons
    assert order.total_fen == 522


def test_the_hold_is_never_overspent_the_platform_stops_before(app, sock, site, noonish):
    order = begin(app, sock, site, limit_fen=1_000)
    noonish.shift(560)
    sock.live("01", trade_no=order.transaction_ref, status=3, energy=Decimal("9.2000"))
    sock.expect(0x36)
    order.refresh_from_db()
    assert order.state == "stopping"
    assert order.total_fen <= 1_000
