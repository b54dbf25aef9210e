"""Who gets what from every endpoint: one table, and a test that fails when an endpoint is not in it."""

import re
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.urls import URLPattern, get_resolver
from django.utils import timezone

from billing.models import Booking, ChargingOrder, Invoice, PaidStart, Payment, Refund, ScoreOrder
from billing.services import orders
from kernel.actor import system
from tests.api_client import ApiClient
from tests.factories import CardFactory, Site, VehicleFactory, make_driver, make_site
from users.models import DriverIdentity
from users.services.drivers import set_frozen

pytestmark = pytest.mark.django_db

# (method, address): status for nobody, another driver, the same driver frozen, the owner.
# 400 and 409 mean that the caller was let in and the rule behind refused.
TABLE = {
    ("POST", "driver/login/code"): (400, 400, 400, 400),
    ("POST", "driver/login/verify"): (400, 400, 400, 400),
    ("GET", "driver/login/providers"): (200, 200, 200, 200),
    ("POST", "driver/login/app"): (400, 400, 400, 400),
    ("POST", "driver/login/bind"): (400, 400, 400, 400),
    ("GET", "driver/settings"): (401, 200, 200, 200),
    ("PATCH", "driver/settings"): (401, 200, 200, 200),
    ("GET", "driver/notices"): (401, 200, 200, 200),
    ("POST", "driver/notices/read"): (401, 400, 400, 400),
    ("GET", "driver/identities"): (401, 200, 200, 200),
    ("POST", "driver/identities"): (401, 400, 400, 400),
    ("DELETE", "driver/identities/<str:provider>"): (401, 404, 204, 204),
    ("POST", "driver/logout"): (401, 204, 204, 204),
    ("GET", "driver/me"): (401, 200, 200, 200),
    ("PATCH", "driver/me"): (401, 400, 400, 400),
    ("POST", "driver/me/cancel"): (401, 400, 400, 400),
    ("GET", "driver/vehicles"): (401, 200, 200, 200),
    ("POST", "driver/vehicles"): (401, 400, 400, 400),
    ("PATCH", "driver/vehicles/<int:vehicle_id>"): (401, 404, 200, 200),
    ("DELETE", "driver/vehicles/<int:vehicle_id>"): (401, 404, 204, 204),
    ("POST", "driver/vehicles/<int:vehicle_id>/default"): (401, 404, 200, 200),
    # The photo comes as a form, never as JSON.
    ("POST", "driver/vehicles/<int:vehicle_id>/verification"): (401, 404, 415, 415),
    ("GET", "driver/bookings"): (401, 200, 200, 200),
    ("POST", "driver/bookings"): (401, 400, 400, 400),
    ("GET", "driver/bookings/<str:booking_no>"): (401, 404, 200, 200),
    ("POST", "driver/bookings/<str:booking_no>/cancel"): (401, 404, 200, 200),
    ("GET", "driver/cards"): (401, 200, 200, 200),
    ("POST", "driver/cards"): (401, 400, 400, 400),
    ("GET", "driver/cards/<str:card_no>"): (401, 404, 200, 200),
    ("DELETE", "driver/cards/<str:card_no>"): (401, 404, 204, 204),
    ("POST", "driver/cards/<str:card_no>/lost"): (401, 404, 200, 200),
    ("PUT", "driver/cards/<str:card_no>/password"): (401, 400, 400, 400),
    ("GET", "driver/enterprises"): (401, 200, 200, 200),
    ("GET", "driver/stations"): (401, 200, 200, 200),
    ("GET", "driver/stations/<str:code>"): (401, 200, 200, 200),
    ("GET", "driver/stations/recommended"): (401, 400, 400, 400),
    ("GET", "driver/favourites"): (401, 200, 200, 200),
    ("PUT", "driver/favourites/<str:code>"): (401, 204, 204, 204),
    ("DELETE", "driver/favourites/<str:code>"): (401, 204, 204, 204),
    ("GET", "driver/connectors/<str:code>"): (401, 200, 200, 200),
    ("GET", "driver/estimate"): (401, 400, 400, 400),
    ("GET", "driver/orders"): (401, 200, 200, 200),
    ("POST", "driver/orders"): (401, 409, 403, 409),
    ("GET", "driver/orders/<str:order_no>"): (401, 404, 200, 200),
    ("POST", "driver/orders/<str:order_no>/stop"): (401, 404, 202, 202),
    ("POST", "driver/orders/<str:order_no>/extend"): (401, 404, 403, 409),
    ("POST", "driver/pay-and-start"): (401, 400, 400, 400),
    ("GET", "driver/pay-and-start/<str:out_trade_no>"): (401, 404, 200, 200),
    ("GET", "driver/wallet"): (401, 200, 200, 200),
    ("GET", "driver/wallet/entries"): (401, 200, 200, 200),
    ("GET", "driver/payment-channels"): (401, 200, 200, 200),
    ("GET", "driver/payment-methods"): (401, 400, 400, 400),
    ("GET", "driver/bill"): (401, 200, 200, 200),
    ("POST", "driver/bill/pay"): (401, 400, 400, 400),
    ("GET", "driver/pay-score"): (401, 200, 200, 200),
    ("POST", "driver/pay-score/permission"): (401, 409, 409, 409),
    ("POST", "driver/pay-score/withdraw"): (401, 409, 409, 409),
    ("POST", "driver/score-starts"): (401, 400, 400, 400),
    ("GET", "driver/score-starts/<str:number>"): (401, 404, 200, 200),
    ("GET", "driver/payments"): (401, 200, 200, 200),
    ("POST", "driver/payments"): (401, 400, 400, 400),
    ("GET", "driver/payments/<str:out_trade_no>"): (401, 404, 200, 200),
    ("GET", "driver/refunds"): (401, 200, 200, 200),
    ("POST", "driver/refunds"): (401, 400, 400, 400),
    ("GET", "driver/refunds/possible"): (401, 200, 200, 200),
    ("GET", "driver/refunds/<str:refund_no>"): (401, 404, 200, 200),
    ("POST", "driver/refunds/<str:refund_no>/withdraw"): (401, 404, 409, 409),
    ("GET", "driver/invoices"): (401, 200, 200, 200),
    ("POST", "driver/invoices"): (401, 400, 400, 400),
    ("GET", "driver/invoices/orders"): (401, 200, 200, 200),
    ("GET", "driver/invoices/<str:number>"): (401, 404, 200, 200),
    ("POST", "driver/invoices/<str:number>/withdraw"): (401, 404, 200, 200),
    ("GET", "driver/coupon-centre"): (401, 200, 200, 200),
    ("POST", "driver/coupon-centre/<int:campaign_id>/claim"): (401, 404, 403, 404),
    ("GET", "driver/memberships"): (401, 200, 200, 200),
    ("GET", "driver/recharge-offers"): (401, 200, 200, 200),
    ("GET", "driver/coupons"): (401, 200, 200, 200),
    # A notice's credential is its signature; without a channel that is on there is nothing to tell.
    ("POST", "payments/wechat/notify"): (404, 404, 404, 404),
    ("POST", "payments/alipay/notify"): (404, 404, 404, 404),
}
CALLERS = ("nobody", "another driver", "frozen driver", "owner")


def endpoints() -> set[tuple[str, str]]:
    """(method, address) of every view under /api/v1/."""
    found = set()
    for outer in get_resolver().url_patterns:
        if not str(outer.pattern).startswith("api/v1/"):
            continue
        for pattern in outer.url_patterns:
            assert isinstance(pattern, URLPattern), "nested includes are not walked"
            view = pattern.callback.view_class
            found |= {
                (method.upper(), str(pattern.pattern))
                for method in ("get", "post", "put", "patch", "delete")
                if hasattr(view, method)
            }
    return found


@pytest.mark.promise(9)
@pytest.mark.feature("PLT-37")
def test_every_endpoint_is_in_the_table():
    assert endpoints() == set(TABLE)


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker):
    """A driver with one row of everything: the running order, and what fills the gaps of the addresses."""
    with django_db_blocker.unblock(), transaction.atomic():
        world = _world()
        connection.check_constraints()  # now, not again after every test
        yield world
        transaction.set_rollback(True)


def _world() -> tuple[Site, Site, ChargingOrder, dict[str, str]]:
    """(the driver's site, a free one, the running order, what stands for each gap)."""
    site = make_site()
    free = make_site(operator=site.operator)
    order = orders.start_order(
        actor=site.driver_actor, connector_code=site.connector.code, driver=site.driver
    )
    now = timezone.now()
    payment = Payment.objects.create(
        out_trade_no="P1", channel="wechat", way="native", driver=site.driver, amount_fen=100, created_at=now,
        expires_at=now,
    )  # fmt: skip
    refund = Refund.objects.create(
        refund_no="R1",
        driver=site.driver,
        amount_fen=100,
        requested_at=now,
        requested_by_key="x",
        state="failed",
    )
    PaidStart.objects.create(
        payment=payment, driver=site.driver, connector=free.connector, operator=site.operator,
        station=free.station, pile=free.pile, created_at=now,
    )  # fmt: skip
    score = ScoreOrder.objects.create(
        number="S1", driver=site.driver, connector=free.connector, operator=site.operator, station=free.station,
        pile=free.pile, openid="o", fund_fen=100, rule="x", created_at=now,
    )  # fmt: skip
    invoice = Invoice.objects.create(
        number="F1", operator=site.operator, driver=site.driver, buyer_kind="individual", buyer_name="X", gross_fen=113,
        net_fen=100, tax_fen=13, requested_at=now, requested_by_key="x",
    )  # fmt: skip
    vehicle = VehicleFactory(driver=site.driver)
    card = CardFactory(operator=site.operator, driver=site.driver)
    booking = Booking.objects.create(
        booking_no="B1", driver=site.driver, connector=site.connectors[1], operator=site.operator,
        station=site.station, pile=site.pile, state="active", created_at=now, expires_at=now + timedelta(hours=1),
    )  # fmt: skip
    DriverIdentity.objects.create(
        driver=site.driver, provider="wechat", app_id="wx1", subject="o1", created_at=now, last_login_at=now
    )
    gaps = {
        "<str:provider>": "wechat",
        "score-starts/<str:number>": f"score-starts/{score.number}",
        "<str:number>": invoice.number,
        "<str:order_no>": order.order_no,
        "<str:out_trade_no>": payment.out_trade_no,
        "<str:refund_no>": refund.refund_no,
        "stations/<str:code>": f"stations/{site.station.code}",
        "favourites/<str:code>": f"favourites/{site.station.code}",
        "<str:code>": site.connector.code,
        "<int:campaign_id>": "987654",
        "<int:vehicle_id>": str(vehicle.pk),
        "<str:card_no>": card.logical_no,
        "<str:booking_no>": booking.booking_no,
    }
    return site, free, order, gaps


@pytest.mark.feature("SEC-06")
@pytest.mark.promise(9)
@pytest.mark.feature("PLT-37")
@pytest.mark.parametrize(("method", "address"), sorted(TABLE))
def test_every_caller_gets_what_the_table_says(world, method, address):
    site, free, order, gaps = world
    path = address
    for gap, value in gaps.items():
        path = path.replace(gap, value)
    for caller in CALLERS:
        with transaction.atomic():  # each meets the same world
            match caller:
                case "nobody":
                    client = ApiClient()
                case "another driver":
                    client = ApiClient(make_driver())
                case _:
                    client = ApiClient(site.driver)
            if caller == "frozen driver":
                set_frozen(actor=system("tests"), driver=site.driver, frozen=True, reason="tests")
            # Another driver meets a busy connector, the owner meets their own running order.
            code = site.connector.code if caller == "another driver" else free.connector.code
            body = {"connector_code": code} if address == "driver/orders" and method == "POST" else None
            before = (order.state, order.version)
            response = client.call(method, f"/api/v1/{path}", body)
            expected = TABLE[method, address][CALLERS.index(caller)]
            assert response.status_code == expected, (caller, response.content)
            if expected >= 400 and not address.startswith("payments/"):
                assert response["Content-Type"].startswith("application/problem+json")
                order.refresh_from_db()
                assert (order.state, order.version) == before
            assert Payment.objects.count() == Refund.objects.count() == 1
            transaction.set_rollback(True)


@pytest.mark.parametrize(("method", "address"), sorted(TABLE))
def test_unlisted_methods_are_refused(method, address):
    listed = {verb for verb, where in TABLE if where == address}
    client = ApiClient(make_driver(balance_fen=0))
    for verb in {"PUT", "PATCH", "DELETE"} - listed:
        path = re.sub(r"<\w+:\w+>", "1", address)
        assert client.call(verb, f"/api/v1/{path}").status_code == 405
