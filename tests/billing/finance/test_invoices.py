"""Invoices: over what was paid, one per issuer, reviewed, issued once, reversed before money goes back."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.invoicing.tax import Taxed, tax_inside
from billing.models import Account, Invoice, InvoicedOrder, Proposal
from billing.services import ledger, proposals
from billing.services.invoices import issuing, requests
from billing.services.invoices.states import INVOICE_STATES
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests import factories as f
from tests.api_client import ApiClient
from tests.billing.finance.desk import JOB, agreed, assert_ties, clear_all, settled, two_people

pytestmark = pytest.mark.django_db
TAX_NO = "91310000MA1FL0000X"
REVIEW, RED = "billing.review_invoice", "billing.red_invoice"
BODY = {"buyer_kind": "organization", "buyer_name": "某某科技有限公司", "buyer_tax_no": "91310000MA1FL1234Y"}


def refused(expected, service, **kwargs):
    with pytest.raises(DomainError) as refusal:
        service(**kwargs)
    assert refusal.value.code == expected, refusal.value.code


def issuer(site, **terms):
    payload = {"seller_name": site.operator.name + "公司", "seller_tax_no": TAX_NO, **terms}
    agreed("invoice_terms", payload, operator=site.operator)
    return site


@pytest.fixture
def provider(channels, sandbox):
    merchant = sandbox.keys.merchant()["invoice"]
    channels.INVOICE_PROVIDER = {**merchant, "url": f"{sandbox.url}/invoice/v1"}
    return sandbox


@pytest.fixture
def site():
    return issuer(f.make_site(balance_fen=100_000))


def ask(driver, *orders, expect=201, **changes):
    body = {"order_nos": [order.order_no for order in orders], **BODY, **changes}
    answer = ApiClient(driver).call("POST", "/api/v1/driver/invoices", body)
    assert answer.status_code == expect, answer.content
    return answer.json()


def run(times=1):
    for _ in range(times):
        Invoice.objects.filter(next_at__isnull=False).update(next_at=timezone.now() - timedelta(seconds=1))
        issuing.work_due_invoices(actor=JOB)
    return Invoice.objects.order_by("-pk").first()


def issued(sandbox, driver, *orders):
    ask(driver, *orders)
    invoice = Invoice.objects.order_by("-pk").first()
    requests.approve_invoice(actor=f.staff_actor(REVIEW), invoice=invoice)
    run()
    sandbox.invoices.finish()
    invoice = run()
    assert invoice.state == "issued", invoice.last_error
    return invoice


@pytest.mark.feature("INV-01", "INV-02", "INV-03")
def test_chosen_orders_become_one_invoice_per_issuer_over_what_was_paid(provider, site):
    other = issuer(f.make_site(balance_fen=0), lines={"service": {"rate_bp": 600}})
    driver = site.driver
    one = settled(site, electricity_fen=2_045, service_fen=1_000)
    two = settled(site, electricity_fen=500, service_fen=0)
    three = settled(other, driver=driver, electricity_fen=700, service_fen=400)
    gone = settled(site, electricity_fen=0, service_fen=300)
    agreed("order_refund", {"order_no": gone.order_no, "amounts": {"service": 300}}, operator=site.operator)
    agreed("order_refund", {"order_no": one.order_no, "amounts": {"service": 400}}, operator=site.operator)
    api = ApiClient(driver)
    offered = {
        row["order_no"]: row["paid_fen"]
        for row in api.call("GET", "/api/v1/driver/invoices/orders").json()["results"]
    }
    assert offered == {one.order_no: 2_645, two.order_no: 500, three.order_no: 1_100, gone.order_no: 0}
    assert ask(driver, gone, expect=409)["code"] == "invoice_nothing_paid"
    assert ask(driver, one, expect=400, buyer_tax_no="")["code"] == "invalid"
    assert ask(f.make_driver(), one, expect=404)["code"] == "order_unknown"
    made = ask(driver, one, two, three)
    assert [row["gross_fen"] for row in made] == [3_145, 1_100]
    lines = {line["name"]: (line["rate_bp"], line["net_fen"], line["tax_fen"]) for line in made[0]["lines"]}
    assert lines == {"*供电*充电电费": (1300, 2_252, 293), "*供电*充电服务费": (1300, 531, 69)}
    assert [line["rate_bp"] for line in made[1]["lines"]] == [1300, 600]
    assert ask(driver, two, expect=409)["code"] == "order_invoiced"
    first, second = Invoice.objects.order_by("pk")
    assert first.lines.first().energy_kwh == Decimal("20.0000")
    # reviewed: one approved, one rejected and free again
    refused("permission_denied", requests.approve_invoice, actor=f.staff_actor(), invoice=first)
    stranger = f.staff_actor(REVIEW, operator=f.OperatorFactory())
    refused("not_found", requests.approve_invoice, actor=stranger, invoice=first)
    requests.reject_invoice(actor=f.staff_actor(REVIEW), invoice=second, reason="wrong title")
    refused("invoice_decided", requests.approve_invoice, actor=f.staff_actor(REVIEW), invoice=second)
    requests.approve_invoice(actor=f.staff_actor(REVIEW, operator=site.operator), invoice=first)
    run()
    provider.invoices.finish()
    run()
    shown = api.call("GET", f"/api/v1/driver/invoices/{first.number}").json()
    assert (shown["state"], len(shown["provider_no"])) == ("issued", 20) and shown["document_url"]
    rows = api.call("GET", "/api/v1/driver/invoices").json()["results"]
    assert [(row["state"], row["decision_reason"]) for row in rows] == [
        ("rejected", "wrong title"),
        ("issued", ""),
    ]
    again = ask(driver, three)
    assert (
        api.call("POST", f"/api/v1/driver/invoices/{again[0]['number']}/withdraw").json()["state"]
        == "withdrawn"
    )
    assert set(AuditEvent.objects.filter(target_type="billing.invoice").values_list("action", flat=True)) == {
        "billing.request_invoice", "billing.invoice_approved", "billing.invoice_rejected", "billing.invoice_issued",
    }  # fmt: skip


@pytest.mark.feature("INV-04")
@pytest.mark.promise(10)
def test_what_is_invoiced_is_given_back_only_after_a_red_invoice(provider, site):
    order = settled(site)
    blue = issued(provider, site.driver, order)
    one, other = two_people(REVIEW, RED)
    refund = {"kind": "order_refund", "payload": {"order_no": order.order_no, "amounts": {"service": 400}}}
    refused("order_invoiced", proposals.propose, actor=one, operator=site.operator, reason="x", **refund)
    refused("permission_denied", requests.request_red, actor=f.staff_actor(), invoice=blue, reason="x")
    red = requests.request_red(actor=one, invoice=blue, reason="the driver gets money back")
    refused("invoice_not_issued", requests.request_red, actor=one, invoice=blue, reason="again")
    refused("four_eyes", requests.approve_invoice, actor=one, invoice=red)
    requests.approve_invoice(actor=other, invoice=red)
    run()
    refused("order_invoiced", proposals.propose, actor=one, operator=site.operator, reason="x", **refund)
    provider.invoices.finish()
    red = run()
    blue.refresh_from_db()
    assert (red.state, red.gross_fen, blue.state) == ("issued", -1_100, "reversed")
    (first, second) = provider.invoices.rows.values()
    assert first.reversed_by == second.provider_no == red.provider_no
    agreed("order_refund", refund["payload"], operator=site.operator)
    assert ask(site.driver, order)[0]["gross_fen"] == 700
    clear_all()
    assert_ties()


@pytest.mark.parametrize("fault", ["lose_answer", "tamper_answer", "fail_next"])
def test_an_unknown_answer_is_asked_for_and_never_issued_again(provider, site, fault):
    ask(site.driver, settled(site))
    invoice = Invoice.objects.get()
    requests.approve_invoice(actor=f.staff_actor(REVIEW), invoice=invoice)
    provider.misbehave(**{fault: 1})
    assert run().state == "issuing" and run().last_error
    run()
    provider.invoices.finish()
    assert run().state == "issued" and len(provider.invoices.rows) == 1


def test_what_the_provider_refuses_waits_for_a_person(provider, site):
    order = settled(site)
    ask(site.driver, order)
    invoice = Invoice.objects.get()
    provider.misbehave(invoice_credit_fen=100)
    requests.approve_invoice(actor=f.staff_actor(REVIEW), invoice=invoice)
    assert run().state == "failed" and "CREDIT_LIMIT" in run().last_error
    requests.reject_invoice(actor=f.staff_actor(REVIEW), invoice=invoice, reason="credit used up")
    assert not InvoicedOrder.objects.filter(live=True).exists()
    provider.misbehave(invoice_outcome="failed")
    ask(site.driver, order)
    requests.approve_invoice(actor=f.staff_actor(REVIEW), invoice=Invoice.objects.first())
    run()
    provider.invoices.finish()
    assert run().state == "failed" and run().last_error == "TAX_BUREAU_REFUSED"


def test_who_issues_none_who_owes_and_what_needs_no_review(provider):
    site = f.make_site(balance_fen=1_000)
    order = settled(site)
    assert ask(site.driver, order, expect=409)["code"] == "invoice_owing"
    Account.objects.filter(kind="arrears", driver=site.driver).update(balance_fen=0)
    assert ask(site.driver, order, expect=409)["code"] == "invoice_no_issuer"
    one, _other = two_people()
    for payload, _what in (
        ({"seller_name": "", "seller_tax_no": TAX_NO}, "name"),
        ({"seller_name": "某公司", "seller_tax_no": "12"}, "number"),
        ({"seller_name": "某公司", "seller_tax_no": TAX_NO, "lines": {"service": {"rate_bp": 1234}}}, "rate"),
        ({"seller_name": "某公司", "seller_tax_no": TAX_NO, "lines": {"coffee": {}}}, "kind"),
    ):
        refused(
            "invalid", proposals.propose, actor=one, kind="invoice_terms", operator=site.operator, payload=payload,
            reason="x",
        )  # fmt: skip
    issuer(site, auto_approve_fen=1_100)
    assert ask(site.driver, order)[0]["state"] == "approved"


def test_what_a_bonus_paid_is_not_invoiced(provider):
    site = issuer(f.make_site(balance_fen=500))
    bonus = ledger.account_of(Account.Kind.BONUS, driver=site.driver)
    given = ledger.account_of(Account.Kind.PLATFORM_BONUS)
    ledger.post(key="gift", kind="bonus", lines=[(given, -5_000), (bonus, 5_000)], actor=JOB)
    order = settled(site)
    (made,) = ask(site.driver, order)
    assert made["gross_fen"] == 500, "the wallet paid 500 of 1,100 fen, the bonus the rest"
    assert [line["gross_fen"] for line in made["lines"]] == [318, 182]


def test_the_console_reviews_reverses_and_shows_rates(client, provider, site):
    order = settled(site)
    ask(site.driver, order)
    client.force_login(f.make_staff(superuser=True))
    invoice = Invoice.objects.get()

    def post(action, pk, **data):
        return client.post(reverse(f"admin:billing_invoice_{action}", args=[pk]), data, follow=True)

    post("approve", invoice.pk)
    provider.invoices.finish()
    post("ask", invoice.pk)
    run()
    provider.invoices.finish()
    run()
    page = post("reverse", invoice.pk, reason="换开").content.decode()
    assert "-¥11.00" in page and "红字" in page and order.order_no not in page
    page = client.get(reverse("admin:billing_invoice_change", args=[invoice.pk])).content.decode()
    assert order.order_no in page and "*供电*充电电费" in page
    form = {
        "operator": site.operator.pk, "seller_name": "某公司", "seller_tax_no": TAX_NO, "auto_approve_fen": 0,
        "electricity_rate": "1300", "electricity_code": "1100101020100000000", "service_rate": "600",
        "service_code": "3070000000000000000", "reason": "税务局确认",
    }  # fmt: skip
    answer = client.post(reverse("admin:billing_invoiceterms_add"), form, follow=True)
    assert answer.status_code == 200, answer.content
    proposal = Proposal.objects.latest("pk")
    assert proposal.payload["lines"]["service"]["rate_bp"] == 600
    proposals.approve(actor=f.staff_actor("billing.approve_change"), proposal=proposal)
    terms = site.operator.invoice_terms.first()
    page = client.get(reverse("admin:billing_invoiceterms_change", args=[terms.pk])).content.decode()
    assert "6 %" in page and "税率不同" in page


@given(st.integers(-10_000_000, 10_000_000), st.sampled_from([0, 100, 300, 600, 900, 1300]))
@settings(max_examples=50, deadline=None)
def test_tax_is_inside_and_a_reversal_is_exact(gross, rate):
    taxed, back = tax_inside(gross, rate), tax_inside(-gross, rate)
    assert taxed.net_fen + taxed.tax_fen == gross and (back.net_fen, back.tax_fen) == (
        -taxed.net_fen,
        -taxed.tax_fen,
    )
    assert abs(taxed.net_fen * (10_000 + rate) - gross * 10_000) * 2 <= 10_000 + rate


def test_the_worked_example_and_the_states():
    assert tax_inside(2_045, 1_300) == Taxed(2_045, 1_810, 235)
    assert INVOICE_STATES.states == set(Invoice.State.values)
