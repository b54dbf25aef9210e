"""A card and a vehicle at a real socket with the real money behind them: from the question to the debit."""

from decimal import Decimal

import pytest
from django.utils import timezone

from billing.models import ChargingOrder, EnterpriseStation
from billing.services import ledger, orders
from kernel.actor import system
from tests import factories as f
from tests.billing.flow import assert_books_balance
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.gateway.test_ykc_starts import ask
from tests.devices.ykc.client import YkcSocket, record_fields
from users.actors import of_driver

SYSTEM = system("tests")
RUNNING = ("charging", "stopping")
ENERGY, AMOUNT = Decimal("0.0500"), Decimal("0.0600")
PRICES = [("flat", "0.8", "0.4")]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(transactional_db):
    return f.make_site(prices=PRICES, slots=["flat"] * 48, online=False)


@pytest.fixture
def sock(live_gateway, site):
    with YkcSocket(live_gateway.ykc_port, site.pile.code) as sock:
        sock.login()
        sock.send(0x09)
        model = sock.expect(0x0A)
        sock.send(0x05, model_no=model.fields["model_no"])
        assert sock.expect(0x06).fields["result"] == 0
        for gun in ("01", "02"):
            sock.live(gun, status=2, plugged=1)
        until(lambda: site.pile.connectors.filter(state="occupied").count() == 2)
        yield sock


def charge(sock, order, gun, *, trade_type, **more):
    """The session of an order until its record is acknowledged."""
    sock.live(gun, trade_no=order.transaction_ref, status=3)
    until(lambda: ChargingOrder.objects.filter(pk=order.pk, state__in=RUNNING).exists())
    now = timezone.now()
    fields = record_fields(
        order.transaction_ref, gun, start_time=order.created_at, end_time=now, trade_time=now,
        trade_type=trade_type, meter_end=Decimal("100.0500"), total_energy=ENERGY, total_loss_energy=ENERGY,
        flat_energy=ENERGY, flat_loss_energy=ENERGY, flat_amount=AMOUNT, total_amount=AMOUNT, **more,
    )  # fmt: skip
    for _ in range(2):  # the answer was lost
        sock.send(0x3B, **fields)
        assert sock.expect(0x40).fields["result"] == 0
    order.refresh_from_db()
    return order


def balance(owner):
    account = ledger.paying_account(ledger.payers.of(owner))
    return account.balance_fen, account.held_fen


@pytest.mark.feature("STA-04", "STA-06", "CRD-05", "CRD-06", "VEH-08", "BOOT-09", "BOOT-10")
@pytest.mark.promise(1, 2)
def test_cards_and_vehicles_charge_over_a_socket_and_pay_once(sock, site):
    card = f.CardFactory(operator=site.operator, physical_no="D14B0A54", driver=site.driver)
    ledger.top_up(actor=SYSTEM, driver=card, amount_fen=5_000, reason="r", idempotency_key="1")
    fleet = f.EnterpriseFactory(operator=site.operator)
    EnterpriseStation.objects.create(enterprise=fleet, station=site.station)
    ledger.top_up(actor=SYSTEM, driver=fleet, amount_fen=9_000, reason="r", idempotency_key="1")
    vehicle = f.VehicleFactory(enterprise=fleet)

    ask(sock, card="00000000000000FF")
    assert sock.expect(0x32).fields["fail"] == "01"
    ask(sock)
    answer = sock.expect(0x32).fields
    assert (answer["ok"], answer["balance"]) == (1, Decimal("50.00"))
    assert answer["logical_card"].lstrip("0") == card.logical_no
    order = ChargingOrder.objects.get()
    assert order.transaction_ref == answer["trade_no"]
    ask(sock, "02")
    assert sock.expect(0x32).fields["fail"] == "04", "the card has an unfinished transaction"

    ask(sock, "02", mode=3, vin=vehicle.vin[::-1], card="0" * 16)
    answer = sock.expect(0x32).fields
    assert answer["ok"] == 1, answer
    second = ChargingOrder.objects.get(transaction_ref=answer["trade_no"])
    assert (second.start_method, second.payer_kind) == ("vin", "enterprise")

    # A session that a card began ends from its holder's app; its record settles it, however often it comes.
    sock.live("01", trade_no=order.transaction_ref, status=3)
    until(lambda: ChargingOrder.objects.filter(pk=order.pk, state="charging").exists())
    orders.stop_order(actor=of_driver(site.driver), order_no=order.order_no)
    assert sock.expect(0x36).fields["gun_no"] == "01"
    order = charge(sock, order, "01", trade_type=2)
    assert (order.state, order.total_fen, balance(card)) == ("settled", 6, (4_994, 0))
    second = charge(sock, second, "02", trade_type=5, vin=vehicle.vin)
    assert (second.state, balance(fleet)) == ("settled", (8_994, 0))

    # The app starts with the card's numbers, and the card ends it at the pile: one order.
    sock.live("01", status=2, plugged=1)
    until(lambda: site.pile.connectors.get(number=1).state == "occupied")
    third = orders.start_order(
        actor=of_driver(site.driver), connector_code=site.connector.code, driver=site.driver
    )
    start = sock.expect(0x34).fields
    assert start["physical_card"] == "00000000D14B0A54"
    assert start["logical_card"].lstrip("0") == card.logical_no
    sock.send(0x33, trade_no=start["trade_no"], gun_no="01", ok=1, fail="00")
    third = charge(sock, third, "01", trade_type=1, stop_reason="41", physical_card="00000000D14B0A54")
    assert (third.state, third.payer_kind, ChargingOrder.objects.count()) == ("settled", "wallet", 3)
    assert_books_balance()
