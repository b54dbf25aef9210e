"""Abnormal orders: every cause waits with its reason, and every way of handling it needs a note and is audited."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from billing.models import ChargingOrder, Journal, Proposal, ReviewItem
from billing.review_words import sentence_of
from billing.services import checks, proposals, reviews, sweeps
from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests.billing import flow
from tests.factories import MeterSampleFactory, make_site, make_staff, staff_actor

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
S = ChargingOrder.State
JOB = system("tests")


@pytest.fixture
def clock():
    """09:30 in the station: flat (1.10) until 10:00, then peak (1.40) until 12:00."""
    with time_machine.travel(datetime.fromisoformat("2026-11-20T09:30:00+08:00"), tick=False) as travel:
        yield travel


def finance(site, *more):
    return staff_actor("billing.settle_review", *more, operator=site.operator)


def waiting(site, clock, **record) -> ChargingOrder:
    """An hour of charging whose record waits for a person; without `record` it never came."""
    order = flow.charging(site)
    clock.shift(timedelta(minutes=30))
    flow.sample(site, order, "12", power="24")
    clock.shift(timedelta(minutes=30))
    if record:
        flow.send_record(site, flow.reported(site, order, **record))
    else:
        flow.report_state(site, order, "idle")
        flow.report_state(site, order, "idle")
        flow.overdue(order)
        sweeps.sweep_orders(actor=JOB)
    order.refresh_from_db()
    assert order.state == S.REVIEW
    return order


def causes(site, clock):
    """{code of the reason: an order or record that waits for it}."""
    yield "no_record", {}
    yield "energy_above_power", {"energies": {"flat": "910"}}
    yield "register_disagrees", {"energies": {"flat": "24"}, "meter_end_kwh": Decimal("160")}
    yield "tier_sum_differs", {"energies": {"flat": "24"}, "energy_kwh": Decimal("25")}
    yield "record_incomplete", {"energies": {"flat": "24"}, "energy_kwh": None}
    yield "telemetry_disagrees", {"energies": {"flat": "5"}}


@pytest.mark.feature("ORD-03")
def test_each_cause_lands_in_the_list_with_its_reason_and_debits_nobody(clock):
    site = make_site(balance_fen=100_000)
    for code, record in causes(site, clock):
        order = waiting(site, clock, **record)
        item = ReviewItem.objects.get(order=order, state="open")
        codes = {reason["code"] for reason in item.reasons}
        assert code in codes, (code, item.reasons)
        assert all(sentence_of(reason) != reason["code"] for reason in item.reasons)
        assert flow.money(site.driver)[0] == 100_000 and not Journal.objects.filter(order=order).exists()
        reviews.settle_review(actor=finance(site), order_no=order.order_no, how="zero", reason="test")
        assert AuditEvent.objects.filter(action="billing.settle_review", reason="test").exists()
        clock.shift(timedelta(minutes=1))
    assert not ReviewItem.objects.filter(state="open").exists() and not list(checks.order_problems())


@pytest.mark.feature("ORD-03")
@pytest.mark.parametrize(
    ("how", "energy", "kwh", "fen"),
    [
        # 12 kWh until ten are flat; what the meter shows beyond flows after ten
        ("meter", None, "30.0000", 12 * 110 + 18 * 140),
        ("meter", Decimal("20"), "20.0000", 12 * 110 + 8 * 140),
        ("samples", None, "12.0000", 12 * 110),
        ("zero", None, "0.0000", 0),
    ],
)
def test_it_is_settled_by_meter_by_samples_or_at_nothing(clock, how, energy, kwh, fen):
    site = make_site()
    record = {"energies": {"flat": "24"}, "energy_kwh": Decimal("25"), "meter_end_kwh": Decimal("130")}
    order = waiting(site, clock, **record)
    with pytest.raises(DomainError) as refusal:
        reviews.settle_review(actor=finance(site), order_no=order.order_no, how=how, reason=" ")
    assert refusal.value.code == "reason_required"
    reviews.settle_review(
        actor=finance(site), order_no=order.order_no, how=how, reason="read off", energy_kwh=energy
    )
    order.refresh_from_db()
    assert (order.state, str(order.energy_kwh), order.total_fen) == (S.SETTLED, kwh, fen)
    assert flow.money(site.driver) == (10_000 - fen, 0, 0)
    assert not ReviewItem.objects.filter(state="open").exists()
    assert not list(checks.order_problems()), "the decision is evidence that is computed again"


def test_a_meter_says_no_more_than_the_pile_can_give(clock):
    site = make_site()
    order = waiting(site, clock)
    for energy in (Decimal("67"), Decimal("-1"), Decimal("1.00001"), Decimal("NaN")):
        with pytest.raises(DomainError) as refusal:
            reviews.settle_review(
                actor=finance(site), order_no=order.order_no, how="meter", reason="x", energy_kwh=energy
            )
        assert (refusal.value.code, refusal.value.field) == ("invalid", "energy_kwh")
    with pytest.raises(DomainError) as refusal:
        reviews.settle_review(actor=finance(site), order_no=order.order_no, how="meter", reason="x")
    assert refusal.value.code == "record_missing"


@pytest.mark.feature("ORD-03")
@pytest.mark.promise(10)
def test_above_a_limit_a_second_person_approves(clock, settings):
    settings.REVIEW_ALONE_FEN = 1_000
    site = make_site()
    order = waiting(site, clock)  # 13.20 yuan by the samples
    one, other = finance(site, "billing.propose_change"), staff_actor("billing.approve_change")
    for how in ("samples", "zero"):  # billing much and giving up much are alike
        with pytest.raises(DomainError) as refusal:
            reviews.settle_review(actor=finance(site), order_no=order.order_no, how=how, reason="x")
        assert refusal.value.code == "permission_denied"
    proposal = reviews.settle_review(actor=one, order_no=order.order_no, how="samples", reason="agreed")
    assert isinstance(proposal, Proposal) and proposal.operator == site.operator
    order.refresh_from_db()
    assert order.state == S.REVIEW and flow.money(site.driver)[0] == 10_000
    with pytest.raises(DomainError):
        proposals.approve(actor=one, proposal=proposal)
    proposals.approve(actor=other, proposal=proposal)
    order.refresh_from_db()
    assert (order.state, order.total_fen) == (S.SETTLED, 1_320)
    events = AuditEvent.objects.filter(action__in=["billing.settle_review", "billing.propose_change"])
    assert {event.reason for event in events} == {"agreed"} and events.count() == 2
    small = waiting(site, clock, energies={"flat": "24"}, energy_kwh=Decimal("25"))
    settings.REVIEW_ALONE_FEN = 5_000
    done = reviews.settle_review(actor=finance(site), order_no=small.order_no, how="samples", reason="ok")
    assert isinstance(done, ChargingOrder)


@pytest.mark.feature("ORD-03")
def test_an_unknown_record_is_linked_to_the_order_that_lacks_it(clock):
    site, other = make_site(), make_site()
    order = waiting(site, clock)
    stray = flow.reported(
        site,
        order,
        {"flat": "12", "peak": "12"},
        transaction_ref="9" * 32,
        started_at=order.started_at,
        ended_at=order.ended_at,
    )
    flow.send_record(site, stray)
    item = ReviewItem.objects.get(kind="orphan_record")
    foreign = waiting(other, clock)
    everyone = staff_actor("billing.settle_review")
    for actor, order_no, code in (
        (everyone, foreign.order_no, "record_of_other_pile"),
        (finance(site), foreign.order_no, "order_unknown"),
        (finance(other), order.order_no, "not_found"),
        (finance(site), "nothing", "order_unknown"),
    ):
        with pytest.raises(DomainError) as refusal:
            reviews.link_record(actor=actor, item_id=item.pk, order_no=order_no, reason="same car")
        assert refusal.value.code == code
    reviews.link_record(actor=finance(site), item_id=item.pk, order_no=order.order_no, reason="same car")
    order.refresh_from_db()
    assert (order.state, order.total_fen) == (S.SETTLED, 12 * 110 + 12 * 140)
    item.refresh_from_db()
    assert item.state == "resolved" and "same car" in item.resolution
    assert order.events.get(kind="record_linked").data["text"] == "same car"
    assert not list(checks.order_problems())
    with pytest.raises(DomainError) as refusal:
        reviews.link_record(actor=finance(site), item_id=item.pk, order_no=order.order_no, reason="again")
    assert refusal.value.code in ("review_closed", "order_has_record")


@pytest.mark.feature("ORD-02", "ORD-14")
def test_the_console_handles_finds_and_draws_orders(clock, client):
    site = make_site()
    order = waiting(site, clock)
    client.force_login(make_staff(superuser=True))
    page = client.post(
        reverse("admin:billing_chargingorder_note", args=[order.pk]), {"reason": "the driver called"}
    )
    assert page.status_code == 302
    MeterSampleFactory(
        pile=site.pile,
        transaction_ref=order.transaction_ref,
        at=timezone.now(),
        voltage_v=Decimal("380"),
        current_a=Decimal("63.2"),
        temperature_c=41,
        power_kw=Decimal("24"),
    )
    page = client.get(reverse("admin:billing_chargingorder_change", args=[order.pk]))
    curve, body = page.context["curve"], page.content.decode()
    assert (curve["voltage"][-1], curve["current"][-1], curve["temperature"][-1]) == (380.0, 63.2, 41.0)
    assert curve["power"][0] == 24.0 and "the driver called" in body
    data = {"how": "meter", "energy_kwh": "11.5", "reason": "read off the meter"}
    assert (
        client.post(reverse("admin:billing_chargingorder_settle", args=[order.pk]), data).status_code == 302
    )
    order.refresh_from_db()
    assert (order.state, order.energy_kwh) == (S.SETTLED, Decimal("11.5"))
    listing = reverse("admin:billing_chargingorder_changelist")
    other = make_site()
    for query, found in (
        ({"pile__id__exact": site.pile.pk}, True),
        ({"pile__id__exact": other.pile.pk}, False),
        ({"start_method": "code"}, True),
        ({"start_method": "card"}, False),
        ({"station__id__exact": site.station.pk, "driver__id__exact": site.driver.pk}, True),
        ({"charge_mode": "offline_free"}, False),
    ):
        page = client.get(listing, {"when": "all", **query})
        assert page.status_code == 200 and (order.order_no in page.content.decode()) is found, query


@pytest.mark.feature("ORD-06", "ORD-13")
def test_a_bill_is_unpaid_paid_or_refunded(clock, client):
    from billing.order_money import money_of
    from billing.services import ledger
    from tests.api_client import ApiClient
    from tests.billing.finance.desk import agreed

    site = make_site(balance_fen=1_000)
    orders = []
    for _number in range(2):
        order = flow.charging(site)
        assert money_of(order).state == "open"
        clock.shift(timedelta(minutes=20))
        flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
        order.refresh_from_db()
        orders.append(order)
        if len(orders) == 1:
            assert (money_of(order).state, money_of(order).owed_fen) == ("unpaid", 100)
            ledger.top_up(actor=JOB, driver=site.driver, amount_fen=700, reason="r", idempotency_key="1")
    first, second = orders  # 11 yuan each, 17 came in
    assert (money_of(first).state, money_of(second).state) == ("paid", "unpaid")
    assert (money_of(second).charged_fen, money_of(second).owed_fen) == (1_100, 500)
    body = ApiClient(site.driver).get(f"orders/{second.order_no}").json()
    assert (body["payment_state"], body["owed_fen"]) == ("unpaid", 500)
    client.force_login(make_staff(superuser=True))
    page = client.get(reverse("admin:users_driver_change", args=[site.driver.pk])).content.decode()
    links = [reverse("admin:billing_chargingorder_change", args=[order.pk]) for order in orders]
    assert all(link in page for link in links)
    page = client.get(links[1], headers={"Accept-Language": "en"}).content.decode()
    assert "Unpaid" in page and "¥5.00 owed" in page
    ledger.top_up(actor=JOB, driver=site.driver, amount_fen=500, reason="r", idempotency_key="2")
    assert money_of(second).state == "paid"
    agreed("order_refund", {"order_no": first.order_no, "amounts": {"service": 400}}, operator=site.operator)
    assert (money_of(first).state, money_of(first).returned_fen) == ("part_refunded", 400)
    agreed(
        "order_refund", {"order_no": first.order_no, "amounts": {"electricity": 700}}, operator=site.operator
    )
    assert money_of(first).state == "refunded"


@pytest.mark.feature("TAR-02")
def test_planned_versions_are_a_list(clock, client):
    site = make_site()
    planned = flow.publish(site, effective_at=timezone.now() + timedelta(days=3), held=False)
    client.force_login(make_staff(superuser=True))
    url = reverse("admin:billing_tariffversion_changelist")
    for query, found in (("1", [planned.pk]), ("0", [site.version.pk])):
        page = client.get(url, {"planned": query})
        assert [row.pk for row in page.context["cl"].result_list] == found
