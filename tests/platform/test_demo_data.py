"""The demo's world: complete, repeatable, paid to the fen, and never in production."""

import io
import json
from dataclasses import asdict
from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import check_password
from django.core.management import call_command

from billing import business_day
from billing.models import (
    Account,
    ChargingOrder,
    CheckRun,
    ClearingLine,
    DayClose,
    Difference,
    Entry,
    Payment,
    Payout,
    Proposal,
    Refund,
    ReviewItem,
    Statement,
)
from billing.payments.merchants import SANDBOX_FOLDER
from billing.payments.sandbox.keys import KEYS_FILE
from billing.services import checks
from billing.services.evidence import recompute
from billing.services.finance_checks import finance_problems
from billing.services.invoice_checks import invoice_problems
from billing.services.payment_checks import payment_problems
from devices.models import DeviceCommand, PileSession
from devices.simulators.demo import demo_password
from ev_platform.demo import nights, world
from kernel.commands import Refused
from kernel.models import ExportJob
from stations.models import Connector, Pile
from tests.billing.payments.conftest import sandbox_keys
from users.models import Driver

__all__ = ["sandbox_keys"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    settings.MEDIA_ROOT = settings.EV_DATA_DIR = tmp_path


def demo(*args):
    out = io.StringIO()
    call_command("demo_data", "--json", *args, stdout=out)
    return json.loads(out.getvalue())


def test_the_week_is_built_once_paid_to_the_fen_and_leaves_work(tmp_path, sandbox_keys):
    folder = tmp_path / SANDBOX_FOLDER
    folder.mkdir()
    (folder / KEYS_FILE).write_text(json.dumps(asdict(sandbox_keys)))  # making keys takes a moment
    first = demo("--sessions", "12")
    assert first["made"] == {
        "operators": 2,
        "stations": 5,
        "tariffs": 4,
        "special_days": 4,
        "discounts": 1,
        "coupons": 10,
        "piles": 41,
        "archives": 41,
        "firmware": 1,
        "campaigns": 2,
        "parameter_sets": 2,
        "accounts": 6,
        "drivers": 30,
        "enterprises": 1,
        "bound_stations": 2,
        "members": 3,
        "vehicles": 3,
        "cards": 6,
        "tags": 1,
        "orders": first["orders"],
    }
    assert 8 <= first["orders"] <= 12
    book = (folder / "book.json").read_text()
    assert demo("--sessions", "12") == {**first, "made": {}}
    assert (folder / "book.json").read_text() == book

    for account in first["accounts"]:
        assert authenticate(username=account["username"], password=account["password"]) is not None
    assert authenticate(username=first["accounts"][0]["username"], password="wrong") is None
    ocpp = Pile.objects.filter(protocol="ocpp16").first()
    assert check_password(demo_password(ocpp.code), ocpp.password)
    assert_the_past_is_settled()
    assert_the_desk_has_work(json.loads(book))


def assert_the_past_is_settled():
    orders = ChargingOrder.objects.all()
    assert {order.state for order in orders} == {"settled"}
    assert {order.pile.protocol for order in orders} <= {"ykc", "ocpp16", "dny"}
    for order in orders:
        assert recompute(order).total_fen == order.total_fen
        assert order.total_fen == order.electricity_fen + order.service_fen - order.discount_fen
        assert order.started_at < order.ended_at == order.settled_at
    assert sum(Entry.objects.values_list("amount_fen", flat=True)) == 0
    assert not Account.objects.exclude(held_fen=0).exists()
    problems = (
        checks.ledger_problems,
        checks.order_problems,
        payment_problems,
        finance_problems,
        invoice_problems,
    )
    assert [one for find in problems for one in find()] == []
    # Two records that no order asked for wait for a person.
    assert list(ReviewItem.objects.values_list("kind", "state")) == [("orphan_record", "open")] * 2
    # Nothing pretends to be alive.
    assert not PileSession.objects.filter(closed_at=None).exists()
    assert set(Connector.objects.values_list("state", flat=True)) == {"offline"}
    assert not DeviceCommand.objects.filter(state__in=["queued", "sent"]).exists()


def assert_the_desk_has_work(book):
    """Every recharge stands in the sandbox's book; one difference and what follows from it is left to do."""
    paid = Payment.objects.filter(state="succeeded")
    strangers = [row for row in book["trades"] if row["number"].startswith("QR")]
    assert sum(row["amount_fen"] for row in book["trades"] if row["state"] == "paid") == sum(
        paid.values_list("paid_fen", flat=True)
    ) + sum(row["amount_fen"] for row in strangers)
    assert Payment.objects.filter(state="closed").exists() and Payment.objects.filter(queries__gt=0).exists()
    assert DayClose.objects.filter(state="closed").count() == 5
    assert list(Difference.objects.filter(state="open").values_list("kind", "theirs_fen")) == [
        ("missing_here", nights.STRANGER[1])
    ]
    assert CheckRun.objects.exists() and not CheckRun.objects.filter(problems__gt=0).exists()
    stated = sum(Statement.objects.values_list("shares_fen", flat=True))
    yesterday = business_day.today() - timedelta(days=1)
    lines = ClearingLine.objects.filter(role="share", day__lte=yesterday)
    assert stated == sum(lines.values_list("amount_fen", flat=True)) > 0
    transfers = sum(row["amount_fen"] for row in book["transfers"] if row["state"] == "success")
    assert transfers == sum(Payout.objects.filter(state="paid").values_list("amount_fen", flat=True)) > 0
    assert Proposal.objects.filter(state="proposed").exists()
    assert Refund.objects.filter(state="requested").exists()
    assert ExportJob.objects.get().rows_done > 0


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
