"""The demo's world: complete, repeatable, paid to the fen, and never in production."""

import io
import json

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from billing.models import Account, ChargingOrder, Entry, ReviewItem
from billing.services.evidence import recompute
from devices.models import DeviceCommand, PileSession
from devices.simulators.demo import demo_password
from ev_platform.demo import world
from kernel.commands import Refused
from stations.models import Connector, Pile
from users.models import Driver

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def demo(*args):
    out = io.StringIO()
    call_command("demo_data", "--json", *args, stdout=out)
    return json.loads(out.getvalue())


def test_the_world_is_built_once():
    first = demo("--sessions", "8")
    assert first["made"] == {
        "operators": 2,
        "stations": 4,
        "tariffs": 3,
        "special_days": 4,
        "discounts": 1,
        "coupons": 10,
        "piles": 40,
        "archives": 40,
        "firmware": 1,
        "campaigns": 2,
        "parameter_sets": 2,
        "accounts": 5,
        "drivers": 30,
        "enterprises": 1,
        "bound_stations": 2,
        "members": 3,
        "vehicles": 3,
        "cards": 6,
        "tags": 1,
        "orders": first["orders"],
    }
    assert 5 <= first["orders"] <= 8
    assert demo("--sessions", "8") == {**first, "made": {}}

    for account in first["accounts"]:
        assert authenticate(username=account["username"], password=account["password"]) is not None
    assert not any(authenticate(username=one["username"], password="wrong") for one in first["accounts"])
    from django.contrib.auth.hashers import check_password

    ocpp = Pile.objects.filter(protocol="ocpp16").first()
    assert check_password(demo_password(ocpp.code), ocpp.password)


def test_the_past_is_settled_and_adds_up():
    demo("--sessions", "12")
    orders = ChargingOrder.objects.all()
    assert {order.state for order in orders} == {"settled"}
    assert {order.pile.protocol for order in orders} <= {"ykc", "ocpp16"}
    for order in orders:
        assert recompute(order).total_fen == order.total_fen
        assert order.total_fen == order.electricity_fen + order.service_fen - order.discount_fen
        assert order.started_at < order.ended_at == order.settled_at
    assert sum(Entry.objects.values_list("amount_fen", flat=True)) == 0
    for account in Account.objects.all():
        assert account.balance_fen == sum(account.entries.values_list("amount_fen", flat=True))
        assert account.held_fen == 0
    # Two records that no order asked for wait for a person.
    assert list(ReviewItem.objects.values_list("kind", "state")) == [("orphan_record", "open")] * 2
    # Nothing pretends to be alive.
    assert not PileSession.objects.filter(closed_at=None).exists()
    assert set(Connector.objects.values_list("state", flat=True)) == {"offline"}
    assert not DeviceCommand.objects.filter(state__in=["queued", "sent"]).exists()


def test_an_empty_wallet_is_filled_again():
    from billing.services import ledger
    from kernel.actor import system

    demo("--no-history")
    driver = Driver.objects.get(phone=world.DRIVER_PHONE.format(1))
    wallet = ledger.wallet_of(driver)
    sink = ledger.account_of(Account.Kind.MANUAL_TOPUP)
    ledger.post(
        key="spent", kind="correction", actor=system("tests"),
        lines=[(wallet, -wallet.balance_fen), (sink, wallet.balance_fen)],
    )  # fmt: skip
    demo("--no-history")
    assert ledger.wallet_of(driver).balance_fen == world.LATER_TOP_UP_FEN


def test_production_has_no_demo(settings):
    settings.PRODUCTION = True
    with pytest.raises(Refused, match="EV_ENV=production"):
        demo()
    assert not Driver.objects.exists()
