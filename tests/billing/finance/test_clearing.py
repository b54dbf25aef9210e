"""Clearing from an order's settlement to the payables: once, balanced, by the rule of its time, and back again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Account, ClearingLine, ClearingRecord, ClearingRule, Entry, Journal, Proposal
from billing.services import ledger, proposals
from billing.services.clearing import clear, payees
from billing.services.finance_checks import finance_problems
from kernel import clock
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests import factories as f
from tests.billing.finance.desk import (
    JOB,
    agreed,
    assert_ties,
    clear_all,
    money_of,
    platform,
    settled,
    two_people,
)
from tests.billing.flow import in_threads

pytestmark = pytest.mark.django_db


def agent(operator, code, parent=None, kind="agent"):
    return payees.create_payee(actor=JOB, operator=operator, kind=kind, code=code, name=code, parent=parent)


def rule_payload(operator, *, at=None, station=None, **terms):
    return {
        "terms": terms,
        "station": station and station.pk,
        "effective_at": (at or timezone.now() + timedelta(seconds=1)).isoformat(),
    }


def refund(order, **amounts):
    return agreed("order_refund", {"order_no": order.order_no, "amounts": amounts}, operator=order.operator)


@pytest.mark.feature("FIN-05", "FIN-14")
def test_an_order_is_divided_over_a_tree_of_agents_and_its_refund_takes_it_back():
    site = f.make_site(balance_fen=50_000)
    operator = site.operator
    owner = payees.operator_payee(operator)
    top = agent(operator, "north")
    middle, low = agent(operator, "north-1", top), None
    low = agent(operator, "north-1-a", middle)
    partner = agent(operator, "estate", kind="partner")
    service = [
        {"payee": owner.pk, "bp": 6000},
        {"payee": top.pk, "bp": 3000},
        {"payee": partner.pk, "bp": 1000},
        {"payee": middle.pk, "bp": 5000, "parent": top.pk},
        {"payee": low.pk, "bp": 2000, "parent": middle.pk},
    ]
    with clock.held_at(timezone.now() - timedelta(hours=2)):
        agreed(
            "clearing_rule",
            rule_payload(
                operator,
                at=clock.now() + timedelta(minutes=1),
                commission={"electricity": {"bp": 100}, "service": {"bp": 1000}},
                shares={"service": service},
            ),
            operator=operator,
        )
    order = settled(site, electricity_fen=2045, service_fen=1413)
    assert clear_all() == 1 and clear_all() == 0
    record = ClearingRecord.objects.get()
    assert (record.gross_fen, record.rule.number, record.kind) == (3458, 1, "settlement")
    assert sum(record.lines.values_list("amount_fen", flat=True)) == 3458
    # service: 1413 - 141 commission = 1272: 763/382/127; the agent's 382: 191 below, of which 38 below that
    assert [money_of(p) for p in (owner, top, middle, low, partner)] == [2025 + 763, 191, 153, 38, 127]
    assert platform("commission") == 20 + 141
    income = Account.objects.filter(operator=operator, payee=None)
    assert set(income.values_list("balance_fen", flat=True)) == {0}
    assert_ties()
    refund(order, service=413, electricity=45)
    assert clear_all() == 1
    assert platform("commission") == sum(
        ClearingLine.objects.filter(role="commission").values_list("amount_fen", flat=True)
    )
    assert money_of(partner) == 90  # 127 × 1000/1413 = 89.88
    assert_ties()
    refund(order, service=1000, electricity=2000)
    assert clear_all() == 1
    assert {money_of(p) for p in (owner, top, middle, low, partner)} == {0} and platform("commission") == 0
    kinds = ClearingRecord.objects.order_by("pk").values_list("kind", "gross_fen")
    assert list(kinds) == [("settlement", 3458), ("correction", -458), ("correction", -3000)]
    assert ledger.wallet_of(site.driver).balance_fen == 50_000
    assert_ties()
    with pytest.raises(DomainError) as refusal:
        refund(order, service=1)
    assert refusal.value.code == "order_refund_above"


def test_a_rule_counts_from_its_moment_and_a_station_has_its_own():
    site = f.make_site(balance_fen=50_000)
    operator, now = site.operator, timezone.now()
    owner = payees.operator_payee(operator)
    other = f.make_site(operator=operator, balance_fen=50_000)
    with clock.held_at(now - timedelta(days=3)):
        for payload in (
            rule_payload(operator, at=now - timedelta(days=2), commission={"any": {"bp": 1000}}),
            rule_payload(operator, at=now - timedelta(hours=1), commission={"any": {"bp": 2000}}),
            rule_payload(
                operator,
                at=now - timedelta(days=2),
                station=other.station,
                channel_fee_bp=60,
                commission={"service": {"yuan_per_kwh": "0.02"}},
            ),
        ):
            agreed("clearing_rule", payload, operator=operator)
    before = settled(site, at=now - timedelta(days=2, hours=1))
    first = settled(site, at=now - timedelta(days=1))
    second = settled(site, at=now - timedelta(minutes=5))
    elsewhere = settled(other, at=now - timedelta(minutes=5))
    assert clear_all() == 4

    def kept(order, role="commission"):
        rows = ClearingLine.objects.filter(record__order=order, role=role)
        return sum(rows.values_list("amount_fen", flat=True))

    assert [kept(o) for o in (before, first, second, elsewhere)] == [0, 110, 220, 20]
    assert kept(elsewhere, "channel_fee") == 6 == platform("channel_fees")
    assert money_of(owner) == 1100 * 4 - 110 - 220 - 20 - 6
    record = ClearingRecord.objects.get(order=first)
    assert record.day == (now - timedelta(days=1)).astimezone(timezone.get_default_timezone()).date()
    assert_ties()


@pytest.mark.promise(10)
def test_rules_and_refunds_need_two_people_of_the_right_reach():
    site = f.make_site(balance_fen=5_000)
    operator = site.operator
    order = settled(site)
    one, other = two_people()
    payload = rule_payload(operator, commission={"any": {"bp": 500}})
    with pytest.raises(DomainError) as refusal:
        proposals.propose(actor=one, kind="clearing_rule", operator=operator, payload=payload, reason=" ")
    assert refusal.value.code == "reason_required"
    bad = rule_payload(operator, shares={"any": [{"payee": 1, "bp": 9999}]})
    with pytest.raises(DomainError) as refusal:
        proposals.propose(actor=one, kind="clearing_rule", operator=operator, payload=bad, reason="x")
    assert refusal.value.code == "clearing_rule_invalid" and "99.99" in refusal.value.message
    proposal = proposals.propose(
        actor=one, kind="clearing_rule", operator=operator, payload=payload, reason="contract"
    )
    with pytest.raises(DomainError) as refusal:
        proposals.approve(actor=one, proposal=proposal)
    assert refusal.value.code == "permission_denied"
    both = f.staff_actor("billing.propose_change", "billing.approve_change")
    own = proposals.propose(actor=both, kind="clearing_rule", operator=operator, payload=payload, reason="x")
    with pytest.raises(DomainError) as refusal:
        proposals.approve(actor=both, proposal=own)
    assert refusal.value.code == "four_eyes" and not ClearingRule.objects.exists()
    proposals.reject(actor=both, proposal=own, reason="mine was wrong")
    proposals.approve(actor=other, proposal=proposal)
    assert ClearingRule.objects.get().published_by == other.name
    with pytest.raises(DomainError) as refusal:
        proposals.approve(actor=other, proposal=proposal)
    assert refusal.value.code == "proposal_decided"
    assert AuditEvent.objects.filter(action="billing.publish_clearing_rule").count() == 1
    # an operator's own people ask for refunds of their orders, but not for rules, nor for another's orders
    mine = two_people(operator=operator)
    theirs = two_people(operator=f.OperatorFactory())
    with pytest.raises(DomainError) as refusal:
        proposals.propose(actor=mine[0], kind="clearing_rule", operator=operator, payload=payload, reason="x")
    assert refusal.value.code == "permission_denied"
    asked = {"order_no": order.order_no, "amounts": {"service": 400}}
    with pytest.raises(DomainError) as refusal:
        proposals.propose(actor=theirs[0], kind="order_refund", operator=operator, payload=asked, reason="x")
    assert refusal.value.code == "not_found"
    waiting = proposals.propose(
        actor=mine[0], kind="order_refund", operator=operator, payload=asked, reason="rain"
    )
    with pytest.raises(DomainError):
        proposals.approve(actor=theirs[1], proposal=waiting)
    assert Proposal.objects.get(pk=waiting.pk).state == "proposed"
    proposals.approve(actor=mine[1], proposal=waiting)
    assert ledger.wallet_of(site.driver).balance_fen == 5_000 - 1_100 + 400
    clear_all()
    assert_ties()


def test_a_refund_pays_first_what_the_driver_owes():
    site = f.make_site(balance_fen=500)
    order = settled(site)
    assert ledger.arrears_fen(site.driver) == 600
    refund(order, electricity=700)
    assert (ledger.arrears_fen(site.driver), ledger.wallet_of(site.driver).balance_fen) == (0, 100)
    clear_all()
    assert_ties()


def test_the_checks_find_what_is_missing_or_changed():
    site = f.make_site(balance_fen=5_000)
    settled(site, at=timezone.now() - timedelta(hours=1))
    assert [problem.code for problem in finance_problems()] == ["not_cleared"]
    clear_all()
    assert_ties()
    ClearingLine.objects.filter(fee_kind="service").update(amount_fen=399)
    found = {problem.code for problem in finance_problems()}
    assert found == {"clearing_differs", "payable_differs"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(6)
def test_clearing_by_two_workers_at_once_and_after_a_fault_is_booked_once(monkeypatch):
    site = f.make_site(balance_fen=50_000)
    for _ in range(6):
        settled(site)
    real = ledger.post

    def broken(**kwargs):
        real(**kwargs)
        raise RuntimeError("killed before the commit")

    monkeypatch.setattr(clear.ledger, "post", broken)
    assert clear_all() == 0 and not ClearingRecord.objects.exists()
    monkeypatch.undo()
    done = in_threads(2, lambda _n: clear_all())
    assert sum(done) == 6 and ClearingRecord.objects.count() == 6
    assert Journal.objects.filter(kind="clearing").count() == 6
    assert Entry.objects.filter(journal__kind="clearing").count() == 18
    assert_ties()
