"""Income that is no charge's: fees of bookings and prices of month cards are divided, stated and taken back once."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from billing import business_day
from billing.models import Account, ClearingRecord, ClearingRule, Journal, MonthSale
from billing.services import bookings, ledger, month_cards
from billing.services.clearing import payees
from billing.services.finance_checks import finance_problems
from billing.services.payouts import statements
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests import factories as f
from tests.api_client import ApiClient
from tests.billing.finance.desk import (
    JOB,
    assert_ties,
    clear_all,
    money_of,
    month_sold,
    no_show,
    platform,
    settled,
)

pytestmark = pytest.mark.django_db
BY_KIND = {"channel_fee_bp": 100, "commission": {"reservation": {"bp": 1_000}, "month_cards": {"bp": 500}}}


@pytest.fixture
def site():
    site = f.make_site(balance_fen=600)
    for station in (None, site.station):
        ClearingRule.objects.create(
            operator=site.operator, station=station, number=1 if station else 2, effective_at=f.LONG_AGO, terms=BY_KIND,
            published_by="x", published_at=f.LONG_AGO,
        )  # fmt: skip
    return site


def refusal(service, **kwargs):
    with pytest.raises(DomainError) as refused:
        service(**kwargs)
    return refused.value.code


@pytest.mark.feature("FIN-05")
def test_a_booking_nobody_came_to_is_divided_stated_and_taken_back(client, site):
    owner, yesterday = payees.operator_payee(site.operator), timezone.now() - timedelta(days=1)
    booking = no_show(site, at=yesterday, fen=500)
    other = no_show(site, fen=400)  # 100 of it are free on the wallet, the rest is owed
    assert ledger.arrears_fen(site.driver) == 300
    assert clear_all() == 2 and clear_all() == 0
    record = ClearingRecord.objects.get(booking=booking)
    assert (record.gross_fen, record.kind, record.station, record.rule.station, record.energy_kwh) == (
        500, "settlement", site.station, site.station, 0,
    )  # fmt: skip
    lines = record.lines.values_list("fee_kind", "role", "amount_fen")
    assert sorted(lines) == [
        ("reservation", "channel_fee", 5), ("reservation", "commission", 50), ("reservation", "share", 445),
    ]  # fmt: skip
    statement = statements.build_statement(
        actor=JOB, payee=owner, day_to=business_day.today() - timedelta(days=1)
    )
    assert (statement.orders, statement.gross_fen, statement.shares_fen) == (0, 500, 445)
    client.force_login(f.make_staff(superuser=True))
    page = client.get(reverse("admin:billing_statement_change", args=[statement.pk])).content.decode()
    assert "预约费" in page and "¥4.45" in page
    found = client.get(reverse("admin:billing_clearingrecord_changelist"), {"q": booking.booking_no})
    assert [row.pk for row in found.context["cl"].result_list] == [record.pk]
    page = client.get(reverse("admin:billing_clearingrecord_change", args=[record.pk])).content.decode()
    assert reverse("admin:billing_booking_change", args=[booking.pk]) in page
    page = client.get(reverse("admin:billing_entry_changelist"), {"when": "all"}).content.decode()
    assert reverse("admin:billing_booking_change", args=[other.pk]) in page
    # Waived: what the driver owes is paid from it first, and every party gives its part back.
    waive = {"booking_no": booking.booking_no, "reason": "the barrier was down"}
    assert refusal(bookings.waive, actor=f.staff_actor(), **waive) == "permission_denied"
    stranger = f.staff_actor("billing.waive_fee", operator=f.OperatorFactory())
    assert refusal(bookings.waive, actor=stranger, **waive) == "booking_unknown"
    client.post(reverse("admin:billing_booking_waive", args=[booking.pk]), {"reason": "the barrier was down"})
    booking.refresh_from_db()
    assert booking.waiver is not None and booking.waive_reason == "the barrier was down"
    told = ApiClient(site.driver).call("GET", f"/api/v1/driver/bookings/{booking.booking_no}").json()
    assert (told["amount_fen"], told["waived"]) == (500, True)
    assert refusal(bookings.waive, actor=JOB, **waive) == "booking_no_fee"
    assert (ledger.arrears_fen(site.driver), ledger.wallet_of(site.driver).balance_fen) == (0, 200)
    assert clear_all() == 1
    assert list(booking.clearings.order_by("pk").values_list("kind", "gross_fen")) == [
        ("settlement", 500), ("correction", -500),
    ]  # fmt: skip
    assert (money_of(owner), platform("commission")) == (356, 40), "of the other one"
    assert AuditEvent.objects.filter(action="billing.waive_booking_fee").count() == 1
    assert other.clearings.get().gross_fen == 400
    assert_ties()


@pytest.mark.feature("CRD-17", "FIN-05")
def test_a_month_card_is_income_when_sold_and_taken_back_when_paid_back(client, site, settings):
    owner, today = payees.operator_payee(site.operator), business_day.today()
    sale = month_sold(site, fen=3_000)
    again = {
        "actor": JOB, "card": sale.card, "amount_fen": 3_000, "valid_from": today,
        "valid_until": today + timedelta(days=29), "reason": "sold",
    }  # fmt: skip
    key = Journal.objects.get(month_sale=sale).idempotency_key.rpartition(":")[2]
    month_cards.sell_month(idempotency_key=key, **again)
    assert MonthSale.objects.count() == 1, "a second click sells nothing"
    covered = settled(site, driver=site.driver, payer_kind="card", card=sale.card, cover="month_card")
    assert covered.covered_fen == 1_100
    assert clear_all() == 2 and clear_all() == 0
    record = ClearingRecord.objects.get(month_sale=sale)
    assert (record.gross_fen, record.kind, record.station, record.rule.station) == (
        3_000,
        "settlement",
        None,
        None,
    )
    # Cash at the desk passes no channel; the charge that the card covers is no income a second time.
    assert (platform("channel_fees"), platform("commission"), money_of(owner)) == (0, 150, 2_850)
    with pytest.raises(IntegrityError), transaction.atomic():
        ClearingRecord.objects.create(
            journal=covered.journals.get(), operator=site.operator, month_sale=sale, kind="settlement", day=today,
            gross_fen=0, cleared_at=timezone.now(),
        )  # fmt: skip
    # Paid back through the console: within limits, once, the newest sale first.
    client.force_login(f.make_staff(superuser=True))
    address = reverse("admin:billing_monthsale_pay_back", args=[sale.pk])
    assert 'value="29.00"' in client.get(address).content.decode(), "29 of 30 days are left"
    assert client.post(address, {"amount": "30.01", "reason": "moved"}).context["form"].errors["amount"]
    later = month_sold(site, fen=2_000, card=sale.card)
    back = {"sale": sale, "amount_fen": 2_900, "reason": "moved"}
    assert refusal(month_cards.pay_back_month, actor=JOB, **back) == "month_not_last"
    month_cards.pay_back_month(actor=JOB, sale=later, amount_fen=2_000, reason="twice")
    settings.REFUND_APPROVAL_FEN = 2_000
    desk = f.staff_actor("billing.refund_monthsale", "users.issue_card", operator=site.operator)
    assert refusal(month_cards.pay_back_month, actor=desk, **back) == "card_cash_limit"
    assert refusal(month_cards.pay_back_month, actor=f.staff_actor(), **back) == "permission_denied"
    assert client.post(address, {"amount": "29", "reason": "moved"}).status_code == 302
    sale.refresh_from_db()
    sale.card.refresh_from_db()
    assert (sale.refunded_fen, sale.card.valid_until) == (2_900, today)
    assert refusal(month_cards.pay_back_month, actor=JOB, **back) == "month_refunded"
    assert clear_all() == 3
    assert (platform("commission"), money_of(owner)) == (5, 95)
    assert platform("manual_topup") == -600 - 3_000 + 2_900
    assert_ties()
    # What is in the name of no source is nobody's to divide, and the check knows it.
    income = ledger.account_of(Account.Kind.OPERATOR_MONTH_CARDS, operator=site.operator)
    adjusted = [(income, 70), (ledger.account_of(Account.Kind.MANUAL_TOPUP), -70)]
    ledger.post(key="old", kind="correction", lines=adjusted, actor=JOB)
    assert clear_all() == 0 and list(finance_problems()) == []


def test_a_period_that_has_not_begun_gives_back_the_one_before(site):
    card = f.CardFactory(operator=site.operator, kind="month")
    first, today = month_sold(site, card=card), business_day.today()
    kept = (first.valid_from, first.valid_until)
    month_cards.sell_month(
        actor=JOB, card=card, amount_fen=3_000, valid_from=today + timedelta(days=30),
        valid_until=today + timedelta(days=59), reason="ahead", idempotency_key="ahead",
    )  # fmt: skip
    sale = card.month_sales.first()
    assert month_cards.unused_fen(sale) == 3_000
    month_cards.pay_back_month(actor=JOB, sale=sale, amount_fen=3_000, reason="too early")
    card.refresh_from_db()
    assert (card.valid_from, card.valid_until) == kept
