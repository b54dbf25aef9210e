"""The books against the channels' bills, differences as work, and days that close only when nothing is open."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from billing import business_day
from billing.models import (
    Account,
    ChannelBill,
    ChargingOrder,
    DayClose,
    Difference,
    Entry,
    Journal,
    Payment,
    Proposal,
    ScoreOrder,
)
from billing.payments.bill_files import BillUnreadable, read_alipay, read_wechat
from billing.payments.channels import pay_score
from billing.services import proposals, score_debits
from billing.services.finance_checks import finance_problems
from billing.services.payment_checks import payment_problems
from billing.services.reconciliation import day_close, matching, reconcile
from billing.services.reconciliation.matching import Ours, Theirs
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests import factories as f
from tests.billing.finance.desk import JOB, assert_ties, platform, settled, two_people
from tests.billing.finance.past import debited, paid_at_channel, recharge, refund, score_order

pytestmark = pytest.mark.django_db
CLOSE, RECONCILE, SETTLE = "billing.close_day", "billing.reconcile", "billing.settle_difference"


def refused(expected, service, **kwargs):
    with pytest.raises(DomainError) as refusal:
        service(**kwargs)
    assert refusal.value.code == expected, refusal.value.code
    return refusal.value


@pytest.fixture
def noon():
    return business_day.bounds(business_day.today())[0] - timedelta(hours=12)


@pytest.fixture
def yesterday(noon):
    return business_day.day_of(noon)


def compared(day, channel="wechat"):
    return reconcile.reconcile_day(actor=JOB, day=day, channel=channel)


def command(name, *args):
    out = io.StringIO()
    try:
        call_command(name, *args, "--json", stdout=out, stderr=io.StringIO())
    except CommandError:
        return 1, json.loads(out.getvalue().splitlines()[0])
    return 0, json.loads(out.getvalue())


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
def test_a_day_agrees_and_closes_with_the_channels_fees(channels, sandbox, noon, yesterday, channel):
    driver = f.make_driver(balance_fen=0)
    recharge(sandbox, driver, noon, 10_000, channel)
    lost = paid_at_channel(sandbox, driver, noon, 2_500, channel)
    refund(sandbox, driver, noon + timedelta(minutes=5), 4_000)
    code, told = command("reconcile", "--day", yesterday.isoformat(), "--channel", channel)
    (of_channel,) = told["channels"]
    assert code == 0 and told["differences"] == []
    # The one whose notice never came was asked for under its own number and credited.
    assert (of_channel["payments"], of_channel["refunds"], of_channel["booked"]) == (
        2,
        1,
        [lost.out_trade_no],
    )
    lost.refresh_from_db()
    assert lost.state == "succeeded"
    other = {"wechat": "alipay", "alipay": "wechat"}[channel]
    assert (
        refused("day_bill_missing", day_close.close_day, actor=JOB, day=yesterday).params["channels"] == other
    )
    compared(yesterday, other)
    code, told = command("close_day", "--day", yesterday.isoformat())
    assert code == 0 and told["figures"][channel] == {
        "payments_fen": 12_500,
        "refunds_fen": 4_000,
        "fees_fen": 51,
    }
    assert platform(f"channel_{channel}") == -(12_500 - 4_000 - 51) and platform("channel_fees") == -51
    assert_ties()
    bill = ChannelBill.objects.get(channel=channel)
    assert (bill.payments_fen, bill.refunds_fen, bill.fees_fen, bill.lines.count()) == (12_500, 4_000, 51, 3)
    # closed is closed
    refused("day_closed", compared, day=yesterday, channel=channel)
    assert command("close_day", "--day", yesterday.isoformat())[1]["error"]["code"] == "day_closed"
    Payment.objects.filter(pk=lost.pk).update(paid_at=noon - timedelta(days=2))
    assert [problem.code for problem in finance_problems()] == ["closed_day_differs"]


def test_every_kind_of_difference_is_work_and_blocks_the_close(channels, sandbox, noon, yesterday):
    driver = f.make_driver(balance_fen=0)
    for amount in (1_000, 2_000, 3_000):
        recharge(sandbox, driver, noon + timedelta(minutes=amount // 1_000), amount)
    compared(yesterday, "alipay")

    def found(**faults):
        sandbox.misbehave(**faults)
        count = compared(yesterday).open
        rows = Difference.objects.filter(state="open").order_by("kind", "theirs_fen")
        assert rows.count() == count
        return [(row.kind, row.theirs_fen, row.ours_fen) for row in rows]

    assert found() == []
    assert found(bill_drop=1) == [("missing_there", None, 1_000)]
    assert refused("day_differences", day_close.close_day, actor=JOB, day=yesterday).params["count"] == 1
    assert found(bill_amount_fen=7) == [("amount", 1_007, 1_000)]
    assert found(bill_duplicate=True) == [("duplicate", 1_000, 1_000)]
    assert found(bill_fee_fen=1) == [("fee", 7, 6), ("fee", 13, 12), ("fee", 19, 18)]
    assert found(bill_stranger_fen=500) == [("missing_here", 500, None)]
    assert found() == [] and set(Difference.objects.values_list("state", flat=True)) == {"matched"}
    # A person's explanation stands as long as the difference is the same.
    found(bill_amount_fen=7)
    row = Difference.objects.get(state="open")
    refused("permission_denied", day_close.explain, actor=f.staff_actor(), difference=row, note="x")
    refused("reason_required", day_close.explain, actor=f.staff_actor(SETTLE), difference=row, note=" ")
    day_close.explain(actor=f.staff_actor(SETTLE), difference=row, note="a rounding of theirs")
    refused(
        "difference_settled", day_close.explain, actor=f.staff_actor(SETTLE), difference=row, note="again"
    )
    assert found(bill_amount_fen=7) == []
    assert found(bill_amount_fen=8) == [("amount", 1_008, 1_000)]
    # What was never ours is booked by two people, and the channel's account is what the channel says.
    assert found(bill_stranger_fen=500) == [("missing_here", 500, None)]
    row = Difference.objects.get(state="open")
    one, other = two_people("billing.approve_change")
    ask = {"kind": "difference", "payload": {"difference": row.pk}, "reason": "nobody claims it"}
    proposal = proposals.propose(actor=one, **ask)
    refused("four_eyes", proposals.approve, actor=one, proposal=Proposal.objects.get())
    proposals.approve(actor=other, proposal=proposal)
    refused("difference_settled", proposals.propose, actor=one, **ask)
    assert platform("differences") == 500 and platform("channel_wechat") == -6_500
    sandbox.misbehave(bill_stranger_fen=500)
    assert compared(yesterday).open == 0
    day_close.close_day(actor=f.staff_actor(CLOSE), day=yesterday)
    assert_ties()


def test_a_debit_of_pay_score_that_only_the_bill_knows_is_asked_for_and_booked(
    channels, sandbox, noon, yesterday
):
    site = f.make_site(balance_fen=0)
    asked = score_order(sandbox, site, noon)  # its notice was lost
    ended = score_order(sandbox, site, noon, 700, state="revoked")  # nobody asks about it any more
    partly = score_order(sandbox, site, noon, 900)
    waiting = score_order(sandbox, site, noon, 333)
    for row, fen in ((asked, None), (ended, None), (partly, 400)):
        debited(sandbox, row, noon + timedelta(minutes=5), fen)
    sandbox.misbehave(bill_stranger_fen=777)
    told = compared(yesterday)
    assert sorted(told.booked) == sorted([asked.number, ended.number, partly.number])
    assert [(one.kind, one.theirs_fen) for one in Difference.objects.all()] == [("missing_here", 777)]
    states = {row.number: row.state for row in ScoreOrder.objects.all()}
    assert [states[row.number] for row in (asked, ended, partly, waiting)] == [
        "paid",
        "paid",
        "paying",
        "paying",
    ]
    owed = [
        -Account.objects.get(kind="arrears", driver=row.driver).balance_fen for row in (asked, ended, partly)
    ]
    assert owed == [0, 0, 500] and platform("channel_wechat") == -(550 + 700 + 400)
    # The rest is taken late at night: it is booked by our query, and the next day's bill has it.
    midnight = business_day.bounds(yesterday)[1]
    debited(sandbox, partly, midnight + timedelta(seconds=30))
    score_debits.take_view(actor=JOB, score_id=partly.pk, view=pay_score().query(partly.number))
    rest = Payment.objects.get(out_trade_no=f"{partly.number}-2")
    assert (rest.state, rest.paid_fen) == ("succeeded", 500)
    Payment.objects.filter(pk=rest.pk).update(paid_at=midnight - timedelta(seconds=1))
    compared(yesterday)
    late = Difference.objects.get(kind="missing_there")
    assert (late.number, late.state) == (rest.out_trade_no, "open")
    bill = ChannelBill.objects.create(
        channel="wechat", day=yesterday + timedelta(days=1), state="fetched", fetched_at=noon
    )
    bill.lines.create(
        kind="payment", number="Sxyz", trade_number="Sxyz", provider_no=rest.provider_no, amount_fen=500, fee_fen=3,
        state="success", at=midnight,
    )  # fmt: skip
    compared(yesterday)
    late.refresh_from_db()
    assert late.state == "matched", "around midnight the other day's bill has it, under WeChat's own number"
    assert not list(payment_problems())
    ScoreOrder.objects.filter(pk=waiting.pk).update(state="completing")
    ChargingOrder.objects.filter(score_order=waiting).update(ended_at=noon - timedelta(days=2))
    assert [one.code for one in payment_problems()] == ["score_stuck"]


@pytest.mark.promise(10)
def test_a_closed_day_is_reopened_by_two_people_and_its_fees_are_booked_back(
    channels, sandbox, noon, yesterday
):
    recharge(sandbox, f.make_driver(balance_fen=0), noon, 10_000)
    refused("permission_denied", day_close.close_day, actor=f.staff_actor(), day=yesterday)
    refused("day_not_over", day_close.close_day, actor=JOB, day=business_day.today())
    for channel in ("wechat", "alipay"):
        refused(
            "permission_denied",
            reconcile.reconcile_day,
            actor=f.staff_actor(),
            day=yesterday,
            channel=channel,
        )
        compared(yesterday, channel)
    day_close.close_day(actor=f.staff_actor(CLOSE), day=yesterday)
    one, other = two_people("billing.approve_change")
    ask = {"kind": "reopen_day", "payload": {"day": yesterday.isoformat()}, "reason": "a late notice"}
    tenant = f.staff_actor("billing.propose_change", operator=f.OperatorFactory())
    refused("permission_denied", proposals.propose, actor=tenant, **ask)
    refused("day_not_closed", proposals.propose, actor=one, **{**ask, "payload": {"day": "2020-01-01"}})
    proposal = proposals.propose(actor=one, **ask)
    refused("four_eyes", proposals.approve, actor=one, proposal=proposal)
    proposals.approve(actor=other, proposal=proposal)
    row = DayClose.objects.get()
    assert (row.state, row.figures, row.reopened_by) == ("open", {}, other.name)
    assert platform("channel_fees") == 0
    assert_ties()
    day_close.close_day(actor=f.staff_actor(CLOSE), day=yesterday)
    fees = Journal.objects.filter(kind="channel_fee").order_by("pk").values_list("idempotency_key", flat=True)
    key = f"channel-fee:wechat:{yesterday}"
    assert list(fees) == [f"{key}:1", f"{key}:1:back", f"{key}:2"] and platform("channel_fees") == -60
    actions = AuditEvent.objects.filter(target_type="billing.dayclose").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "billing.close_day",
        "billing.reopen_day",
        "billing.close_day",
    ]
    assert_ties()


def test_a_bill_that_is_not_genuine_or_not_ready_changes_nothing(channels, sandbox, noon, yesterday):
    recharge(sandbox, f.make_driver(balance_fen=0), noon, 1_000)
    sandbox.misbehave(bill_creating=1)
    refused("bill_not_ready", compared, day=yesterday)
    for fault in ({"bill_tampered": 1}, {"tamper_answer": 1}, {"lose_answer": 1}, {"fail_next": 1}):
        sandbox.misbehave(**fault)
        refused("bill_unavailable", compared, day=yesterday)
    assert not ChannelBill.objects.exists()
    refused("day_not_over", compared, day=business_day.today())
    refused("payment_channel_off", compared, day=yesterday, channel="cash")
    sandbox.misbehave(bill_creating=1)
    assert reconcile.reconcile_recent(actor=JOB) >= 10, "one channel that is late stops no other"
    assert reconcile.reconcile_recent(actor=JOB) <= 2, "what agrees is not fetched again"


def test_refunds_are_compared_with_their_state(channels, sandbox, noon, yesterday):
    driver = f.make_driver(balance_fen=0)
    recharge(sandbox, driver, noon, 10_000)
    done = refund(sandbox, driver, noon + timedelta(minutes=5), 4_000)
    (row,) = sandbox.book.refunds.values()
    row.state = "closed"
    assert compared(yesterday).open == 1
    difference = Difference.objects.get()
    assert (difference.kind, difference.subject, difference.theirs, difference.ours) == (
        "state", "refund", "closed", "done",
    )  # fmt: skip
    assert difference.number == done.parts.get().out_refund_no and day_close.delta_fen(difference) == 4_000
    row.state = "success"
    assert compared(yesterday).open == 0


@pytest.mark.parametrize(
    ("lines", "ours", "expected"),
    [
        ([("payment", 100, 1, "success")], Ours(100, "done"), []),
        ([("payment", 100, 1, "success")], Ours(100, "open"), ["missing_here"]),
        ([("payment", 100, 1, "success")], None, ["missing_here"]),
        ([("payment", 101, 9, "success")], Ours(100, "done"), ["amount", "fee"]),
        ([("refund", 100, 0, "success")], Ours(100, "done"), []),
        ([("refund", 100, -1, "processing")], Ours(100, "done"), []),
        ([("refund", 100, -1, "processing")], Ours(100, "open"), []),
        ([("refund", 100, -1, "success")], Ours(100, "open"), ["state"]),
        ([("refund", 100, -1, "success")], Ours(100, "none"), ["state"]),
        ([("refund", 100, 0, "closed")], Ours(100, "none"), []),
        ([("refund", 100, -3, "success")], Ours(100, "done"), ["fee"]),
        ([("payment", 100, 1, "success")] * 3, Ours(100, "done"), ["duplicate"]),
    ],
)
def test_lines_against_rows(lines, ours, expected):
    theirs = [Theirs(kind, "N", "C", amount, fee, state) for kind, amount, fee, state in lines]
    rows = {(theirs[0].kind, "N"): ours} if ours else {}
    found = matching.compare(theirs, rows, [], fee_bp=60)
    assert sorted(one.kind for one in found) == expected


def test_what_no_bill_has_and_what_two_have():
    row = {("payment", "N"): Ours(100, "done")}
    (one,) = matching.compare([], row, [("payment", "N")], fee_bp=60)
    assert (one.kind, one.ours_fen) == ("missing_there", 100)
    assert matching.compare([], row, [("payment", "N")], fee_bp=60, told_before=[("payment", "N")]) == []
    line = Theirs("payment", "N", "C", 100, 1, "success")
    assert [x.kind for x in matching.compare([line], row, [], fee_bp=60, told_before=[("payment", "N")])] == [
        "duplicate"
    ]


def test_bills_that_cannot_be_read_are_refused():
    with pytest.raises(BillUnreadable, match="summary"):
        read_wechat("交易时间,公众账号ID\n`2026-11-18 12:00:00,`wx\n")
    with pytest.raises(BillUnreadable, match="columns"):
        read_wechat("交易时间\n总交易单数,手续费总金额\n`0,`0.00\n")
    with pytest.raises(BillUnreadable, match="no bill"):
        read_alipay(b"<html>")


def test_the_console_compares_explains_closes_and_reopens(client, channels, sandbox, noon, yesterday):
    recharge(sandbox, f.make_driver(balance_fen=0), noon, 1_000)
    client.force_login(f.make_staff(superuser=True))
    DayClose.objects.create(day=yesterday)
    row = DayClose.objects.get()

    def post(model, action, pk, **data):
        return client.post(
            reverse(f"admin:billing_{model}_{action}", args=[pk]), data, follow=True
        ).content.decode()

    sandbox.misbehave(bill_amount_fen=7)
    assert "还有 1 个差异" in post("dayclose", "compare", row.pk)
    assert "1 个未处理差异" in client.get(reverse("admin:billing_dayclose_changelist")).content.decode()
    assert "先处理" in post("dayclose", "close", row.pk)
    difference = Difference.objects.get()
    assert (
        "¥10.07"
        in client.get(reverse("admin:billing_difference_change", args=[difference.pk])).content.decode()
    )
    post("difference", "explain", difference.pk, reason="渠道尾差")
    post("dayclose", "close", row.pk)
    row.refresh_from_db()
    assert row.state == "closed"
    post("dayclose", "reopen", row.pk, reason="补单")
    page = client.get(reverse("admin:billing_proposal_change", args=[Proposal.objects.get().pk]))
    assert yesterday.isoformat() in page.content.decode()
    bill = ChannelBill.objects.get(channel="wechat")
    assert (
        "¥10.07" in client.get(reverse("admin:billing_channelbill_change", args=[bill.pk])).content.decode()
    )
    assert timezone.now() >= bill.fetched_at


@pytest.mark.feature("FIN-04", "FIN-09")
def test_transactions_accounts_and_every_movement_have_their_pages(client, channels, sandbox, noon):
    site = f.make_site(balance_fen=0)
    recharge(sandbox, site.driver, noon, 5_000)
    settled(site, at=noon + timedelta(minutes=1))
    refund(sandbox, site.driver, noon + timedelta(minutes=5), 1_000)
    client.force_login(f.make_staff(superuser=True))
    for model in (Payment, Account, Entry):
        address = reverse(f"admin:billing_{model._meta.model_name}_changelist")
        page = client.get(address, {} if model is Account else {"when": "all"})
        listed = {row.pk for row in page.context["cl"].result_list}
        assert listed == set(model.objects.values_list("pk", flat=True)) and listed, model
    assert Entry.objects.count() >= 8
