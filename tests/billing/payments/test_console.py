"""Payments and refunds in the console: dialogs that call services, within scope and permission."""

import pytest
from django.urls import reverse

from billing.models import Refund
from kernel.models import AuditEvent
from tests.billing.payments.desk import ask_refund, balance, work_refunds
from tests.factories import DriverFactory, OperatorFactory, make_staff


def act(client, name, pk, **data):
    return client.post(reverse(f"admin:{name}", args=[pk]), data)


def look(client, name, pk):
    return client.get(reverse(f"admin:{name}_change", args=[pk]))


@pytest.fixture
def boss(client):
    staff = make_staff(superuser=True)
    client.force_login(staff)
    return staff


def test_ask_the_channel_books_what_was_paid(desk, client, boss):
    payment = desk.recharge(DriverFactory())
    desk.sandbox.misbehave(drop_callback=True)
    desk.sandbox.pay(payment.out_trade_no)
    assert act(client, "billing_payment_ask_channel", payment.pk).status_code == 302
    assert balance(payment.driver) == 5_000
    body = look(client, "billing_payment", payment.pk).content.decode()
    assert payment.out_trade_no in body and "已支付并入账" in body


def test_a_silent_channel_is_said_in_the_dialog(desk, client, boss):
    payment = desk.recharge(DriverFactory())
    desk.sandbox.misbehave(lose_answer=1)
    answer = act(client, "billing_payment_ask_channel", payment.pk)
    assert answer.status_code == 200 and "支付渠道暂无响应" in answer.content.decode()


def test_what_does_not_fit_is_decided_with_a_reason(desk, client, boss):
    payment = desk.recharge(DriverFactory())
    desk.sandbox.misbehave(wrong_amount_fen=100)
    desk.sandbox.pay(payment.out_trade_no)
    assert "应付 ¥50.00" in look(client, "billing_payment", payment.pk).content.decode()
    empty = act(client, "billing_payment_resolve", payment.pk, how="credit", reason="")
    assert empty.status_code == 200 and empty.context["form"].errors
    desk.sandbox.misbehave()
    assert act(client, "billing_payment_resolve", payment.pk, how="credit", reason="asked").status_code == 302
    assert balance(payment.driver) == 5_000
    assert AuditEvent.objects.get(action="billing.resolve_payment").actor_id == str(boss.pk)
    again = act(client, "billing_payment_resolve", payment.pk, how="credit", reason="asked")
    assert again.status_code == 200 and balance(payment.driver) == 5_000


@pytest.mark.promise(10)
def test_a_refund_from_request_to_origin(desk, client, boss):
    driver = DriverFactory()
    desk.paid(driver, 5_000)
    key = "7b4f6b2e-6a63-4c6b-9b5e-0d7ad7c0b6f1"
    for _ in range(2):  # a second click on the same dialog asks for nothing more
        answer = act(client, "users_driver_refund", driver.pk, amount="20.00", reason="called us", key=key)
        assert answer.status_code == 302
    refund = Refund.objects.get()
    assert balance(driver) == 3_000
    assert act(client, "billing_refund_approve", refund.pk, reason="fine").status_code == 302
    work_refunds()
    desk.sandbox.finish_refunds()
    assert act(client, "billing_refund_retry", refund.pk, reason="now").status_code == 302
    body = look(client, "billing_refund", refund.pk).content.decode()
    assert "已退款" in body and "called us" in body
    refund.refresh_from_db()
    assert refund.state == "succeeded"
    too_much = act(client, "users_driver_refund", driver.pk, amount="30.01", reason="x", key=key[:-1] + "2")
    assert too_much.status_code == 200 and "30.00" in too_much.content.decode()


def test_four_eyes_and_rejection_in_the_dialog(desk, client, boss, settings):
    settings.REFUND_APPROVAL_FEN = 100
    driver = DriverFactory()
    desk.paid(driver, 5_000)
    act(
        client,
        "users_driver_refund",
        driver.pk,
        amount="2",
        reason="x",
        key="7b4f6b2e-6a63-4c6b-9b5e-0d7ad7c0b6f1",
    )
    own, other = Refund.objects.get(), ask_refund(driver, 200)
    refused = act(client, "billing_refund_approve", own.pk, reason="me again")
    assert refused.status_code == 200 and "申请人以外" in refused.content.decode()
    assert act(client, "billing_refund_approve", other.pk, reason="ok").status_code == 302
    assert act(client, "billing_refund_reject", own.pk, reason="no").status_code == 302
    assert balance(driver) == 4_800


@pytest.mark.promise(9)
def test_without_the_permission_or_the_scope_there_is_no_dialog(desk, client):
    mine, theirs = OperatorFactory(), OperatorFactory()
    foreign, own = DriverFactory(operator=theirs), DriverFactory(operator=mine)
    for driver in (foreign, own):
        desk.paid(driver, 5_000)
    strange, known = ask_refund(foreign, 100), ask_refund(own, 100)
    client.force_login(make_staff("billing.view_refund", operator=mine))
    assert act(client, "billing_refund_approve", known.pk, reason="x").status_code == 403
    client.force_login(make_staff("billing.view_refund", "billing.approve_refund", operator=mine))
    assert act(client, "billing_refund_approve", strange.pk, reason="x").status_code == 404
    assert act(client, "billing_refund_approve", known.pk, reason="x").status_code == 302
    strange.refresh_from_db()
    assert strange.state == "requested"
