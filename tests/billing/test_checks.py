"""The guards that count again find what was broken by hand, and nothing in sound books."""

import ast
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

import billing
from billing.check_words import SENTENCES, figure_lines
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


def test_bills_are_computed_again_by_number_operator_and_day(settled, capsys):
    site, order = settled

    def reprice(*args):
        capsys.readouterr()
        try:
            call_command("reprice", *args, "--json")
            code = 0
        except CommandError as error:
            code = error.returncode
        return code, json.loads(capsys.readouterr().out)

    assert reprice() == (
        0,
        {"ok": True, "orders": 1, "fees": 0, "total_fen": 1_100, "differences": []},
    )
    today = timezone.localtime(order.settled_at).date().isoformat()
    for args, orders in (
        ((order.order_no,), 1),
        (("--operator", site.operator.code), 1),
        (("--operator", make_site().operator.code), 0),
        (("--from", today, "--to", today), 1),
        (("--to", "2020-01-01"), 0),
    ):
        assert reprice(*args)[1]["orders"] == orders, args
    for args, error in (
        (("123",), "order_unknown"),
        (("--operator", "nobody"), "operator_unknown"),
        (("--from", "yesterday"), "invalid"),
    ):
        code, answer = reprice(*args)
        assert (code, answer["error"]["code"]) == (1, error)
    ChargingOrder.objects.update(total_fen=1_101, service_fen=401)
    code, answer = reprice()
    (difference,) = answer["differences"]
    assert code == 1 and (difference["what"], difference["computed"]["total_fen"]) == ("bill", 1_100)
    bill = {**order.bill, "lines": [{**order.bill["lines"][0], "tier": "peak"}]}
    ChargingOrder.objects.update(total_fen=1_100, service_fen=400, bill=bill)
    code, answer = reprice()
    assert code == 1 and answer["differences"][0]["stored"]["lines"][0]["tier"] == "peak"
    with pytest.raises(CommandError):
        call_command("reprice")
    assert "1 differences" in capsys.readouterr().out


def test_every_finding_has_a_sentence():
    """What the console shows of a finding is words; codes that are put together are those of the accounts compared."""
    together = {
        f"{kind}_differs"
        for kind in (
            "payable", "payouts_in_transit", "platform_fees", "bank", "channel_fees", "differences",
        )
    }  # fmt: skip
    codes = set(together)
    for path in Path(billing.__file__).parent.joinpath("services").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
                code = node.args[0]
                codes |= {code.value} if isinstance(code, ast.Constant) else set()
    assert codes == set(SENTENCES)
    assert figure_lines({"closed": {"fees_fen": 120}, "day": "2026-11-24"}) == [
        "closed:", "  fees: ¥1.20", "day: 2026-11-24",
    ]  # fmt: skip
