"""Recharges from the driver's API to the ledger, told by real callbacks over HTTP."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Account, Journal, Payment, PaymentEvent, PaymentNotice
from billing.payments.provider import Trade, TradeState
from billing.services import ledger, payments
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests.api_client import ApiClient, assert_problem
from tests.billing.payments.desk import (
    JOB,
    assert_books_balance,
    balance,
    due,
    expire,
    open_payment,
    platform,
    query_due,
    see,
)
from tests.factories import DriverFactory, OperatorFactory, make_driver, staff_actor
from users.actors import of_driver

BOTH = pytest.mark.parametrize("channel", ["wechat", "alipay"])


def owe(driver, amount_fen):
    """The driver owes this much for an earlier session."""
    arrears = ledger.account_of(Account.Kind.ARREARS, driver=driver)
    income = ledger.account_of(Account.Kind.OPERATOR_SERVICE, operator=OperatorFactory())
    ledger.post(
        key=f"d{driver.pk}",
        kind="settlement",
        lines=[(arrears, -amount_fen), (income, amount_fen)],
        actor=JOB,
    )


@BOTH
@pytest.mark.feature("WAL-01", "WAL-02", "WAL-04", "WAL-06")
class TestPaying:
    def test_from_the_app_to_the_wallet(self, desk, channel):
        driver = make_driver(balance_fen=0)
        client = ApiClient(driver)
        answer = client.post(
            "payments", {"amount_fen": 5_000, "channel": channel}, **{"Idempotency-Key": "one"}
        )
        assert answer.status_code == 201, answer.content
        opened = answer.json()
        assert opened["state"] == "paying" and opened["pay_params"]
        payment = Payment.objects.get()
        see(desk.sandbox, payment)
        desk.sandbox.pay(opened["out_trade_no"])
        assert desk.sandbox.told[0][0], desk.sandbox.told
        told = client.get(f"payments/{opened['out_trade_no']}").json()
        assert (told["state"], told["paid_fen"], told["pay_params"]) == ("succeeded", 5_000, None)
        assert balance(driver) == 5_000 and platform(f"channel_{channel}") == -5_000
        assert client.get("wallet").json()["balance_fen"] == 5_000
        entry = client.get("wallet/entries").json()["results"][0]
        assert (entry["kind"], entry["amount_fen"]) == ("recharge", 5_000)
        payment.refresh_from_db()
        assert payment.provider_no and payment.journal.kind == Journal.Kind.RECHARGE
        assert [e.kind for e in PaymentEvent.objects.all()] == ["created", "offered", "paid"]
        assert_books_balance()

    def test_what_is_owed_is_paid_first(self, desk, channel):
        driver = DriverFactory()
        owe(driver, 700)
        desk.paid(driver, 1_000, channel)
        assert (ledger.arrears_fen(driver), balance(driver)) == (0, 300)
        assert_books_balance()

    def test_never_called_back_is_found_by_the_query(self, desk, channel):
        driver = DriverFactory()
        payment = desk.recharge(driver, channel=channel)
        desk.sandbox.misbehave(drop_callback=True)
        desk.sandbox.pay(payment.out_trade_no)
        assert balance(driver) == 0 and query_due() == 0
        due(payment)
        assert query_due() == 1 and balance(driver) == 5_000
        payment.refresh_from_db()
        assert payment.state == "succeeded" and payment.next_query_at is None
        desk.sandbox.misbehave()
        desk.sandbox.tell(desk.sandbox.trade(payment.out_trade_no))  # and late, after all
        assert balance(driver) == 5_000 and PaymentNotice.objects.get().outcome == "repeated"

    def test_a_repeat_is_answered_and_changes_nothing(self, desk, channel):
        driver = DriverFactory()
        payment = desk.paid(driver, channel=channel)
        row = desk.sandbox.trade(payment.out_trade_no)
        for notice_id in ("again", "again", "other"):
            assert all(ok for ok, _text in desk.sandbox.tell(row, notice_id=notice_id))
        assert balance(driver) == 5_000 and Journal.objects.filter(kind="recharge").count() == 1
        assert PaymentNotice.objects.get(notice_id="again").repeats == 1

    def test_a_forged_notice_is_refused_and_logged(self, desk, channel, caplog):
        driver = DriverFactory()
        payment = desk.recharge(driver, channel=channel)
        desk.sandbox.misbehave(wrong_key=True)
        with caplog.at_level(logging.WARNING):
            desk.sandbox.pay(payment.out_trade_no)
        assert not desk.sandbox.told[0][0] and "bad_signature" in caplog.text
        assert balance(driver) == 0 and not PaymentNotice.objects.exists()
        payment.refresh_from_db()
        assert payment.state == "paying"

    def test_a_replay_of_yesterday_is_refused(self, desk, channel):
        driver = DriverFactory()
        payment = desk.recharge(driver, channel=channel)
        desk.sandbox.misbehave(stale_s=30 * 3600)
        desk.sandbox.pay(payment.out_trade_no)
        assert not desk.sandbox.told[0][0] and balance(driver) == 0

    def test_another_amount_waits_for_a_person(self, desk, channel):
        driver = DriverFactory()
        payment = desk.recharge(driver, channel=channel)
        desk.sandbox.misbehave(wrong_amount_fen=1)
        desk.sandbox.pay(payment.out_trade_no)
        assert desk.sandbox.told[0][0], "kept and answered, so that it is not sent for a day"
        payment.refresh_from_db()
        assert payment.state == "review" and balance(driver) == 0
        assert payment.review_reasons[0]["params"] == {"expected_fen": 5_000, "paid_fen": 5_001}
        desk.sandbox.misbehave()
        actor = staff_actor("billing.resolve_payment")
        with pytest.raises(DomainError) as refusal:
            payments.resolve_payment(actor=actor, payment=payment, how="credit", reason=" ")
        assert refusal.value.code == "reason_required"
        payments.resolve_payment(actor=actor, payment=payment, how="credit", reason="asked the channel")
        payment.refresh_from_db()
        assert (payment.state, payment.paid_fen, balance(driver)) == ("succeeded", 5_000, 5_000)
        event = AuditEvent.objects.get(action="billing.resolve_payment")
        assert (event.before["state"], event.after["state"]) == ("review", "succeeded")
        assert_books_balance()

    def test_paid_before_the_channel_has_even_answered(self, desk, channel):
        if channel == "alipay":
            driver, way = DriverFactory(), "qr"
        else:
            driver, way = DriverFactory(), "native"
        desk.sandbox.misbehave(callback_before_answer=True)
        payment = open_payment(driver, channel=channel, way=way)
        payment.refresh_from_db()
        assert payment.state == "succeeded" and balance(driver) == 5_000

    def test_expired_is_closed_at_the_channel_and_cannot_be_paid(self, desk, channel):
        payment = desk.recharge(DriverFactory(), channel=channel)
        expire(payment)
        assert query_due() == 1
        payment.refresh_from_db()
        assert payment.state == "closed"
        assert desk.sandbox.trade(payment.out_trade_no).state == "closed"

    def test_paid_in_the_moment_of_expiry_is_credited(self, desk, channel):
        driver = DriverFactory()
        payment = desk.recharge(driver, channel=channel)
        desk.sandbox.misbehave(drop_callback=True)
        desk.sandbox.pay(payment.out_trade_no)
        expire(payment)
        query_due()
        assert balance(driver) == 5_000

    def test_a_notice_after_we_closed_it_is_money_all_the_same(self, desk, channel):
        driver = DriverFactory()
        payment = desk.recharge(driver, channel=channel)
        Payment.objects.filter(pk=payment.pk).update(state="closed", next_query_at=None)
        desk.sandbox.pay(payment.out_trade_no)
        payment.refresh_from_db()
        assert payment.state == "succeeded" and balance(driver) == 5_000
        assert PaymentEvent.objects.get(kind="paid").data["late"] is True

    def test_no_answer_is_no_failure_and_the_same_key_goes_on(self, desk, channel):
        driver = DriverFactory()
        way = "native" if channel == "wechat" else "qr"
        client = ApiClient(driver)
        body = {"amount_fen": 5_000, "channel": channel, "way": way}
        desk.sandbox.misbehave(lose_answer=1)
        assert_problem(
            client.post("payments", body, **{"Idempotency-Key": "k"}), 503, "payment_channel_silent"
        )
        payment = Payment.objects.get()
        assert payment.state == "created" and payment.last_error
        again = client.post("payments", body, **{"Idempotency-Key": "k"}).json()
        assert again["out_trade_no"] == payment.out_trade_no and again["state"] == "paying"
        third = client.post("payments", body, **{"Idempotency-Key": "k"}).json()
        assert third["pay_params"] == again["pay_params"] and Payment.objects.count() == 1
        assert len(desk.sandbox.book.trades) == 1
        assert_problem(
            client.post("payments", {**body, "amount_fen": 6_000}, **{"Idempotency-Key": "k"}),
            409,
            "idempotency_conflict",
        )

    def test_the_answer_was_lost_but_somebody_paid(self, desk, channel):
        driver = DriverFactory()
        desk.sandbox.misbehave(lose_answer=1, drop_callback=True, callback_before_answer=True)
        with pytest.raises(DomainError):
            open_payment(driver, channel=channel, way="native" if channel == "wechat" else "qr")
        payment = Payment.objects.get()
        assert payment.state == "created" and balance(driver) == 0
        due(payment)
        query_due()
        assert balance(driver) == 5_000

    def test_a_silent_channel_is_asked_again_and_never_guessed(self, desk, channel):
        driver = DriverFactory()
        payment = desk.recharge(driver, channel=channel)
        desk.sandbox.misbehave(drop_callback=True)
        desk.sandbox.pay(payment.out_trade_no)
        expire(payment)
        desk.sandbox.misbehave(probe_answer=1)
        query_due()
        payment.refresh_from_db()
        assert payment.state == "paying" and payment.last_error and payment.next_query_at > timezone.now()
        due(payment)
        query_due()
        assert balance(driver) == 5_000


class TestRules:
    def test_a_driver_sees_only_their_own(self, desk):
        payment = desk.recharge(DriverFactory())
        stranger = ApiClient(DriverFactory())
        assert_problem(stranger.get(f"payments/{payment.out_trade_no}"), 404, "payment_unknown")
        assert stranger.get("payments").json() == {"results": [], "next": None}
        assert ApiClient(None).post("payments", {}).status_code == 401
        for actor in (of_driver(DriverFactory()), staff_actor("billing.query_payment"), JOB):
            with pytest.raises(DomainError) as refusal:
                payments.create_payment(
                    actor=actor, driver=payment.driver, channel="wechat", amount_fen=5_000
                )
            assert refusal.value.code == "permission_denied"

    def test_pages_of_my_payments(self, desk):
        driver = DriverFactory()
        for _ in range(3):
            open_payment(driver)
        client = ApiClient(driver)
        first = client.get("payments", {"limit": 2}).json()
        rest = client.get("payments", {"limit": 2, "cursor": first["next"]}).json()
        numbers = [row["out_trade_no"] for row in first["results"] + rest["results"]]
        assert len(set(numbers)) == 3 and rest["next"] is None

    def test_the_channels_that_are_on(self, desk):
        listed = ApiClient(DriverFactory()).get("payment-channels").json()
        assert [row["channel"] for row in listed] == ["wechat", "alipay"]
        assert "jsapi" in listed[0]["ways"] and "wap" in listed[1]["ways"]

    @pytest.mark.promise(11)
    @pytest.mark.parametrize(
        ("change", "code", "field"),
        [
            ({"amount_fen": 99}, "recharge_amount", "amount_fen"),
            ({"amount_fen": 500_001}, "recharge_amount", "amount_fen"),
            ({"amount_fen": "many"}, "invalid_request", "amount_fen"),
            ({"channel": "cash"}, "payment_channel_off", "channel"),
            ({"way": "wap"}, "payment_way_unknown", "way"),
            ({"way": "jsapi"}, "payment_openid_missing", "openid"),
        ],
    )
    def test_a_wrong_request_names_what_is_accepted_and_changes_nothing(self, desk, change, code, field):
        body = {"amount_fen": 5_000, "channel": "wechat", **change}
        problem = assert_problem(ApiClient(DriverFactory()).post("payments", body), 400, code)
        assert field in problem["errors"] and not Payment.objects.exists()

    def test_a_key_that_is_too_long(self, desk):
        answer = ApiClient(DriverFactory()).post(
            "payments", {"amount_fen": 5_000, "channel": "wechat"}, **{"Idempotency-Key": "x" * 65}
        )
        assert_problem(answer, 400, "invalid")

    def test_a_refusal_is_told_and_final(self, desk):
        desk.sandbox.misbehave(fail_next=1, fail_status=403, fail_code="NO_AUTH")
        client = ApiClient(DriverFactory())
        answer = client.post("payments", {"amount_fen": 5_000, "channel": "wechat"})
        assert_problem(answer, 409, "payment_refused")
        assert Payment.objects.get().state == "failed"

    def test_a_notice_about_an_unknown_payment_is_kept_and_not_accepted(self, desk):
        payment = desk.recharge(DriverFactory())
        payment.events.all().delete()
        payment.delete()
        desk.sandbox.pay(payment.out_trade_no)
        assert desk.sandbox.told == [(False, '404 {"code": "FAIL", "message": "unknown payment"}')]
        kept = PaymentNotice.objects.get()
        assert (kept.outcome, kept.number, kept.payment) == ("unknown", payment.out_trade_no, None)

    def test_the_channels_number_pays_once(self, desk):
        first, second = desk.paid(DriverFactory()), desk.recharge(DriverFactory())
        trade = Trade(
            out_trade_no=second.out_trade_no,
            state=TradeState.PAID,
            provider_no=first.provider_no,
            amount_fen=5_000,
        )
        assert payments.book_trade(actor=JOB, payment_id=second.pk, trade=trade) == "differs"
        second.refresh_from_db()
        assert second.state == "review" and balance(second.driver) == 0

    @pytest.mark.parametrize(
        "change",
        [{"out_trade_no": "P9"}, {"currency": "USD"}, {"provider_no": ""}, {"amount_fen": None},
         {"state": TradeState.REFUNDED}],
    )  # fmt: skip
    def test_what_does_not_fit_moves_no_money(self, desk, change):
        payment = desk.recharge(DriverFactory())
        fits = {
            "out_trade_no": payment.out_trade_no,
            "state": TradeState.PAID,
            "provider_no": "42",
            "amount_fen": 5_000,
        }
        trade = Trade(**{**fits, **change})
        assert payments.book_trade(actor=JOB, payment_id=payment.pk, trade=trade) == "differs"
        assert balance(payment.driver) == 0
        dismissed = payments.resolve_payment(actor=JOB, payment=payment, how="dismiss", reason="not ours")
        assert dismissed.state == "closed" and balance(payment.driver) == 0

    def test_credit_by_hand_needs_the_channels_word_and_the_permission(self, desk):
        payment = desk.recharge(DriverFactory())
        Payment.objects.filter(pk=payment.pk).update(state="review")
        with pytest.raises(DomainError) as refusal:
            payments.resolve_payment(actor=JOB, payment=payment, how="credit", reason="he says so")
        assert refusal.value.code == "payment_not_paid"
        with pytest.raises(DomainError) as refusal:
            payments.resolve_payment(
                actor=staff_actor("billing.view_payment"), payment=payment, how="dismiss", reason="x"
            )
        assert refusal.value.code == "permission_denied"
        payment.refresh_from_db()
        assert payment.state == "review"

    def test_staff_may_ask_the_channel_now(self, desk):
        payment = desk.recharge(DriverFactory())
        desk.sandbox.misbehave(drop_callback=True)
        desk.sandbox.pay(payment.out_trade_no)
        payments.query_payment(actor=staff_actor("billing.query_payment"), payment=payment)
        assert payment.state == "succeeded"

    def test_a_closed_payment_is_looked_at_once_more(self, desk):
        payment = desk.recharge(DriverFactory())
        expire(payment)
        query_due()
        payment.refresh_from_db()
        assert payment.state == "closed" and payment.next_query_at > timezone.now() + timedelta(minutes=10)
        due(payment)
        assert query_due() == 1
        payment.refresh_from_db()
        assert payment.next_query_at is None

    def test_bad_posts_at_the_notice_address(self, desk):
        for channel in ("wechat", "alipay"):
            assert desk.post(channel, {}, b"").status_code == 400
            assert desk.post(channel, {}, b"x" * 70_000).status_code == 413
            assert ApiClient(None).get(f"/api/v1/payments/{channel}/notify").status_code == 405
        assert desk.post("wechat", {}, b"{}").json()["code"] == "FAIL"
        assert desk.post("alipay", {}, b"a=b").text == "fail"
