"""The guards that count again find what was broken by hand, and nothing in sound books."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing.models import Account, ChargingOrder, Hold
from billing.services import checks, ledger
from tests.billing import flow
from tests.factories import make_site

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


@pytest.fixture
def settled():
    site = make_site()
    order = flow.charging(site)
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    order.refresh_from_db()
    assert order.state == "settled"
    return site, order


def codes(problems):
    return {problem.code for problem in problems}


@pytest.mark.promise(5)
@pytest.mark.promise(6)
def test_sound_books_pass(settled, capsys):
    call_command("check_ledger")
    call_command("check_orders")
    call_command("check_ledger", "--json")
    assert capsys.readouterr().out.splitlines() == ["OK", "OK", '{"ok": true, "problems": []}']


def test_a_changed_balance_is_found(settled, capsys):
    site, _order = settled
    wallet = ledger.wallet_of(site.driver)
    Account.objects.filter(pk=wallet.pk).update(balance_fen=wallet.balance_fen + 1)
    with pytest.raises(CommandError):
        call_command("check_ledger", "--json")
    answer = json.loads(capsys.readouterr().out)
    assert [p["code"] for p in answer["problems"]] == ["balance_differs"] and answer["ok"] is False


def test_a_changed_reservation_and_a_forgotten_hold_are_found(settled):
    _site, order = settled
    Hold.objects.filter(order=order).update(state="active")
    assert codes(checks.ledger_problems()) == {"held_differs", "hold_on_finished_order"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"total_fen": 1, "electricity_fen": 1, "service_fen": 0}, "bill_differs"),
        ({"bill": {}}, "cannot_recompute"),
        ({"evidence": {"basis": "zero"}}, "bill_differs"),
    ],
)
def test_a_changed_order_is_found(settled, change, code):
    ChargingOrder.objects.update(**change)
    assert code in codes(checks.order_problems())
    assert code in codes(checks.order_problems(days=1))
    ChargingOrder.objects.update(settled_at=timezone.now() - timedelta(days=2))
    assert not list(checks.order_problems(days=1))


def test_a_changed_record_is_found(settled):
    _site, order = settled
    order.record.tiers["flat"]["energy_kwh"] = "11"
    order.record.save()
    assert codes(checks.order_problems()) == {"bill_differs"}


def test_an_order_past_its_deadline_is_found():
    order = flow.start(make_site())
    assert not list(checks.order_problems())
    ChargingOrder.objects.filter(pk=order.pk).update(due_at=timezone.now() - timedelta(minutes=6))
    assert codes(checks.order_problems()) == {"overdue"}
