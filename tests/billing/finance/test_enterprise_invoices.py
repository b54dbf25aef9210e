"""Invoices of enterprises: over what their account paid for charging, asked for by their staff, never by a driver."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from billing import business_day
from billing.models import EnterpriseStation, Invoice, InvoicedOrder
from billing.services import ledger
from billing.services.invoice_checks import invoice_problems
from billing.services.invoices import requests
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests import factories as f
from tests.api_client import ApiClient
from tests.billing.finance.desk import JOB, agreed, assert_ties, clear_all, settled
from tests.billing.finance.test_invoices import RED, REVIEW, TAX_NO, ask, issuer, provider, run
from users.services.roles import ensure_roles

__all__ = ["provider"]
pytestmark = pytest.mark.django_db
BUYER = {"buyer_name": "某某物流有限公司", "buyer_tax_no": "91310000MA1FL1234Y", "email": "a@example.com"}
ASK = "billing.request_invoice"


def enterprise_of(site, balance_fen=100_000):
    one = f.EnterpriseFactory(operator=site.operator)
    EnterpriseStation.objects.create(enterprise=one, station=site.station)
    if balance_fen:
        ledger.top_up(actor=JOB, driver=one, amount_fen=balance_fen, reason="r", idempotency_key="1")
    return one


def charged(site, enterprise, **fields):
    return settled(site, payer_kind="enterprise", enterprise=enterprise, **fields)


@pytest.fixture
def site():
    return issuer(f.make_site(balance_fen=100_000))


@pytest.mark.feature("INV-01", "INV-02", "INV-03", "INV-04")
def test_an_enterprise_is_invoiced_for_what_it_consumed(client, provider, site):
    enterprise, rival = enterprise_of(site), enterprise_of(site)
    last_month = business_day.bounds(business_day.today().replace(day=1))[0] - timedelta(days=3)
    early = charged(site, enterprise, at=last_month)
    now = charged(site, enterprise, electricity_fen=2_045, service_fen=1_000)
    card = f.CardFactory(operator=site.operator, enterprise=enterprise)
    ledger.top_up(actor=JOB, driver=card, amount_fen=5_000, reason="r", idempotency_key="1")
    by_card = settled(site, driver=site.driver, payer_kind="card", card=card, enterprise=enterprise)
    own, foreign = settled(site, service_fen=100), charged(site, rival)
    own_card = f.CardFactory(operator=site.operator, driver=site.driver)
    ledger.top_up(actor=JOB, driver=own_card, amount_fen=5_000, reason="r", idempotency_key="1")
    by_own_card = settled(site, driver=site.driver, payer_kind="card", card=own_card)
    # The driver who charged has no part in what others paid.
    offered = ApiClient(site.driver).call("GET", "/api/v1/driver/invoices/orders").json()["results"]
    assert [row["order_no"] for row in offered] == [by_own_card.order_no, own.order_no]
    assert ask(site.driver, by_own_card)[0]["gross_fen"] == 1_100, "a card's holder is who paid"
    for order in (now, by_card):
        assert ask(site.driver, order, expect=409)["code"] == "invoice_nothing_paid"
    # The enterprise's staff ask in the console, month by month.
    staff = f.StaffFactory(operator=site.operator)
    f.StaffScopeFactory(staff=staff, kind="enterprise", object_key=str(enterprise.pk))
    staff.groups.add(ensure_roles(actor=JOB)["enterprise_admin"])
    client.force_login(staff)

    def post(one, **data):
        return client.post(reverse("admin:users_enterprise_invoice", args=[one.pk]), {**BUYER, **data})

    month = f"{last_month.astimezone(business_day.ZONE):%Y-%m}"
    dialog = client.get(reverse("admin:users_enterprise_invoice", args=[enterprise.pk])).content.decode()
    assert enterprise.name in dialog and post(rival).status_code == 404
    assert post(enterprise, month="2026-13").context["form"].errors["month"]
    assert post(enterprise, buyer_tax_no="12").context["form"].errors["buyer_tax_no"]
    assert post(enterprise, month=month).status_code == 302
    assert post(enterprise, month=month).context["form"].errors["month"]
    assert post(enterprise).status_code == 302, "what is left of all months"
    second, first, _of_driver = Invoice.objects.all()
    assert [row.order_id for row in first.orders.all()] == [early.pk]
    assert {row.order_id for row in second.orders.all()} == {now.pk, by_card.pk}
    assert (first.gross_fen, second.gross_fen, second.buyer_kind) == (1_100, 4_145, "organization")
    assert (second.driver, second.enterprise, second.email) == (None, enterprise, "a@example.com")
    assert (
        BUYER["buyer_tax_no"]
        in client.get(reverse("admin:users_enterprise_invoice", args=[enterprise.pk])).content.decode()
    )
    assert str(second) in client.get(reverse("admin:billing_invoice_changelist")).content.decode()
    assert not Invoice.objects.for_actor(site.driver_actor).exclude(driver=site.driver).exists()
    # Reviewed by another person, issued, reversed before money goes back, and asked for again over what is left.
    assert client.post(reverse("admin:billing_invoice_approve", args=[second.pk])).status_code == 403
    asked = client.post(reverse("admin:billing_invoice_withdraw", args=[first.pk]))
    first.refresh_from_db()
    assert (asked.status_code, first.state) == (302, "withdrawn")
    requests.approve_invoice(actor=f.staff_actor(REVIEW), invoice=second)
    run()
    provider.invoices.finish()
    assert run().state == "issued"
    refund = {"order_no": now.order_no, "amounts": {"service": 400}}
    with pytest.raises(DomainError) as refused:
        agreed("order_refund", refund, operator=site.operator)
    assert refused.value.code == "order_invoiced"
    red = requests.request_red(actor=f.staff_actor(RED), invoice=second, reason="wrong price")
    requests.approve_invoice(actor=f.staff_actor(REVIEW), invoice=red)
    run()
    provider.invoices.finish()
    run()
    agreed("order_refund", refund, operator=site.operator)
    assert post(enterprise).status_code == 302
    (again,) = Invoice.objects.filter(state="requested", enterprise=enterprise)
    assert (red.enterprise, again.gross_fen, again.orders.count()) == (enterprise, 1_100 + 4_145 - 400, 3)
    assert AuditEvent.objects.filter(action="billing.request_invoice", actor_id=str(staff.pk)).count() == 3
    clear_all()
    assert_ties()
    assert list(invoice_problems()) == []
    with pytest.raises(IntegrityError), transaction.atomic():
        InvoicedOrder.objects.create(invoice=first, order=now, amounts={}, gross_fen=0)
    Invoice.objects.filter(pk=again.pk).update(enterprise=rival)
    assert {problem.code for problem in invoice_problems()} == {"invoice_foreign_order"}
    assert foreign.invoiced.count() == 0


def test_who_may_ask_for_an_enterprise_and_when(site):
    on_credit, owing = enterprise_of(site, 0), enterprise_of(site, 100)
    actor = f.staff_actor(ASK, operator=site.operator)
    setter = f.staff_actor("billing.set_credit")
    ledger.set_credit(actor=setter, enterprise=on_credit, credit_fen=5_000, reason="contract")
    paid, owed = charged(site, on_credit), charged(site, owing)
    buyer = requests.Buyer("individual", "某某", TAX_NO)

    def refusal(actor, enterprise, *orders):
        with pytest.raises(DomainError) as refused:
            requests.request_enterprise_invoices(
                actor=actor, enterprise=enterprise, order_nos=[one.order_no for one in orders], buyer=buyer
            )
        return refused.value.code

    assert refusal(f.staff_actor(operator=site.operator), on_credit, paid) == "permission_denied"
    assert refusal(f.staff_actor(ASK, operator=f.OperatorFactory()), on_credit, paid) == "not_found"
    assert refusal(actor, on_credit, paid, owed) == "order_unknown"
    assert refusal(actor, on_credit) == "invalid"
    assert refusal(actor, owing, owed) == "invoice_owing"
    (made,) = requests.request_enterprise_invoices(
        actor=actor, enterprise=on_credit, order_nos=[paid.order_no], buyer=buyer
    )
    assert (made.gross_fen, made.buyer_kind, made.state) == (1_100, "organization", "requested")
    both = f.staff_actor(ASK, REVIEW, operator=site.operator)
    requests.withdraw_invoice(actor=both, invoice=made)
    (made,) = requests.request_enterprise_invoices(
        actor=both, enterprise=on_credit, order_nos=[paid.order_no], buyer=buyer
    )
    with pytest.raises(DomainError) as refused:
        requests.approve_invoice(actor=both, invoice=made)
    assert refused.value.code == "four_eyes"
    assert refusal(actor, on_credit, paid) == "order_invoiced"
