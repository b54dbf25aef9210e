"""A charge from the sticker to the bill, scanned or typed; a guessed code gets nowhere; wallet and orders agree."""

from datetime import timedelta

import pytest

from billing.models import Account, ChargingOrder
from billing.services import ledger
from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests.api_client import ApiClient
from tests.billing import flow
from tests.factories import give_money, make_driver, make_site, staff_actor
from users.services import drivers

pytestmark = pytest.mark.django_db


@pytest.mark.feature("STA-01", "STA-03")
@pytest.mark.parametrize("how", ["scanned", "typed"])
def test_from_the_sticker_to_charging(how, settings):
    """The QR code holds nothing but the code that is printed below it: both lead to the same charge."""
    site = make_site()
    client = ApiClient(site.driver)
    code = site.connector.code
    if how == "scanned":
        settings.QR_BASE = "http://testserver/q/"
        page = client.get(f"/q/{code}")
        assert page.status_code in (200, 302) and code in (page.content.decode() or page["Location"])
    seen = client.get(f"connectors/{code}").json()
    assert seen["can_start"] and seen["tariff"]["now"]["unit_price"]
    answer = client.post("orders", {"connector_code": code})
    assert (answer.status_code, answer.json()["state"]) == (201, "starting")
    order = ChargingOrder.objects.get()
    assert flow.money(site.driver) == (10_000, 10_000, 0)
    flow.answer(order)
    flow.begin(site, order)
    flow.shift_into_past(order, timedelta(minutes=10))
    flow.sample(site, order, "1.5000", soc=40)
    shown = client.get(f"orders/{order.order_no}").json()
    assert (shown["state"], shown["energy_kwh"], shown["soc_pct"]) == ("charging", "1.5000", 40)
    assert shown["total_fen"] > 0 and shown["connector_code"] == code


@pytest.mark.feature("STA-03")
def test_a_wrong_code_says_so_and_many_of_them_have_to_wait():
    site = make_site()
    client, neighbour = ApiClient(site.driver), ApiClient(make_driver())
    for number in range(10):
        method, path, body = (
            ("GET", f"connectors/nobody{number}", None),
            ("POST", "orders", {"connector_code": f"nobody{number}"}),
        )[number % 2]
        answer = client.call(method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (404, "connector_unknown")
        assert f"nobody{number}" in answer.json()["detail"]
    # The right one is no different now: else one could go on guessing.
    for answer in (
        client.get(f"connectors/{site.connector.code}"),
        client.post("orders", {"connector_code": site.connector.code}),
        client.post("pay-and-start", {"connector_code": "x", "channel": "wechat", "amount_fen": 1_000}),
    ):
        assert answer.status_code == 429 and int(answer["Retry-After"]) > 0
    assert not ChargingOrder.objects.exists()
    assert neighbour.get(f"connectors/{site.connector.code}").status_code == 200


@pytest.mark.feature("ORD-10")
@pytest.mark.promise(6)
def test_what_the_wallet_says_and_what_the_orders_say_is_the_same():
    site = make_site(balance_fen=0)
    give_money(site.driver, 1_500)
    client = ApiClient(site.driver)
    for kwh in ("5", "10"):  # 550, then 1100 of which 150 stay owed
        order = flow.charging(site)
        flow.shift_into_past(order, timedelta(hours=1))
        flow.send_record(site, flow.reported(site, order, {"flat": kwh}))
    give_money(site.driver, 1_000)
    entries, cursor = [], ""
    while True:
        page = client.get(f"wallet/entries?limit=3{cursor}").json()
        entries += page["results"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    orders = client.get("orders").json()["results"]
    charged = {
        one["order_no"]: -sum(e["amount_fen"] for e in entries if e["order_no"] == one["order_no"])
        for one in orders
    }
    assert charged == {one["order_no"]: one["total_fen"] for one in orders}
    assert sorted(charged.values()) == [550, 1_100]
    wallet = client.get("wallet").json()
    assert sum(e["amount_fen"] for e in entries) == wallet["balance_fen"] - wallet["arrears_fen"] == 850
    newest = next(e for e in entries if e["account"] == "wallet")
    assert newest["balance_after_fen"] == wallet["balance_fen"]
    assert {client.get(f"orders/{no}").json()["payment_state"] for no in charged} == {"paid"}
    assert ApiClient(make_driver()).get("wallet/entries").json()["results"][0]["order_no"] is None
    flow.assert_books_balance()


@pytest.mark.feature("WAL-10")
def test_staff_recharge_refund_freeze_and_close_an_account_with_audit():
    site = make_site(balance_fen=0)
    driver = site.driver
    staff = staff_actor("billing.top_up", "users.change_driver", "users.cancel_driver")
    ledger.top_up(actor=staff, driver=driver, amount_fen=300, reason="cash", idempotency_key="1")
    drivers.set_frozen(actor=staff, driver=driver, frozen=True, reason="lost phone")
    assert ApiClient(driver).post("orders", {"connector_code": site.connector.code}).status_code == 403
    drivers.set_frozen(actor=staff, driver=driver, frozen=False, reason="found")
    with pytest.raises(DomainError) as refused:
        drivers.cancel_driver(actor=staff, driver=driver, reason="leaves")
    assert refused.value.code == "driver_has_money"
    wallet = ledger.wallet_of(driver)
    ledger.post(
        key="cash back", kind="correction", actor=system("tests"),
        lines=[(wallet, -300), (ledger.account_of(Account.Kind.MANUAL_TOPUP), 300)],
    )  # fmt: skip
    drivers.cancel_driver(actor=staff, driver=driver, reason="leaves")
    done = AuditEvent.objects.filter(actor_id=staff.id).values_list("action", "reason")
    assert len(done) == 4 and all(reason for _action, reason in done), list(done)
    flow.assert_books_balance()
