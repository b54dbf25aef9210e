"""Many at once on real connections, and processes that die in the middle."""

import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction

from billing.models import Journal, Payment, PaymentNotice, Refund
from billing.services import payment_notices, refunds
from kernel.errors import DomainError
from tests.billing.flow import in_threads, money, start
from tests.billing.payments.desk import (
    ask_refund,
    assert_books_balance,
    balance,
    due,
    query_due,
    work_refunds,
)
from tests.factories import DriverFactory, make_site, staff_actor
from users.actors import of_driver

BOTH = pytest.mark.parametrize("channel", ["wechat", "alipay"])


@pytest.mark.promise(6)
class TestStorms:
    @BOTH
    @pytest.mark.promise(2)
    def test_twenty_notices_at_once_credit_once(self, desk, channel):
        driver = DriverFactory()
        payment = desk.recharge(driver, channel=channel)
        desk.sandbox.misbehave(duplicate_callback=19)
        desk.sandbox.pay(payment.out_trade_no)
        assert len(desk.sandbox.told) == 20 and all(ok for ok, _text in desk.sandbox.told), desk.sandbox.told
        assert balance(driver) == 5_000 and Journal.objects.filter(kind="recharge").count() == 1
        assert PaymentNotice.objects.get().repeats == 19
        assert_books_balance()

    @BOTH
    @pytest.mark.promise(2)
    def test_different_notices_and_queries_at_once_credit_once(self, desk, channel):
        driver = DriverFactory()
        payment = desk.recharge(driver, channel=channel)
        desk.sandbox.misbehave(drop_callback=True)
        row = desk.sandbox.pay(payment.out_trade_no)
        due(payment)
        side, faults = desk.sandbox.side(channel), desk.sandbox.faults
        notices = [side.notice_of(row, f"n{number}", faults) for number in range(10)]

        def work(number):
            if number % 2:
                return query_due()
            return desk.post(channel, *notices[number]).status_code

        results = in_threads(10, work)
        assert all(not isinstance(result, Exception) for result in results), results
        assert {results[n] for n in range(0, 10, 2)} == {200}
        assert balance(driver) == 5_000 and Journal.objects.filter(kind="recharge").count() == 1
        assert_books_balance()

    def test_the_same_request_many_times_opens_one_payment(self, desk):
        from tests.billing.payments.desk import open_payment

        driver = DriverFactory()
        results = in_threads(8, lambda n: open_payment(driver, idempotency_key="k").out_trade_no)
        assert len(set(results)) == 1, results
        assert Payment.objects.count() == 1 and len(desk.sandbox.book.trades) == 1

    @pytest.mark.parametrize("turn", range(4))
    def test_a_refund_and_a_start_cannot_both_have_the_money(self, desk, turn):
        site = make_site(balance_fen=0)
        driver = site.driver
        desk.paid(driver, 2_000)

        def work(number):
            if number == turn % 2:
                return start(site, limit_fen=2_000)
            return ask_refund(driver, 2_000)

        results = in_threads(2, work)
        refused = [result for result in results if isinstance(result, Exception)]
        assert len(refused) == 1 and isinstance(refused[0], DomainError), results
        assert refused[0].code in ("refund_order_running", "insufficient_balance", "refund_above")
        wallet, held, arrears = money(driver)
        assert (wallet, held, arrears) in ((2_000, 2_000, 0), (0, 0, 0))
        assert_books_balance()

    def test_many_refunds_at_once_never_exceed_the_wallet(self, desk):
        driver = DriverFactory()
        desk.paid(driver, 5_000)
        results = in_threads(10, lambda n: ask_refund(driver, 1_000))
        accepted = [result for result in results if isinstance(result, Refund)]
        assert len(accepted) == 5, results
        assert all(r.code == "refund_above" for r in results if not isinstance(r, Refund))
        assert (balance(driver), balance(driver, "refunds_in_transit")) == (0, 5_000)
        assert Payment.objects.get().refunded_fen == 5_000
        assert_books_balance()

    def test_approve_reject_and_withdraw_at_once_decide_once(self, desk):
        driver = DriverFactory()
        desk.paid(driver, 5_000)
        refund = ask_refund(driver, 5_000)
        staff = staff_actor("billing.approve_refund")
        deeds = [
            lambda: refunds.approve_refund(actor=staff, refund=refund),
            lambda: refunds.reject_refund(actor=staff, refund=refund, reason="no"),
            lambda: refunds.withdraw_refund(actor=of_driver(driver), refund=refund),
        ]
        results = in_threads(6, lambda n: deeds[n % 3]())
        assert sum(isinstance(result, Refund) for result in results) == 1, results
        refund.refresh_from_db()
        assert balance(driver) == (0 if refund.state == "approved" else 5_000)
        assert_books_balance()

    def test_two_workers_on_one_refund_pay_once(self, desk):
        driver = DriverFactory()
        desk.paid(driver, 5_000)
        refund = ask_refund(driver, 2_000)
        refunds.approve_refund(actor=staff_actor("billing.approve_refund"), refund=refund)
        for _ in range(2):
            results = in_threads(4, lambda n: work_refunds())
            assert not [result for result in results if isinstance(result, Exception)], results
            desk.sandbox.finish_refunds()
        work_refunds()
        refund.refresh_from_db()
        assert refund.state == "succeeded" and len(desk.sandbox.book.refunds) == 1
        assert Journal.objects.filter(kind="refund_paid").count() == 1
        assert_books_balance()


class TestCrashes:
    @BOTH
    @pytest.mark.promise(7)
    def test_nothing_is_lost_or_doubled_when_the_booking_is_cut_off(self, desk, channel):
        """The transaction of a notice is cut after each of its writes; the next notice finishes it once."""
        driver = DriverFactory()
        payment = desk.recharge(driver, channel=channel)
        desk.sandbox.misbehave(drop_callback=True)
        row = desk.sandbox.pay(payment.out_trade_no)
        headers, body = desk.sandbox.side(channel).notice_of(row, "n", desk.sandbox.faults)

        class CutOff(Exception):
            pass

        def cut_after(writes):
            seen = 0

            def wrapper(execute, sql, params, many, context):
                nonlocal seen
                result = execute(sql, params, many, context)
                if sql.startswith(("INSERT", "UPDATE")):
                    seen += 1
                    if seen == writes:
                        raise CutOff
                return result

            return wrapper

        cuts = 0
        while True:
            try:
                with connection.execute_wrapper(cut_after(cuts + 1)):
                    payment_notices.take_notice(channel=channel, headers=headers, body=body)
                break
            except CutOff:
                cuts += 1
                assert balance(driver) == 0 and not PaymentNotice.objects.exists()
                assert Payment.objects.get().state == "paying"
        assert cuts >= 6 and balance(driver) == 5_000
        assert_books_balance()

    @BOTH
    @pytest.mark.promise(7)
    def test_kill_9_between_notice_and_ledger(self, desk, channel, tmp_path):
        """A process is killed inside the transaction that books; the channel calls again and it is booked once."""
        driver = DriverFactory()
        payment = desk.recharge(driver, channel=channel)
        desk.sandbox.misbehave(drop_callback=True)
        row = desk.sandbox.pay(payment.out_trade_no)
        script = textwrap.dedent(
            """
            import os, sys, time
            import django
            django.setup()
            from django.db import connections
            connections["default"].settings_dict["NAME"] = sys.argv[1]
            from billing.payments.provider import Trade, TradeState
            from billing.services import ledger, payments
            from kernel.actor import system
            real = ledger.post
            def post(**kwargs):
                journal = real(**kwargs)
                print("BOOKING", flush=True)
                time.sleep(60)
                return journal
            ledger.post = post
            number, provider_no = sys.argv[2], sys.argv[3]
            from billing.models import Payment
            payment = Payment.objects.unscoped("test").get(out_trade_no=number)
            trade = Trade(out_trade_no=number, state=TradeState.PAID, provider_no=provider_no, amount_fen=5000)
            payments.book_trade(actor=system("victim"), payment_id=payment.pk, trade=trade)
            """
        )
        database = str(connection.settings_dict["NAME"])
        victim = subprocess.Popen(
            [sys.executable, "-c", script, database, payment.out_trade_no, row.provider_no],
            stdout=subprocess.PIPE,
            text=True,
            cwd=django_settings.BASE_DIR,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "ev_platform.settings", "EV_DATABASE_POOL": "0"},
        )
        try:
            assert victim.stdout.readline().strip() == "BOOKING"
        finally:
            victim.send_signal(signal.SIGKILL)
            victim.wait(10)
        assert balance(driver) == 0 and Payment.objects.get().state == "paying"
        desk.sandbox.misbehave()
        desk.sandbox.tell(row)
        assert desk.sandbox.told[-1][0], desk.sandbox.told
        assert balance(driver) == 5_000 and Journal.objects.filter(kind="recharge").count() == 1
        assert_books_balance()

    @pytest.mark.promise(7)
    def test_the_answer_to_the_channel_leaves_after_the_commit(self, desk, monkeypatch):
        """What cannot be committed is not answered with success."""
        driver = DriverFactory()
        payment = desk.recharge(driver)
        real = payment_notices.book_trade

        def broken(**kwargs):
            real(**kwargs)
            raise RuntimeError("the database went away")

        monkeypatch.setattr(payment_notices, "book_trade", broken)
        desk.sandbox.pay(payment.out_trade_no)
        assert not desk.sandbox.told[0][0] and desk.sandbox.told[0][1].startswith("500")
        assert balance(driver) == 0
        monkeypatch.undo()
        desk.sandbox.tell(desk.sandbox.trade(payment.out_trade_no))
        assert balance(driver) == 5_000

    def test_no_channel_is_called_inside_a_transaction(self, desk, monkeypatch):
        """Every call of a client happens with no transaction open on its connection."""
        from billing.payments.wechat import WeChatProvider

        real, seen = WeChatProvider._call, []

        def watched(self, method, **kwargs):
            seen.append((method, connection.in_atomic_block))
            return real(self, method, **kwargs)

        monkeypatch.setattr(WeChatProvider, "_call", watched)
        driver = DriverFactory()
        desk.paid(driver, 5_000)
        refund = ask_refund(driver, 2_000)
        refunds.approve_refund(actor=staff_actor("billing.approve_refund"), refund=refund)
        work_refunds(2)
        desk.sandbox.finish_refunds()
        work_refunds()
        assert {method for method, _inside in seen} == {"pay", "refund", "query_refund"}
        assert not any(inside for _method, inside in seen)

    def test_a_notice_is_answered_fast_while_the_channel_is_slow(self, desk):
        """The notice waits for no call of ours: the query job hangs at a slow channel meanwhile."""
        driver = DriverFactory()
        payment = desk.recharge(driver)
        due(payment)
        desk.sandbox.misbehave(delay_answer_ms=3_000)
        with ThreadPoolExecutor(1) as pool:

            def slow():
                try:
                    return query_due()
                finally:
                    connection.close()

            job = pool.submit(slow)
            desk.sandbox.pay(payment.out_trade_no)
            assert desk.sandbox.told[0][0] and not job.done()
            assert balance(driver) == 5_000
            assert job.result(20) == 1
        assert balance(driver) == 5_000
        with transaction.atomic():
            assert_books_balance()
