"""Charging on pay score, through the API, the real client and the sandbox: one debit, whatever is lost or dies."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import Account, ChargingOrder, Journal, Payment, ScoreOrder, ScorePermission
from billing.payments import score_texts
from billing.payments.channels import pay_score
from billing.payments.pay_score import ScoreBegin, ScoreEnd, ScoreState
from billing.payments.provider import ProviderRefused, ProviderUnknown
from billing.services import (
    ledger,
    payments,
    refunds,
    score_debits,
    score_orders,
    score_permissions,
    sweeps,
)
from stations.models import Connector
from tests.api_client import ApiClient
from tests.billing import flow
from tests.billing.payments.desk import (
    JOB,
    ask_refund,
    assert_books_balance,
    balance,
    platform,
    work_refunds,
)
from tests.factories import give_money, make_site, staff_actor
from tests.victim import Victim

START = "score-starts"


@pytest.fixture
def site(desk):
    return make_site(balance_fen=0)


@pytest.fixture
def client(site):
    return ApiClient(site.driver)


@pytest.fixture
def allowed(desk, site, client) -> str:
    """The driver has given the permission in WeChat; its code there."""
    token = client.post("pay-score/permission").json()["apply_permissions_token"]
    return desk.sandbox.allow(token).code


def ask(client, site, **more):
    return client.post(START, {"connector_code": site.connector.code, **more})


def started(client, site, **more) -> tuple[ScoreOrder, ChargingOrder]:
    answer = ask(client, site, **more)
    assert answer.status_code == 201 and answer.json()["state"] == "started", answer.content
    row = ScoreOrder.objects.get(number=answer.json()["number"])
    return row, row.order


def charge(site, order: ChargingOrder, kwh: str = "5.0000") -> None:
    """The pile charges and reports; the order settles."""
    flow.answer(order)
    flow.begin(site, order)
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": kwh}))
    order.refresh_from_db()
    assert order.state == "settled"


def work(times: int = 1) -> None:
    """Let the sweep run as if every wait were over."""
    for _ in range(times):
        ScoreOrder.objects.filter(next_at__isnull=False).update(next_at=timezone.now())
        score_orders.sweep(actor=JOB)


def state_of(row: ScoreOrder) -> str:
    row.refresh_from_db()
    return row.state


@pytest.mark.feature("WAL-08")
@pytest.mark.promise(6)
def test_allowed_once_charged_and_debited_by_itself(desk, site, client, allowed):
    site.driver.refresh_from_db()
    give_money(site.driver, 3_000)  # the wallet pays nothing of it
    row, order = started(client, site, limit_fen=4_000)
    assert (order.stop_at_fen, order.cover, flow.money(site.driver)) == (4_000, "score", (3_000, 0, 0))
    there = desk.sandbox.book.scores[row.number]
    assert (there.state, there.fund_fen, there.openid) == ("DOING", 4_000, row.openid)
    [rule] = there.request["post_payments"]
    assert rule["name"] == "计费规则" and "服务费0.4元/度" in rule["description"]
    charge(site, order)
    assert flow.money(site.driver) == (3_000, 0, 550)
    work()
    assert state_of(row) == "paying" and there.completed["total_amount"] == 550
    assert [item["name"] for item in there.completed["post_payments"]] == ["计费规则", "费用明细"]
    assert there.completed["post_payments"][1]["description"] == "电费3.50元,服务费2.00元"
    desk.sandbox.debit(row.number)
    assert desk.sandbox.told[-1][0], desk.sandbox.told
    assert client.get(f"{START}/{row.number}").json()["state"] == "paid"
    assert flow.money(site.driver) == (3_000, 0, 0) and platform("channel_wechat") == -550
    assert set(Journal.objects.filter(kind="score_debit").values_list("idempotency_key", flat=True)) == {
        f"payment:{row.number}"
    }
    desk.sandbox.tell_score(there)  # told again
    work(2)
    assert flow.money(site.driver) == (3_000, 0, 0) and Payment.objects.get().state == "succeeded"
    # What is given back of it goes to where it came from: WeChat knows the debit by its own number.
    income = Account.objects.get(kind="operator_service", operator=site.operator)
    ledger.credit(key="back", kind="correction", source=income, driver=site.driver, amount_fen=200, actor=JOB)
    refund = ask_refund(site.driver, 200)
    refunds.approve_refund(actor=staff_actor("billing.approve_refund"), refund=refund)
    work_refunds()
    desk.sandbox.finish_refunds()
    work_refunds()
    refund.refresh_from_db()
    assert (refund.state, balance(site.driver), platform("channel_wechat")) == ("succeeded", 3_000, -350)
    assert_books_balance()


def test_permission_given_withdrawn_and_found_without_its_notice(desk, site, client):
    assert client.get("pay-score").json() == {"available": True, "permission": "none", "fund_fen": 20_000}
    assert ask(client, site).json()["code"] == "score_not_given"
    desk.sandbox.misbehave(drop_callback=True)
    token = client.post("pay-score/permission").json()["apply_permissions_token"]
    assert client.post("pay-score/permission").json()["apply_permissions_token"] == token
    code = desk.sandbox.allow(token).code
    assert client.get("pay-score").json()["permission"] == "asked"
    ScorePermission.objects.update(next_at=timezone.now())
    score_permissions.query_due(actor=JOB)
    assert client.get("pay-score").json()["permission"] == "open"
    assert client.post("pay-score/permission").json()["code"] == "score_given_already"
    desk.sandbox.misbehave()
    desk.sandbox.forbid(code)
    assert client.get("pay-score").json()["permission"] == "closed"
    # News of yesterday changes nothing.
    row = desk.sandbox.book.permissions[code]
    row.state, row.changed_at = "AVAILABLE", row.changed_at - 86_400
    desk.sandbox.tell_permission(row)
    assert client.get("pay-score").json()["permission"] == "closed"
    assert ask(client, site).json()["code"] == "score_not_given"
    desk.sandbox.allow(client.post("pay-score/permission").json()["apply_permissions_token"])
    assert client.post("pay-score/withdraw").json()["permission"] == "closed"
    assert client.post("pay-score/withdraw").json()["code"] == "score_not_given"
    assert not Payment.objects.exists() and not ScoreOrder.objects.exists()


@pytest.mark.parametrize("fault", ["lose_answer", "probe_answer", "tamper_answer"])
def test_an_answer_nobody_can_read_is_asked_for_and_nothing_is_done_twice(desk, site, client, allowed, fault):
    desk.sandbox.misbehave(**{fault: 1})
    answer = ask(client, site)
    assert (answer.status_code, answer.json()["state"]) == (201, "created")
    row = ScoreOrder.objects.get()
    work()
    assert state_of(row) == "started", row.last_error
    charge(site, row.order)
    desk.sandbox.misbehave(**{fault: 1})
    work()
    assert state_of(row) == "completing" and row.last_error
    work()
    assert state_of(row) == "paying"
    desk.sandbox.misbehave(drop_callback=True)
    desk.sandbox.debit(row.number)
    assert state_of(row) == "paying"
    work()
    assert state_of(row) == "paid" and flow.money(site.driver) == (0, 0, 0)
    assert len(desk.sandbox.book.scores) == 1 and Journal.objects.filter(kind="score_debit").count() == 1
    assert_books_balance()


@pytest.mark.promise(2)
def test_ten_notices_and_queries_at_once_debit_once(desk, site, client, allowed):
    row, order = started(client, site)
    charge(site, order)
    work()
    desk.sandbox.misbehave(drop_callback=True)
    there = desk.sandbox.debit(row.number)
    resource = desk.sandbox.wechat.score.view(there)
    event, faults = "PAYSCORE.USER_PAID", desk.sandbox.faults
    notices = [desk.sandbox.wechat.score_notice_of(event, resource, f"n{n}", faults) for n in range(10)]
    ScoreOrder.objects.update(next_at=timezone.now())

    def act(number):
        if number % 3 == 0:
            return score_orders.sweep(actor=JOB)
        return desk.post("wechat", *notices[number]).status_code

    results = flow.in_threads(10, act)
    assert all(not isinstance(result, Exception) for result in results), results
    assert {results[n] for n in range(10) if n % 3} == {200}
    assert state_of(row) == "paid" and flow.money(site.driver) == (0, 0, 0)
    assert Journal.objects.filter(kind="score_debit").count() == 1
    assert_books_balance()


def test_what_is_not_genuine_or_does_not_fit_books_nothing(desk, site, client, allowed):
    row, order = started(client, site)
    charge(site, order)
    work()
    for faults in ({"wrong_key": True}, {"stale_s": 3_600}, {"probe_callback": True}):
        desk.sandbox.misbehave(**faults)
        there = desk.sandbox.book.scores[row.number]
        if not there.debit_no:
            desk.sandbox.debit(row.number)
        else:
            desk.sandbox.tell_score(there)
        assert not desk.sandbox.told[-1][0]
        assert state_of(row) == "paying" and balance(site.driver, "arrears") == -550
    desk.sandbox.misbehave(wrong_amount_fen=50)
    desk.sandbox.tell_score(there)
    payment = Payment.objects.get()
    assert payment.state == "review" and payment.review_reasons[0]["code"] == "amount_differs"
    assert balance(site.driver, "arrears") == -550
    assert_books_balance()


def test_what_is_paid_another_way_meanwhile_is_not_debited(desk, site, client, allowed):
    row, order = started(client, site)
    charge(site, order)
    desk.sandbox.misbehave(score_outcome="wait")
    work()
    there = desk.sandbox.book.scores[row.number]
    give_money(site.driver, 150)
    work()
    row.refresh_from_db()
    assert (row.lowered_fen, there.total_fen, Payment.objects.get().amount_fen) == (400, 400, 400)
    give_money(site.driver, 100)  # the service lowers once
    work()
    assert (there.total_fen, state_of(row)) == (400, "paying")
    give_money(site.driver, 300)
    work()
    assert state_of(row) == "paid" and there.elsewhere and not there.debit_no
    assert (Payment.objects.get().state, flow.money(site.driver)) == ("closed", (0, 0, 0))
    assert not Journal.objects.filter(kind="score_debit").exists()
    assert_books_balance()


def parts(row: ScoreOrder) -> list[tuple[str, str, int]]:
    rows = score_debits.debits_of(row.number).order_by("pk")
    return [
        (one.out_trade_no.removeprefix(row.number), one.state, one.paid_fen or one.amount_fen) for one in rows
    ]


@pytest.mark.promise(2, 6)
@pytest.mark.parametrize("rest", ["debited", "paid another way", "paid in part, then debited"])
def test_a_debit_in_parts_is_booked_part_by_part(desk, site, client, allowed, rest):
    row, order = started(client, site)
    charge(site, order)
    work()
    desk.sandbox.debit(row.number, 300)  # WeChat tells nobody of a part
    assert flow.money(site.driver) == (0, 0, 550)
    work(2)
    assert state_of(row) == "paying" and flow.money(site.driver) == (0, 0, 250)
    assert parts(row) == [("", "succeeded", 300), ("-2", "paying", 250)]
    there = desk.sandbox.book.scores[row.number]
    assert there.lowered is None, "what was taken is no reason to ask for less"
    if rest == "paid another way":
        give_money(site.driver, 250)
        work(2)
        assert there.elsewhere and parts(row)[1] == ("-2", "closed", 250)
    elif rest == "paid in part, then debited":
        give_money(site.driver, 100)
        work(2)
        assert there.total_fen == 450 and parts(row)[1] == ("-2", "paying", 150)
        desk.sandbox.misbehave(drop_callback=True)
        desk.sandbox.debit(row.number)
        results = flow.in_threads(3, lambda _n: work())
        assert not [one for one in results if isinstance(one, Exception)], results
        assert parts(row)[1] == ("-2", "succeeded", 150)
    else:
        desk.sandbox.debit(row.number)
        assert parts(row)[1] == ("-2", "succeeded", 250)
        second = score_debits.debits_of(row.number).order_by("pk")[1]
        assert payments.ask_channel(second).provider_no == second.provider_no == there.debit_no
    assert state_of(row) == "paid" and flow.money(site.driver) == (0, 0, 0)
    work(2)
    desk.sandbox.tell_score(there)
    taken = sum(fen for _number, fen, _at in there.debits)
    assert platform("channel_wechat") == -taken
    assert_books_balance()


def test_parts_that_do_not_add_up_wait_for_a_person(desk, site, client, allowed):
    row, order = started(client, site)
    charge(site, order)
    work()
    there = desk.sandbox.book.scores[row.number]
    desk.sandbox.misbehave(drop_callback=True)
    desk.sandbox.debit(row.number, 300)
    desk.sandbox.debit(row.number)
    there.debits.append(("4200000000000000000000000009", 100, there.debit_at))  # once too often
    work()
    assert state_of(row) == "paid" and flow.money(site.driver) == (0, 0, 550)
    assert [state for _n, state, _fen in parts(row)] == ["review"]
    assert_books_balance()


def test_a_record_that_comes_after_the_service_order_was_cancelled_is_paid_by_the_wallet(
    desk, site, client, allowed
):
    row, order = started(client, site)
    flow.answer(order, state="rejected", reason="not_plugged")
    work(2)
    assert state_of(row) == "revoked"
    order.refresh_from_db()
    assert (order.state, order.cover) == ("closed", "later"), "no service stands behind it any more"


def test_lowered_and_debited_in_the_same_moment(desk, site, client, allowed):
    """The debit of the lower amount is booked, also when the answer to the lowering was lost."""
    row, order = started(client, site)
    charge(site, order)
    work()
    give_money(site.driver, 150)
    real = pay_score().__class__.lower

    def lower(self, *args):
        real(self, *args)
        raise ProviderUnknown("lost")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pay_score().__class__, "lower", lower)
        work()
    assert state_of(row) == "paying" and row.last_error == "lost"
    desk.sandbox.debit(row.number)
    assert state_of(row) == "paid" and flow.money(site.driver) == (0, 0, 0)
    assert platform("channel_wechat") == -400
    assert_books_balance()


@pytest.mark.parametrize("why", ["taken", "refused by the pile", "late", "no permission there"])
def test_a_charge_that_does_not_begin_leaves_no_service_order(desk, site, client, allowed, why):
    if why == "no permission there":
        desk.sandbox.book.permissions[allowed].state = "UNAVAILABLE"
        answer = ask(client, site).json()
        assert (answer["state"], answer["refusal"] is not None) == ("refused", True)
        score_permissions.query_due(actor=JOB)  # the service's refusal made us ask
        assert client.get("pay-score").json()["permission"] == "closed"
        return
    if why == "late":
        desk.sandbox.misbehave(lose_answer=1)
        row = ScoreOrder.objects.get(number=ask(client, site).json()["number"])
        ScoreOrder.objects.update(created_at=timezone.now() - timedelta(minutes=6))
        work(2)
    elif why == "taken":
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(score_orders.orders, "why_not_startable", lambda **_given: None)
            Connector.objects.filter(pk=site.connector.pk).update(state="charging")
            answer = ask(client, site).json()
        assert answer["state"] == "cancelling" and "in use" in answer["refusal"]
        row = ScoreOrder.objects.get()
        work()
    else:
        row, order = started(client, site)
        flow.answer(order, state="rejected", reason="not_plugged")
        sweeps.sweep_orders(actor=JOB)
        work()
    assert state_of(row) == "revoked", row.last_error
    assert desk.sandbox.book.scores[row.number].state == "REVOKED"
    assert not Payment.objects.exists() and not Journal.objects.exists()


@pytest.mark.parametrize("how", ["EXPIRED", "REVOKED"])
def test_a_service_order_that_ends_before_the_charge_leaves_the_bill_to_the_driver(
    desk, site, client, allowed, how
):
    row, order = started(client, site)
    flow.answer(order)
    flow.begin(site, order)
    there = desk.sandbox.book.scores[row.number]
    there.state = how
    desk.sandbox.tell_score(there)
    assert state_of(row) == how.lower()
    give_money(site.driver, 200)
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "5.0000"}))
    assert flow.money(site.driver) == (0, 0, 350)
    work(2)
    assert not Payment.objects.exists()
    assert_books_balance()


@pytest.mark.feature("WAL-09")
@pytest.mark.parametrize("way", ["channel", "wallet"])
def test_an_unpaid_bill_blocks_the_next_start_until_it_is_paid(desk, site, client, allowed, way):
    row, order = started(client, site)
    charge(site, order)
    desk.sandbox.misbehave(score_outcome="wait")
    work()
    bill = client.get("bill").json()
    assert (bill["owed_fen"], bill["wallet_fen"]) == (550, 0)
    assert [(line["order_no"], line["owed_fen"]) for line in bill["lines"]] == [(order.order_no, 550)]
    assert ask(client, site).json()["code"] == "driver_in_arrears"
    assert (
        client.post("orders", {"connector_code": site.connector.code}).json()["code"] == "driver_in_arrears"
    )
    if way == "channel":
        answer = client.post("bill/pay", {"channel": "wechat"}, **{"Idempotency-Key": "k"})
        assert answer.status_code == 201 and answer.json()["payment"]["amount_fen"] == 550
        number = answer.json()["payment"]["out_trade_no"]
        again = client.post("bill/pay", {"channel": "wechat"}, **{"Idempotency-Key": "k"}).json()
        assert again["payment"]["out_trade_no"] == number
        desk.sandbox.pay(number)
    else:
        assert client.post("bill/pay", {"channel": "wallet"}).json()["code"] == "insufficient_balance"
        wallet, source = ledger.wallet_of(site.driver), ledger.account_of(Account.Kind.MANUAL_TOPUP)
        ledger.post(key="w", kind="correction", lines=[(source, -600), (wallet, 600)], actor=JOB)
        assert client.post("bill/pay", {"channel": "wallet"}).json()["paid_fen"] == 550
    assert client.get("bill").json() == {"owed_fen": 0, "wallet_fen": 0, "lines": []}
    assert client.post("bill/pay", {"channel": "wallet"}).json()["code"] == "bill_paid"
    work()
    assert state_of(row) == "paid"
    started(client, site)
    assert_books_balance()


def test_one_charge_at_a_time_and_one_per_key(desk, site, client, allowed):
    results = flow.in_threads(4, lambda n: ask(ApiClient(site.driver), site).json())
    assert sorted(one.get("code") or one["state"] for one in results) == ["driver_busy"] * 3 + ["started"]
    assert len(desk.sandbox.book.scores) == ChargingOrder.objects.count() == 1
    assert ask(client, site, limit_fen=20_001).json()["code"] == "amount_invalid"
    other = make_site(balance_fen=0)
    permitted = ApiClient(other.driver)
    desk.sandbox.allow(permitted.post("pay-score/permission").json()["apply_permissions_token"])
    body = {"connector_code": other.connector.code}
    results = flow.in_threads(
        4, lambda n: ApiClient(other.driver).post(START, body, **{"Idempotency-Key": "k"}).json()["number"]
    )
    assert len(set(results)) == 1 and len(desk.sandbox.book.scores) == 2
    answer = permitted.post(START, {**body, "seconds": 60}, **{"Idempotency-Key": "k"})
    assert answer.json()["code"] == "idempotency_conflict"


@pytest.mark.promise(7)
def test_kill_9_between_the_completion_and_its_answer(desk, site, client, allowed):
    """The process dies when WeChat has the bill and before it was written down; the next one asks and debits once."""
    row, order = started(client, site)
    charge(site, order)
    ScoreOrder.objects.update(next_at=timezone.now())
    script = """
        from billing.payments.wechat_score import WeChatPayScore
        from billing.services import score_orders
        from kernel.actor import system
        real = WeChatPayScore.complete
        def complete(self, end):
            real(self, end)
            hang("COMPLETED")
        WeChatPayScore.complete = complete
        score_orders.sweep(actor=system("victim"))
    """
    with Victim(script) as victim:
        assert victim.words(1) == ["COMPLETED"]
    assert state_of(row) == "completing"
    there = desk.sandbox.book.scores[row.number]
    assert there.total_fen == 550
    done = flow.in_threads(3, lambda n: work())
    assert not [result for result in done if isinstance(result, Exception)], done
    assert state_of(row) == "paying"
    desk.sandbox.debit(row.number)
    assert state_of(row) == "paid" and flow.money(site.driver) == (0, 0, 0)
    assert Journal.objects.filter(kind="score_debit").count() == 1
    assert_books_balance()


def test_no_service_is_called_inside_a_transaction(desk, site, client, allowed, monkeypatch):
    from billing.payments.wechat import WeChatProvider

    real, seen = WeChatProvider._call, []

    def watched(self, method, **kwargs):
        seen.append((method, connection.in_atomic_block))
        return real(self, method, **kwargs)

    monkeypatch.setattr(WeChatProvider, "_call", watched)
    row, order = started(client, site)
    charge(site, order)
    work(2)
    give_money(site.driver, 150)
    work()
    give_money(site.driver, 400)
    work()
    assert state_of(row) == "paid"
    assert {"payscore_create", "payscore_complete", "payscore_query", "payscore_modify", "payscore_sync"} == {
        method for method, _inside in seen
    }
    assert not any(inside for _method, inside in seen)


def test_the_sandbox_refuses_what_the_service_refuses(desk, site, client, allowed):
    service, openid = pay_score(), ScorePermission.objects.get().openid
    item = {"name": "计费规则", "description": "电费0.7元/度"}
    good = {"number": "S1", "openid": openid, "fund_fen": 2_000, "items": [item], "place": "站"}

    def refused(call, *args) -> str:
        with pytest.raises(ProviderRefused) as error:
            call(*args)
        return error.value.code

    for changes in (
        {"items": [{"name": "费用", "description": "x"}]},
        {"items": [{**item, "description": "长" * 31}]},
        {"items": [{**item, "amount": 1}]},
        {"fund_fen": 100_001},
        {"openid": "stranger"},
    ):
        assert refused(service.create, ScoreBegin(**{**good, **changes})) in (
            "PARAM_ERROR",
            "INVALID_REQUEST",
            "NO_AUTH",
        )
    assert service.create(ScoreBegin(**good)).state is ScoreState.DOING
    assert service.create(ScoreBegin(**good)).state is ScoreState.DOING
    assert refused(service.create, ScoreBegin(**{**good, "fund_fen": 1_000})) == "INVALID_REQUEST"
    now = timezone.now()
    end = {"number": "S1", "total_fen": 500, "items": [item, {"name": "费用明细", "description": "x"}]}
    times = {"began": now, "ended": now}
    assert refused(service.complete, ScoreEnd(**{**end, "items": [item]}, **times)) == "PARAM_ERROR"
    assert refused(service.complete, ScoreEnd(**{**end, "total_fen": 2_001}, **times)) == "INVALID_REQUEST"
    long_ago = {"began": now - timedelta(hours=1), "ended": now}
    assert refused(service.complete, ScoreEnd(**end, **long_ago)) == "PARAM_ERROR"
    assert service.complete(ScoreEnd(**end, **times)).state is ScoreState.PAYING
    assert service.complete(ScoreEnd(**end, **times)).total_fen == 500
    assert refused(service.complete, ScoreEnd(**{**end, "total_fen": 400}, **times)) == "INVALID_REQUEST"
    assert refused(service.lower, "S1", 600, end["items"], "x") == "PARAM_ERROR"
    assert service.lower("S1", 300, end["items"], "x").total_fen == 300
    assert refused(service.lower, "S1", 200, end["items"], "x") == "INVALID_REQUEST"
    desk.sandbox.wechat.score.debit("S1")
    assert refused(service.cancel, "S1", "x") == "INVALID_REQUEST"
    assert service.query("S1").debits[0].amount_fen == 300
    assert service.query("S2").state is ScoreState.ABSENT


@pytest.mark.feature("WAL-12")
def test_every_client_is_told_how_it_can_pay(desk, site, client):
    def told(name: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for one in client.get(f"payment-methods?client={name}").json():
            found.setdefault(one["channel"] or one["method"], []).append(one["way"] or one["method"])
        return found

    assert told("app") == {"wallet": ["wallet"], "wechat": ["pay_score", "app"], "alipay": ["app"]}
    assert told("mini_program") == {"wallet": ["wallet"], "wechat": ["pay_score", "jsapi"]}
    assert told("wechat") == {"wallet": ["wallet"], "wechat": ["pay_score", "jsapi"]}
    assert told("alipay") == {"wallet": ["wallet"], "alipay": ["wap"]}
    assert told("phone") == {"wallet": ["wallet"], "wechat": ["h5"], "alipay": ["wap"]}
    assert told("desktop") == {"wallet": ["wallet"], "wechat": ["native"], "alipay": ["page", "qr"]}
    ready = {one["method"]: one["ready"] for one in client.get("payment-methods?client=app").json()}
    assert ready == {"wallet": False, "pay_score": False, "channel": True}
    answer = client.get("payment-methods?client=fridge")
    assert answer.status_code == 400 and "mini_program" in answer.content.decode()
    # Each of them really opens a payment at its channel.
    for name in ("app", "mini_program", "alipay", "phone", "desktop"):
        for one in client.get(f"payment-methods?client={name}").json():
            if one["method"] == "channel":
                body = {"channel": one["channel"], "way": one["way"], "amount_fen": 100}
                body |= {"openid": "oPayer"} if one["needs_openid"] else {}
                assert client.post("payments", body).status_code == 201, one


def test_the_words_of_an_order_fit_whatever_the_price():
    assert score_texts.rule(Decimal("0.70000"), Decimal("0.40000")) == "电费0.7元/度,服务费0.4元/度"
    for price in ("0.00001", "123.45678", "999999.99999", "10"):
        for service in ("0", "0.12345", "99999.99999"):
            assert 1 <= len(score_texts.rule(Decimal(price), Decimal(service))) <= score_texts.LONGEST
    texts = {"began": None, "ended": None, "rule_text": "x"}
    for electricity in (0, 5, 99_999_999):
        for other in (-12_345, 0, 7, 99_999_999):
            items = score_texts.at_completion(
                "car", electricity_fen=electricity, service_fen=200, other_fen=other, **texts
            )
            assert [one["name"] for one in items] == ["计费规则", "费用明细"]
            assert all(1 <= len(one["description"]) <= score_texts.LONGEST for one in items)
    now = timezone.now()
    items = score_texts.at_completion(
        "two_wheeler", "1元/小时", electricity_fen=0, service_fen=100, other_fen=0,
        began=now - timedelta(minutes=85), ended=now,
    )  # fmt: skip
    assert items == [
        {"name": "收费标准", "description": "1元/小时"},
        {"name": "使用时长", "description": "1小时25分钟"},
    ]
