"""Refunds to origin: frozen at request, decided by staff, spread, sent with one number, booked or given back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Journal, Payment, PaymentEvent, Refund, RefundPart
from billing.services import refund_sending, refunds
from kernel.errors import DomainError
from kernel.models import AuditEvent, OutboxMessage
from tests.api_client import ApiClient, assert_problem
from tests.billing.flow import charging
from tests.billing.payments.desk import JOB, ask_refund, assert_books_balance, balance, platform, work_refunds
from tests.factories import DriverFactory, give_money, make_site, staff_actor
from users.actors import of_driver

BOTH = pytest.mark.parametrize("channel", ["wechat", "alipay"])


def code_of(work) -> str:
    with pytest.raises(DomainError) as refusal:
        work()
    return refusal.value.code


def approve(refund, actor=None):
    return refunds.approve_refund(actor=actor or staff_actor("billing.approve_refund"), refund=refund)


def finish(desk, refund) -> Refund:
    """Send, let the channel pay, ask."""
    work_refunds()
    desk.sandbox.finish_refunds()
    work_refunds()
    refund.refresh_from_db()
    return refund


@BOTH
@pytest.mark.feature("WAL-05")
class TestToOrigin:
    def test_from_the_app_to_the_payer(self, desk, channel):
        driver = DriverFactory()
        payment = desk.paid(driver, 5_000, channel)
        client = ApiClient(driver)
        assert client.get("refunds/possible").json() == {"refundable_fen": 5_000}
        asked = client.post("refunds", {"amount_fen": 2_000, "reason": "moving"}, **{"Idempotency-Key": "r"})
        assert asked.status_code == 201, asked.content
        assert (balance(driver), balance(driver, "refunds_in_transit")) == (3_000, 2_000)
        refund = Refund.objects.get()
        approve(refund)
        assert OutboxMessage.objects.get(topic="billing.send_refund").delivered_at
        finish(desk, refund)
        assert (refund.state, refund.refunded_fen) == ("succeeded", 2_000)
        assert (balance(driver), balance(driver, "refunds_in_transit")) == (3_000, 0)
        assert platform(f"channel_{channel}") == -3_000
        payment.refresh_from_db()
        assert payment.refunded_fen == 2_000
        seen = client.get(f"refunds/{refund.refund_no}").json()
        assert (seen["state"], seen["parts"][0]["state"]) == ("succeeded", "succeeded")
        assert sum(row.amount_fen for row in desk.sandbox.book.refunds.values()) == 2_000
        assert [e.kind for e in PaymentEvent.objects.filter(refund=refund)] == [
            "requested", "approved", "sent", "succeeded",
        ]  # fmt: skip
        assert_books_balance()

    def test_the_whole_of_a_payment(self, desk, channel):
        driver = DriverFactory()
        desk.paid(driver, 5_000, channel)
        refund = ask_refund(driver, 5_000)
        approve(refund)
        assert finish(desk, refund).state == "succeeded"
        assert balance(driver) == 0 and refunds.refundable_fen(driver=driver) == 0

    def test_an_answer_that_was_lost_is_asked_for_not_repeated_with_another_number(self, desk, channel):
        driver = DriverFactory()
        desk.paid(driver, 5_000, channel)
        refund = ask_refund(driver, 2_000)
        approve(refund)
        desk.sandbox.misbehave(lose_answer=1)
        work_refunds()
        part = refund.parts.get()
        assert part.state == "sent" and part.last_error and balance(driver, "refunds_in_transit") == 2_000
        assert finish(desk, refund).state == "succeeded"
        assert len(desk.sandbox.book.refunds) == 1

    def test_a_worker_that_died_before_the_call_is_made_good_with_the_same_number(self, desk, channel):
        driver = DriverFactory()
        desk.paid(driver, 5_000, channel)
        refund = ask_refund(driver, 2_000)
        approve(refund)
        RefundPart.objects.update(state="sent", sent_at=timezone.now(), attempts=1)
        Refund.objects.update(state="sent")
        assert finish(desk, refund).state == "succeeded"
        assert [number for _channel, number in desk.sandbox.book.refunds] == [
            refund.parts.get().out_refund_no
        ]

    def test_a_refusal_is_confirmed_then_the_money_is_back(self, desk, channel):
        driver = DriverFactory()
        payment = desk.paid(driver, 5_000, channel)
        refund = ask_refund(driver, 2_000)
        approve(refund)
        code = "INVALID_REQUEST" if channel == "wechat" else "ACQ.TRADE_HAS_FINISHED"
        desk.sandbox.misbehave(fail_next=1, fail_status=400, fail_code=code)
        work_refunds()
        part = refund.parts.get()
        assert (part.state, part.refused_code) == ("sent", code), "a refusal alone proves nothing"
        work_refunds()
        refund.refresh_from_db()
        assert refund.state == "failed" and not desk.sandbox.book.refunds
        assert (balance(driver), balance(driver, "refunds_in_transit")) == (5_000, 0)
        payment.refresh_from_db()
        assert payment.refunded_fen == 0 and refunds.refundable_fen(driver=driver) == 5_000
        assert_books_balance()

    def test_an_empty_merchant_account_is_tried_again_with_the_same_number(self, desk, channel):
        driver = DriverFactory()
        desk.paid(driver, 5_000, channel)
        refund = ask_refund(driver, 2_000)
        approve(refund)
        code = "NOT_ENOUGH" if channel == "wechat" else "ACQ.SELLER_BALANCE_NOT_ENOUGH"
        desk.sandbox.misbehave(fail_next=1, fail_status=403, fail_code=code)
        work_refunds()
        part = refund.parts.get()
        assert part.needs_attention and part.next_at > timezone.now() + timedelta(minutes=50)
        refund_sending.retry_refund(
            actor=staff_actor("billing.approve_refund"), refund=refund, reason="filled"
        )
        assert finish(desk, refund).state == "succeeded"

    def test_the_refund_notice_makes_it_known_at_once(self, desk, channel):
        driver = DriverFactory()
        desk.paid(driver, 5_000, channel)
        refund = ask_refund(driver, 2_000)
        approve(refund)
        work_refunds()
        assert refund.parts.get().next_at > timezone.now()
        desk.sandbox.finish_refunds()
        assert desk.sandbox.told[-1][0], desk.sandbox.told
        refund_sending.work_due_refunds(actor=JOB)
        refund.refresh_from_db()
        assert refund.state == "succeeded"


class TestSpreading:
    def test_newest_first_over_several_recharges_and_channels(self, desk):
        driver = DriverFactory()
        first = desk.paid(driver, 1_000, "wechat")
        second = desk.paid(driver, 2_000, "alipay")
        third = desk.paid(driver, 3_000, "wechat")
        for age, payment in enumerate((third, second, first)):
            Payment.objects.filter(pk=payment.pk).update(paid_at=timezone.now() - timedelta(days=age))
        refund = ask_refund(driver, 4_500)
        assert [(p.payment_id, p.amount_fen) for p in refund.parts.all()] == [
            (third.pk, 3_000),
            (second.pk, 1_500),
        ]
        approve(refund)
        assert finish(desk, refund).state == "succeeded"
        assert (platform("channel_wechat"), platform("channel_alipay")) == (-1_000, -500)
        assert_books_balance()

    def test_one_part_fails_and_only_its_amount_comes_back(self, desk):
        driver = DriverFactory()
        desk.paid(driver, 1_000)
        newest = desk.paid(driver, 1_000)
        refund = ask_refund(driver, 2_000)
        approve(refund)
        desk.sandbox.misbehave(fail_next=1, fail_status=400, fail_code="INVALID_REQUEST", refund_gap_s=0.0)
        work_refunds()
        assert finish(desk, refund).state == "partial"
        failed = refund.parts.get(state="failed")
        assert (refund.refunded_fen, balance(driver), failed.payment_id) == (1_000, 1_000, newest.pk)
        assert_books_balance()

    def test_what_is_older_than_a_year_or_was_given_by_hand_does_not_go_back(self, desk):
        driver = DriverFactory()
        old = desk.paid(driver, 1_000)
        Payment.objects.filter(pk=old.pk).update(paid_at=timezone.now() - timedelta(days=366))
        give_money(driver, 5_000)
        desk.paid(driver, 500)
        assert refunds.refundable_fen(driver=driver) == 500
        with pytest.raises(DomainError) as refusal:
            ask_refund(driver, 501)
        assert refusal.value.code == "refund_above" and refusal.value.params["maximum_fen"] == 500
        assert balance(driver) == 6_500 and not Refund.objects.exists()

    def test_what_was_spent_does_not_go_back(self, desk):
        site = make_site(balance_fen=0)
        desk.paid(site.driver, 5_000)
        charging(site, limit_fen=4_000)
        assert code_of(lambda: ask_refund(site.driver, 1_000)) == "refund_order_running"
        assert refunds.refundable_fen(driver=site.driver) == 1_000

    def test_two_refunds_of_one_payment_are_a_minute_apart(self, desk):
        driver = DriverFactory()
        desk.paid(driver, 5_000)
        for _ in range(2):
            approve(ask_refund(driver, 1_000))
        refund_sending.work_due_refunds(actor=JOB)
        sent, waiting = RefundPart.objects.order_by("pk")
        assert (sent.state, waiting.state) == ("sent", "pending")
        assert timedelta(seconds=50) < waiting.next_at - timezone.now() < timedelta(seconds=61)

    def test_the_fifty_first_refund_of_a_payment_is_not_possible(self, desk):
        driver = DriverFactory()
        payment = desk.paid(driver, 5_000)
        refund = ask_refund(driver, 1)
        RefundPart.objects.bulk_create(
            RefundPart(refund=refund, payment=payment, channel="wechat", out_refund_no=f"x{n}", amount_fen=1)
            for n in range(49)
        )
        assert refunds.refundable_fen(driver=driver) == 0

    def test_closed_by_the_channel_comes_back_and_abnormal_waits(self, desk):
        driver = DriverFactory()
        desk.paid(driver, 5_000)
        first = ask_refund(driver, 1_000)
        approve(first)
        desk.sandbox.misbehave(refund_outcome="closed", refund_gap_s=0.0)
        assert finish(desk, first).state == "failed" and balance(driver) == 5_000
        second = ask_refund(driver, 1_000)
        approve(second)
        desk.sandbox.misbehave(refund_outcome="abnormal", refund_gap_s=0.0)
        assert finish(desk, second).state == "sent"
        part = second.parts.get()
        assert part.needs_attention and balance(driver, "refunds_in_transit") == 1_000
        for row in desk.sandbox.book.refunds.values():
            row.state = "success" if row.state == "abnormal" else row.state
        work_refunds()
        second.refresh_from_db()
        assert second.state == "succeeded"
        assert_books_balance()


class TestDeciding:
    @pytest.mark.promise(10)
    def test_four_eyes_above_the_limit(self, desk, settings):
        settings.REFUND_APPROVAL_FEN = 1_000
        driver = DriverFactory()
        desk.paid(driver, 5_000)
        both = staff_actor("billing.request_refund", "billing.approve_refund")
        options = {"actor": both, "driver": driver, "reason": "called us"}
        small = refunds.request_refund(amount_fen=1_000, **options)
        large = refunds.request_refund(amount_fen=1_001, **options)
        assert refunds.approve_refund(actor=both, refund=small).state == "approved"
        assert code_of(lambda: approve(large, both)) == "refund_four_eyes"
        large.refresh_from_db()
        assert large.state == "requested"
        assert approve(large).state == "approved"
        trail = AuditEvent.objects.filter(target_type="billing.refund", target_id=str(large.pk))
        assert [row.action for row in trail.order_by("id")] == [
            "billing.request_refund", "billing.refund_approved",
        ]  # fmt: skip

    def test_rejected_and_withdrawn_are_back_at_once(self, desk):
        driver = DriverFactory()
        payment = desk.paid(driver, 5_000)
        client = ApiClient(driver)
        refund = ask_refund(driver, 2_000)
        assert (
            code_of(lambda: refunds.reject_refund(actor=JOB, refund=refund, reason="")) == "reason_required"
        )
        refunds.reject_refund(actor=staff_actor("billing.approve_refund"), refund=refund, reason="no")
        assert balance(driver) == 5_000
        second = ask_refund(driver, 5_000)
        answer = client.post(f"refunds/{second.refund_no}/withdraw")
        assert answer.json()["state"] == "withdrawn" and balance(driver) == 5_000
        assert_problem(client.post(f"refunds/{second.refund_no}/withdraw"), 409, "refund_decided")
        for done in (refund, second):
            assert code_of(lambda done=done: approve(done)) == "refund_decided"
        payment.refresh_from_db()
        assert payment.refunded_fen == 0 and not desk.sandbox.book.refunds
        assert_books_balance()

    def test_who_may_not(self, desk):
        driver, stranger = DriverFactory(), DriverFactory()
        desk.paid(driver, 5_000)
        refund = ask_refund(driver, 1_000)
        weak = staff_actor("billing.view_refund")
        ask = {"driver": driver, "amount_fen": 1, "reason": "x"}
        for work in (
            lambda: refunds.approve_refund(actor=weak, refund=refund),
            lambda: refunds.approve_refund(actor=of_driver(driver), refund=refund),
            lambda: refunds.reject_refund(actor=weak, refund=refund, reason="x"),
            lambda: refunds.withdraw_refund(actor=of_driver(stranger), refund=refund),
            lambda: refunds.request_refund(actor=weak, **ask),
            lambda: refunds.request_refund(actor=of_driver(stranger), **ask),
            lambda: refund_sending.retry_refund(actor=weak, refund=refund),
        ):
            assert code_of(work) == "permission_denied"
        assert_problem(ApiClient(stranger).get(f"refunds/{refund.refund_no}"), 404, "refund_unknown")
        assert ApiClient(stranger).get("refunds").json()["results"] == []
        refund.refresh_from_db()
        assert refund.state == "requested" and balance(driver) == 4_000

    def test_the_same_key_asks_once(self, desk):
        driver = DriverFactory()
        desk.paid(driver, 5_000)
        first = ask_refund(driver, 1_000, idempotency_key="k")
        assert ask_refund(driver, 1_000, idempotency_key="k") == first
        assert code_of(lambda: ask_refund(driver, 2_000, idempotency_key="k")) == "idempotency_conflict"
        assert balance(driver) == 4_000
        assert Journal.objects.filter(kind="refund_freeze").count() == 1

    def test_not_sent_before_it_is_approved(self, desk):
        driver = DriverFactory()
        desk.paid(driver, 5_000)
        refund = ask_refund(driver, 1_000)
        assert refund_sending.send_refund(actor=JOB, refund_id=refund.pk) == 0
        RefundPart.objects.update(next_at=timezone.now())
        assert refund_sending.work_due_refunds(actor=JOB) == 0
        assert not desk.sandbox.book.refunds
