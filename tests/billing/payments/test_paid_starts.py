"""Pay and start in one step: the money ends in a charge or on its way back, whatever dies in between."""

import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from billing.models import ChargingOrder, PaidStart, Payment, Refund
from billing.pricing.components import PackageFee
from billing.services import paid_starts, sweeps
from devices import events
from devices.services import records
from devices.services import status as status_service
from kernel.models import OutboxMessage
from kernel.services import outbox
from stations.models import Connector
from tests.api_client import ApiClient
from tests.billing import flow
from tests.billing.payments.desk import JOB, assert_books_balance, balance, query_due, see, work_refunds
from tests.factories import make_driver, make_site

ADDRESS = "/api/v1/driver/pay-and-start"


@pytest.fixture
def site(desk):
    return make_site(balance_fen=0)


def ask(site, desk, channel="wechat", amount_fen=2_000, **more) -> Payment:
    client = ApiClient(site.driver)
    body = {"connector_code": site.connector.code, "channel": channel, "amount_fen": amount_fen, **more}
    answer = client.post(ADDRESS, body)
    assert answer.status_code == 201, answer.content
    assert answer.json()["state"] == "waiting"
    payment = Payment.objects.get(out_trade_no=answer.json()["payment"]["out_trade_no"])
    see(desk.sandbox, payment)
    return payment


def status(site, payment) -> dict:
    return ApiClient(site.driver).get(f"{ADDRESS}/{payment.out_trade_no}").json()


def refunded(desk) -> int:
    """Let the refunds reach the channel; what it has paid back."""
    work_refunds()
    desk.sandbox.finish_refunds()
    work_refunds(2)
    return sum(Refund.objects.values_list("refunded_fen", flat=True))


@pytest.mark.feature("WAL-15", "STA-10")
@pytest.mark.parametrize("channel", ["wechat", "alipay"])
def test_paid_started_charged_billed_and_the_rest_is_back_where_it_came_from(desk, site, channel):
    payment = ask(site, desk, channel, energy_kwh="30")
    assert not ChargingOrder.objects.exists()
    desk.sandbox.pay(payment.out_trade_no)  # the notice is answered and the charge is asked for
    assert status(site, payment)["state"] == "started"
    order = ChargingOrder.objects.get()
    assert (order.stop_at_fen, order.targets["energy_kwh"], order.state) == (
        2_000,
        "30.0000",
        "starting",
    )
    assert status(site, payment)["order_no"] == order.order_no
    desk.sandbox.tell(desk.sandbox.trade(payment.out_trade_no))  # told again: one start
    assert ChargingOrder.objects.count() == 1
    flow.answer(order)
    flow.begin(site, order)
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "5.0000"}))
    order.refresh_from_db()
    assert (order.state, order.total_fen) == ("settled", 550)
    paid_starts.sweep(actor=JOB)
    assert status(site, payment)["state"] == "done"
    refund = Refund.objects.get()
    assert (refund.amount_fen, refund.state, status(site, payment)["refund_no"]) == (
        1_450,
        "approved",
        refund.refund_no,
    )
    assert refunded(desk) == 1_450 and balance(site.driver) == 0
    paid_starts.sweep(actor=JOB)
    assert Refund.objects.count() == 1
    assert_books_balance()


@pytest.mark.feature("EBK-07")
def test_a_second_payment_on_a_running_port_adds_to_its_order_and_the_rests_go_back(desk):
    site = make_site(balance_fen=0, protocol="mqtt", rated_power_kw="1.0", connectors=2)
    flow.publish(
        site, prices=[("flat", "0.60000", "0")], slots=["flat"] * 48, components=[PackageFee(((600, 3_600),))]
    )
    first = ask(site, desk, amount_fen=700, package_fen=600)
    desk.sandbox.pay(first.out_trade_no)
    order = ChargingOrder.objects.get()
    flow.answer(order)
    moment = timezone.now()
    status_service.charge_started(
        events.ChargeStarted(
            pile=site.ref, connector_no=1, at=moment, transaction_ref=order.order_no, id_tag=order.order_no
        )
    )
    second = ask(site, desk, amount_fen=700, package_fen=600)
    desk.sandbox.pay(second.out_trade_no)
    desk.sandbox.tell(desk.sandbox.trade(second.out_trade_no))  # told again: added once
    order.refresh_from_db()
    assert ChargingOrder.objects.count() == 1
    assert (order.stop_at_fen, order.targets["seconds"], order.further_packages) == (1_400, 7_200, [600])
    assert status(site, second)["order_no"] == order.order_no
    flow.shift_into_past(order, timedelta(minutes=90))
    flow.send_record(
        site,
        records.ReportedTransaction(
            connector_no=1,
            protocol="mqtt",
            identity=f"mqtt:{site.pile.code}:{order.order_no}",
            transaction_ref=order.order_no,
            started_at=order.started_at,
            ended_at=order.started_at + timedelta(minutes=90),
            energy_kwh=Decimal("0.5000"),
            stop_reason="unplugged",
            raw="{}",
        ),
    )
    order.refresh_from_db()
    assert (order.state, order.total_fen) == ("settled", 930)
    for _ in range(2):
        paid_starts.sweep(actor=JOB)
    # The first payment is used up, of the second 230 fen are.
    assert list(Refund.objects.values_list("amount_fen", flat=True)) == [470]
    assert refunded(desk) == 470 and balance(site.driver) == 0
    assert (status(site, first)["state"], status(site, second)["state"]) == ("done", "done")
    late = ask(site, desk, amount_fen=700, package_fen=600)
    assert PaidStart.objects.get(payment=late).extends is None, "the order is over: this is a start"
    assert_books_balance()


@pytest.mark.feature("EBK-04")
def test_a_port_is_paid_by_wechat_alipay_and_in_the_app(desk):
    site = make_site(balance_fen=0, protocol="mqtt", rated_power_kw="1.0", connectors=4)
    flow.publish(
        site, prices=[("flat", "0.60000", "0")], slots=["flat"] * 48, components=[PackageFee(((600, 3_600),))]
    )
    ways = (("wechat", "h5"), ("alipay", "wap"), ("wechat", "app"), ("alipay", "app"))
    for connector, (channel, way) in zip(site.connectors, ways, strict=True):
        driver = make_driver(balance_fen=0)
        body = {
            "connector_code": connector.code,
            "channel": channel,
            "way": way,
            "amount_fen": 700,
            "package_fen": 600,
        }
        answer = ApiClient(driver).post(ADDRESS, body)
        assert answer.status_code == 201, answer.content
        payment = Payment.objects.get(out_trade_no=answer.json()["payment"]["out_trade_no"])
        assert payment.way == way
        see(desk.sandbox, payment)
        desk.sandbox.pay(payment.out_trade_no)
        order = ChargingOrder.objects.get(driver=driver)
        assert (order.connector, order.state, order.package_fen) == (connector, "starting", 600), way
        assert flow.last_command(order).params["duration_s"] == 3_600
    assert_books_balance()


@pytest.mark.feature("EBK-23")
@pytest.mark.parametrize("why", ["taken", "refused by the pile", "late"])
def test_a_charge_that_does_not_begin_sends_the_money_back(desk, site, why):
    payment = ask(site, desk)
    if why == "taken":
        Connector.objects.filter(pk=site.connector.pk).update(state="charging")
    if why == "late":
        desk.sandbox.misbehave(drop_callback=True)
    desk.sandbox.pay(payment.out_trade_no)
    if why == "late":
        Payment.objects.update(next_query_at=timezone.now())
        desk.sandbox.trade(payment.out_trade_no).paid_at -= 11 * 60
        query_due()
    if why == "refused by the pile":
        order = ChargingOrder.objects.get()
        flow.answer(order, state="rejected", reason="not_plugged")
        sweeps.sweep_orders(actor=JOB)
        paid_starts.sweep(actor=JOB)
        order.refresh_from_db()
        assert order.state == "closed"
    answer = status(site, payment)
    assert answer["state"] == "done" and bool(answer["refusal"]) is (why != "refused by the pile"), answer
    assert refunded(desk) == 2_000 and balance(site.driver) == 0
    assert_books_balance()


def test_what_cannot_start_is_refused_before_any_money_is_asked_for(desk, site):
    client = ApiClient(site.driver)
    body = {"connector_code": site.connector.code, "channel": "wechat", "amount_fen": 2_000}
    for changes, status_code, code in (
        ({"connector_code": "nowhere"}, 404, "connector_unknown"),
        ({"amount_fen": 0}, 400, "recharge_amount"),
        ({"channel": "cash"}, 400, "payment_channel_off"),
    ):
        answer = client.post(ADDRESS, {**body, **changes})
        assert (answer.status_code, answer.json()["code"]) == (status_code, code)
    Connector.objects.filter(pk=site.connector.pk).update(state="fault")
    assert client.post(ADDRESS, body).json()["code"] == "connector_fault"
    assert not Payment.objects.exists() and not PaidStart.objects.exists()


def test_an_unpaid_one_ends_with_its_payment_and_the_same_key_asks_once(desk, site):
    client = ApiClient(site.driver)
    body = {"connector_code": site.connector.code, "channel": "wechat", "amount_fen": 2_000}
    first = client.post(ADDRESS, body, **{"Idempotency-Key": "k"}).json()
    again = client.post(ADDRESS, body, **{"Idempotency-Key": "k"}).json()
    assert first["payment"]["out_trade_no"] == again["payment"]["out_trade_no"]
    other = client.post(ADDRESS, {**body, "seconds": 60}, **{"Idempotency-Key": "k"})
    assert other.json()["code"] == "idempotency_conflict"
    Payment.objects.update(state="closed", next_query_at=None)
    PaidStart.objects.update(next_at=timezone.now())
    paid_starts.sweep(actor=JOB)
    assert PaidStart.objects.get().state == "cancelled"


def test_two_deliveries_at_once_start_one_charge(desk, site):
    payment = ask(site, desk)
    desk.sandbox.misbehave(duplicate_callback=9)
    desk.sandbox.pay(payment.out_trade_no)
    results = flow.in_threads(6, lambda _n: paid_starts.work(payment_id=payment.pk))
    assert all(not isinstance(result, Exception) for result in results), results
    assert ChargingOrder.objects.count() == 1 and status(site, payment)["state"] == "started"


@pytest.mark.promise(7)
def test_kill_9_between_payment_and_start(desk, site):
    """The process that booked the payment dies inside the start; the sweep of another one starts it once."""
    payment = ask(site, desk)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            outbox, "deliver", lambda message_id: False
        )  # the notice's process dies after its commit
        desk.sandbox.pay(payment.out_trade_no)
    assert status(site, payment)["state"] == "due" and balance(site.driver) == 2_000
    script = textwrap.dedent(
        """
        import sys, time
        import django
        django.setup()
        from django.db import connections
        connections["default"].settings_dict["NAME"] = sys.argv[1]
        from billing.services import orders, paid_starts
        real = orders.send_command
        def send(**kwargs):
            real(**kwargs)
            print("STARTING", flush=True)
            time.sleep(60)
        orders.send_command = send
        paid_starts.work(payment_id=int(sys.argv[2]))
        """
    )
    victim = subprocess.Popen(
        [sys.executable, "-c", script, str(connection.settings_dict["NAME"]), str(payment.pk)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "ev_platform.settings", "EV_DATABASE_POOL": "0"},
    )
    try:
        assert victim.stdout.readline().strip() == "STARTING"
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait(10)
    assert not ChargingOrder.objects.exists()
    outbox.sweep()
    paid_starts.sweep(actor=JOB)
    assert status(site, payment)["state"] == "started" and ChargingOrder.objects.count() == 1
    assert not OutboxMessage.objects.filter(delivered_at__isnull=True).exists()
    assert_books_balance()
