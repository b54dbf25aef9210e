"""From shares to money on the payee's account: statements, carry-over, approval, and payouts that happen once."""

import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from billing.models import Account, Payout, PayoutAccount, SettlementItem, Statement
from billing.services.clearing import payees
from billing.services.finance_checks import finance_problems
from billing.services.payouts import accounts, contracts, decisions, sending, statements
from billing.services.payouts.statements import cycle_end
from kernel import clock
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests import factories as f
from tests.billing.finance.desk import (
    JOB,
    agreed,
    assert_ties,
    bound_account,
    clear_all,
    money_of,
    platform,
    settled,
)
from tests.billing.flow import in_threads

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 18, 3, 0, tzinfo=UTC)  # Wednesday, 11:00 in Beijing
APPROVE = "billing.approve_payout"


def day(n):
    """Noon, n days before NOW."""
    return NOW - timedelta(days=n)


def due_statements(at=NOW):
    with clock.held_at(at):
        return statements.build_due_statements(actor=JOB)


def pay(payout, *permissions):
    return decisions.approve_payout(actor=f.staff_actor(APPROVE), payout=payout)


def run(times=1):
    """Let the job run as if every wait were over."""
    for _ in range(times):
        Payout.objects.filter(next_at__isnull=False).update(next_at=timezone.now() - timedelta(seconds=1))
        sending.work_due_payouts(actor=JOB)
    return Payout.objects.order_by("-pk").first()


def refused(expected, service, **kwargs):
    with pytest.raises(DomainError) as refusal:
        service(**kwargs)
    assert refusal.value.code == expected, refusal.value.code


@pytest.fixture
def owed(channels):
    """An operator with 1,100 fen of yesterday on a statement, to be paid through WeChat."""
    site = f.make_site(balance_fen=500_000)
    owner = payees.operator_payee(site.operator)
    owner.phone = "13900000001"
    owner.save()
    bound_account(owner)
    settled(site, at=day(1))
    clear_all()
    assert due_statements() == 1
    return site, owner, Payout.objects.get()


@pytest.mark.feature("FIN-07")
def test_yesterdays_income_is_paid_today_and_only_once(owed, sandbox):
    _site, owner, payout = owed
    statement = payout.statement
    assert (statement.orders, statement.gross_fen, statement.shares_fen) == (1, 1100, 1100)
    assert (statement.day_from, statement.day_to) == (day(1).date(), day(1).date())
    assert (money_of(owner), money_of(owner, "payouts_in_transit")) == (0, 1100)
    assert due_statements() == 0
    assert run().state == "created" and not sandbox.book.transfers
    pay(payout)
    assert run().state == "waiting" and run().confirm_params["appId"] == sandbox.keys.appid
    sandbox.finish_transfers()
    assert run().state == "paid"
    (row,) = sandbox.book.transfers.values()
    assert (row.number, row.amount_fen, row.name) == (payout.number, 1100, "张三")
    assert platform("channel_wechat") == 1100 and money_of(owner, "payouts_in_transit") == 0
    run(3)
    assert len(sandbox.book.transfers) == 1
    assert_ties_but_float()


def assert_ties_but_float():
    """A payout out of a channel that nobody has paid into: everything else ties."""
    assert_ties()


@pytest.mark.feature("FIN-07")
def test_what_is_negative_or_too_little_is_carried_and_agreed_terms_pay_by_themselves(channels, sandbox):
    site = f.make_site(balance_fen=500_000)
    operator, owner = site.operator, payees.operator_payee(site.operator)
    owner.phone = "13900000001"
    owner.save()
    agreed("finance_terms", {"minimum_payout_fen": 2_000, "auto_payout": True}, operator=operator)
    order = settled(site, at=day(5))
    clear_all()
    due_statements(day(4))
    first = Statement.objects.get()
    assert (first.payout_fen, first.carried_out_fen, first.carried_why) == (0, 1100, "below_minimum")
    settled(site, at=day(4))
    clear_all()
    due_statements(day(3))
    second = Statement.objects.order_by("day_to").last()
    assert (second.carried_in_fen, second.carried_out_fen, second.carried_why) == (1100, 2200, "no_account")
    assert second.day_from == second.day_to == day(4).date()
    account = bound_account(owner, channel="alipay", identity="zhang@example.com")
    with clock.held_at(day(3)):
        agreed("adjustment", {"payee": owner.pk, "amount_fen": -5_000}, operator=operator)
    due_statements(day(2))
    third = Statement.objects.order_by("day_to").last()
    assert (third.items_fen, third.carried_out_fen, third.carried_why) == (-5_000, -2_800, "negative")
    settled(site, at=day(2), electricity_fen=4_000, service_fen=1_000)
    clear_all()
    due_statements(day(1))
    payout = Payout.objects.get()
    assert (payout.amount_fen, payout.state, payout.account) == (2_200, "approved", account)
    assert run().state == "paid"
    (row,) = sandbox.book.transfers.values()
    assert (row.channel, row.amount_fen, row.payee) == ("alipay", 2_200, "zhang@example.com")
    # a refund after it was paid makes the next one negative
    with clock.held_at(day(1)):
        agreed("order_refund", {"order_no": order.order_no, "amounts": {"service": 400}}, operator=operator)
    clear_all()
    due_statements()
    last = Statement.objects.order_by("day_to").last()
    assert (last.shares_fen, last.carried_out_fen, last.carried_why) == (-400, -400, "negative")
    assert_ties()


@pytest.mark.promise(10)
def test_approval_takes_the_right_people(owed, settings):
    _site, _owner, payout = owed
    binder = PayoutAccount.objects.get()
    settings.PAYOUT_APPROVAL_FEN = 1_000
    refused("permission_denied", decisions.approve_payout, actor=f.staff_actor(), payout=payout)
    other = f.staff_actor(APPROVE, operator=f.OperatorFactory())
    refused("not_found", decisions.approve_payout, actor=other, payout=payout)
    one, two = f.staff_actor(APPROVE), f.staff_actor(APPROVE)
    PayoutAccount.objects.update(bound_by_key=one.key)
    refused("four_eyes", decisions.approve_payout, actor=one, payout=payout)
    PayoutAccount.objects.update(bound_by_key=binder.bound_by_key)
    assert decisions.approve_payout(actor=one, payout=payout).state == "created"
    refused("four_eyes", decisions.approve_payout, actor=one, payout=payout)
    assert decisions.approve_payout(actor=two, payout=payout).state == "approved"
    refused("payout_decided", decisions.approve_payout, actor=two, payout=payout)
    names = AuditEvent.objects.filter(target_type="billing.payout").values_list("action", "actor_name")
    assert list(names.order_by("pk")) == [
        ("billing.payout_approved_first", one.name),
        ("billing.payout_approved", two.name),
    ]


@pytest.mark.feature("FIN-08")
def test_an_account_is_used_only_after_the_payee_and_a_second_person_confirmed_it(caplog):
    operator = f.OperatorFactory(contact_phone="13900000009")
    owner = payees.operator_payee(operator)
    one = f.staff_actor("billing.bind_payoutaccount", "billing.verify_payoutaccount", operator=operator)
    two = f.staff_actor("billing.verify_payoutaccount", operator=operator)
    values = {"payee": owner, "channel": "wechat", "identity": "oPayee", "real_name": "张三"}

    def bind(**changes):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            account = accounts.bind_account(actor=one, **{**values, **changes})
        assert "13900000009" in caplog.text
        return account, re.search(r"code (\d{6})", caplog.text)[1]

    refused("invalid", accounts.bind_account, actor=one, **{**values, "channel": "bank"})
    refused("invalid", accounts.bind_account, actor=one, **{**values, "channel": "cash"})
    first, code = bind()
    refused("four_eyes", accounts.verify_account, actor=one, account=first, code=code)
    refused("login_code_wrong", accounts.verify_account, actor=two, account=first, code="x")
    accounts.verify_account(actor=two, account=first, code=code)
    second, new_code = bind(identity="oOther")
    first.refresh_from_db()
    assert first.state == "verified", "in use until the other is confirmed"
    refused("login_code_wrong", accounts.verify_account, actor=two, account=second, code=code)
    accounts.verify_account(actor=two, account=second, code=new_code)
    assert list(PayoutAccount.objects.order_by("pk").values_list("state", flat=True)) == [
        "replaced",
        "verified",
    ]
    third, code = bind()
    for _ in range(accounts.MOST_ATTEMPTS):
        refused("login_code_wrong", accounts.verify_account, actor=two, account=third, code="000")
    refused("login_code_too_many", accounts.verify_account, actor=two, account=third, code=code)
    stranger = f.staff_actor("billing.verify_payoutaccount", operator=f.OperatorFactory())
    refused("not_found", accounts.verify_account, actor=stranger, account=third, code=code)
    assert AuditEvent.objects.filter(action="billing.verify_payout_account").count() == 2


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
@pytest.mark.parametrize("fault", ["lose_answer", "tamper_answer", "probe_answer", "fail_next"])
def test_an_unknown_answer_is_asked_for_and_never_paid_again(owed, sandbox, channel, fault):
    _site, owner, payout = owed
    if channel == "alipay":
        account = bound_account(owner, channel="alipay", identity="2088123456789012")
        Payout.objects.update(channel="alipay", account=account)
        payout.refresh_from_db()
    pay(payout)
    sandbox.misbehave(**{fault: 1})
    payout = run()
    assert payout.state == "sending" and payout.last_error
    for _ in range(3):
        run()
        sandbox.finish_transfers()
    assert run().state == "paid" and len(sandbox.book.transfers) == 1
    assert money_of(owner, "payouts_in_transit") == 0
    assert_ties()


def test_refused_is_retried_under_the_same_number_and_ended_there_is_given_back(owed, sandbox):
    _site, owner, payout = owed
    pay(payout)
    sandbox.misbehave(transfer_funds_fen=100)
    payout = run()
    assert (payout.state, payout.needs_attention) == ("sending", True) and "NOT_ENOUGH" in payout.last_error
    sandbox.misbehave(fail_next=1, fail_status=400, fail_code="PARAM_ERROR")
    run()  # the query is refused oddly: unknown, nothing concluded
    sandbox.misbehave()
    Payout.objects.update(attempts=1)
    sandbox.misbehave(fail_next=0)
    PayoutAccount.objects.update(real_name="")
    payout = run()
    assert payout.state == "waiting", payout.last_error
    refused(
        "payout_not_to_return",
        decisions.return_payout,
        actor=f.staff_actor(APPROVE),
        payout=payout,
        reason="x",
    )
    sandbox.misbehave(transfer_outcome="fail")
    sandbox.finish_transfers()
    payout = run()
    assert (payout.state, payout.closed_there) == ("failed", True)
    actor = f.staff_actor(APPROVE)
    refused("payout_not_to_send", decisions.retry_payout, actor=actor, payout=payout)
    refused("reason_required", decisions.return_payout, actor=actor, payout=payout, reason=" ")
    with clock.held_at(NOW):
        decisions.return_payout(actor=actor, payout=payout, reason="account closed")
    refused("payout_not_to_return", decisions.return_payout, actor=actor, payout=payout, reason="x")
    assert (money_of(owner), money_of(owner, "payouts_in_transit")) == (1100, 0)
    assert_ties()
    assert due_statements(NOW + timedelta(days=1)) == 1
    again = Payout.objects.order_by("-pk").first()
    assert again.amount_fen == 1100 and again.number != payout.number
    assert again.statement.items.get().kind == SettlementItem.Kind.PAYOUT_RETURNED
    assert_ties()


def test_a_refusal_is_believed_after_a_query_and_retried_by_hand(owed, sandbox):
    _site, _owner, payout = owed
    pay(payout)
    sandbox.misbehave(fail_next=1, fail_status=400, fail_code="PARAM_ERROR")
    payout = run()
    assert (payout.state, payout.refused_code) == ("sending", "PARAM_ERROR")
    payout = run()
    assert (payout.state, payout.closed_there) == ("failed", False)
    decisions.retry_payout(actor=f.staff_actor(APPROVE), payout=payout, reason="asked")
    run(2)
    sandbox.finish_transfers()
    assert run().state == "paid" and [r.number for r in sandbox.book.transfers.values()] == [payout.number]


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(7)
def test_kill_9_in_mid_payout_pays_once(owed, sandbox):
    """The process is killed when the channel has the money out and before it was written down."""
    _site, owner, payout = owed
    pay(payout)
    Payout.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    script = textwrap.dedent(
        """
        import json, sys, time
        import django
        django.setup()
        from django.conf import settings
        from django.db import connections
        connections["default"].settings_dict["NAME"] = sys.argv[1]
        settings.PAYMENT_CHANNELS = json.loads(sys.stdin.readline())
        from billing.services.payouts import sending
        def hang(*args, **kwargs):
            print("SENT", flush=True)
            time.sleep(60)
        sending._take = hang
        from kernel.actor import system
        sending.work_due_payouts(actor=system("victim"))
        """
    )
    import json

    victim = subprocess.Popen(
        [sys.executable, "-c", script, str(connection.settings_dict["NAME"])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "ev_platform.settings", "EV_DATABASE_POOL": "0"},
    )
    try:
        victim.stdin.write(json.dumps(django_settings.PAYMENT_CHANNELS) + "\n")
        victim.stdin.flush()
        assert victim.stdout.readline().strip() == "SENT"
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait(10)
    assert len(sandbox.book.transfers) == 1
    payout.refresh_from_db()
    assert payout.state == "sending" and money_of(owner, "payouts_in_transit") == 1100
    Payout.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    done = in_threads(3, lambda _n: sending.work_due_payouts(actor=JOB))
    assert sum(done) >= 1
    sandbox.finish_transfers()
    assert run().state == "paid" and len(sandbox.book.transfers) == 1
    assert platform("channel_wechat") == 1100
    assert_ties()


@pytest.mark.django_db(transaction=True)
def test_statements_of_two_workers_take_each_row_once():
    site = f.make_site(balance_fen=500_000)
    for _ in range(5):
        settled(site, at=day(1))
    clear_all()

    def build(_n):
        with clock.held_at(NOW):
            return statements.build_due_statements(actor=JOB)

    assert sum(in_threads(3, build)) == 1
    assert Statement.objects.get().shares_fen == 5 * 1100
    assert_ties()


@pytest.mark.feature("TEN-23", "FIN-13")
def test_hosting_is_booked_once_a_month_and_a_yearly_fee_once_a_year():
    site = f.make_site(balance_fen=500_000)
    operator, owner = site.operator, payees.operator_payee(site.operator)
    f.add_pile(site.station)
    settled(site, at=datetime(2026, 10, 20, 4, tzinfo=UTC), electricity_fen=99_990, service_fen=0)
    clear_all()
    span = {"starts_on": "2026-09-15", "ends_on": "2027-12-31"}
    refused(
        "contract_invalid", agreed, kind="contract", payload={"kind": "yearly", **span}, operator=operator
    )
    for payload in (
        {"kind": "hosting_pile", "amount_fen": 1_500, **span},
        {"kind": "hosting_percent", "percent_bp": 125, **span},
        {"kind": "yearly", "amount_fen": 50_000, **span},
    ):
        agreed("contract", payload, operator=operator)
    with clock.held_at(datetime(2026, 11, 1, 2, tzinfo=UTC)):
        assert contracts.book_due_fees(actor=JOB) == 4
        assert contracts.book_due_fees(actor=JOB) == 0
    booked = SettlementItem.objects.order_by("day", "pk").values_list("kind", "amount_fen", "day")
    assert [(kind, amount, str(on)) for kind, amount, on in booked] == [
        ("yearly_fee", -50_000, "2026-09-15"),
        ("hosting_fee", -3_000, "2026-09-30"),
        ("hosting_fee", -3_000, "2026-10-31"),
        ("hosting_fee", -1_250, "2026-10-31"),
    ]
    assert platform("platform_fees") == 57_250 and money_of(owner) == 99_990 - 57_250
    with clock.held_at(datetime(2027, 12, 10, 2, tzinfo=UTC)):
        contracts.book_due_fees(actor=JOB)
    assert SettlementItem.objects.filter(kind="yearly_fee").count() == 2
    assert_ties()


@pytest.mark.feature("TEN-24")
def test_a_contract_that_ends_soon_is_named():
    operator = f.OperatorFactory()
    span = {"starts_on": "2026-01-01", "ends_on": "2026-12-31", "remind_days": 30}
    agreed("contract", {"kind": "yearly", "amount_fen": 50_000, **span}, operator=operator)
    near = datetime(2026, 12, 5).date()
    assert [one.operator for one in contracts.due_soon(near)] == [operator]
    assert contracts.due_soon(datetime(2026, 11, 5).date()) == []
    assert contracts.due_soon(datetime(2027, 3, 5).date()) == []


def test_bank_payouts_go_out_in_a_file_and_come_back_with_the_banks_word(owed):
    _site, owner, payout = owed
    account = bound_account(owner, channel="bank", identity="6222020200011112222", bank_name="ICBC Hefei")
    Payout.objects.update(channel="bank", account=account)
    payout.refresh_from_db()
    pay(payout)
    actor = f.staff_actor(APPROVE)
    assert [one.number for one in decisions.export_bank_payouts(actor=actor)] == [payout.number]
    assert decisions.export_bank_payouts(actor=actor) == []
    assert run().state == "sending"
    decisions.settle_bank_payout(actor=actor, payout=payout, is_paid=False, reference="wrong branch")
    decisions.retry_payout(actor=actor, payout=payout)
    decisions.export_bank_payouts(actor=actor)
    decisions.settle_bank_payout(actor=actor, payout=payout, is_paid=True, reference="B20261118001")
    assert run().state == "paid" and platform("bank") == 1100
    assert Account.objects.filter(kind="payouts_in_transit").get().balance_fen == 0
    assert_ties()


def test_the_checks_find_a_statement_or_a_payout_that_differs(owed):
    _site, _owner, _payout = owed
    assert_ties()
    Payout.objects.update(amount_fen=1_099)
    assert {p.code for p in finance_problems()} == {
        "statement_differs", "payable_differs", "payouts_in_transit_differs",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cycle", "yesterday", "expected"),
    [
        ("daily", "2026-11-17", "2026-11-17"),
        ("weekly", "2026-11-17", "2026-11-15"),
        ("weekly", "2026-11-15", "2026-11-15"),
        ("monthly", "2026-11-17", "2026-10-31"),
        ("monthly", "2026-11-30", "2026-11-30"),
    ],
)
def test_the_last_day_of_a_cycle(cycle, yesterday, expected):
    assert str(cycle_end(cycle, datetime.fromisoformat(yesterday).date())) == expected
