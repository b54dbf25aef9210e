"""Bookings: a connector kept for one driver, and every way it ends."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.models import Booking, ChargingOrder, OrderFee
from billing.pricing.components import ReservationFee
from billing.services import bookings, ledger
from billing.services.places import holder_of
from devices.models import DeviceCommand
from devices.models import Reservation as PileReservation
from devices.services import commands, reservations
from kernel.actor import system
from kernel.errors import DomainError
from stations.models import Connector
from tests import factories as f
from tests.api_client import ApiClient
from tests.billing import flow
from users.actors import of_driver

pytestmark = pytest.mark.django_db
SYSTEM = system("tests")
RULE = ReservationFee(fen=100, block_s=900, free_s=900, no_show_fen=500, cap_fen=1_000)


def place(protocol="ykc", *, rule=RULE):
    site = f.make_site(protocol=protocol)
    Connector.objects.filter(pile=site.pile).update(state="idle")
    if rule is not None:
        flow.publish(site, components=[rule])
    return site


@pytest.fixture
def site():
    return place()


def code_of(answer):
    return answer.status_code, answer.json().get("code")


def ago(booking_no, minutes):
    """Let a booking have been made so long ago."""
    row = Booking.objects.get(booking_no=booking_no)
    shift = timedelta(minutes=minutes)
    Booking.objects.filter(pk=row.pk).update(
        created_at=row.created_at - shift, expires_at=row.expires_at - shift
    )


@pytest.mark.feature("STA-12", "ORD-15")
@pytest.mark.promise(9, 11)
def test_a_booked_connector_is_its_holders_and_the_time_is_paid(site):
    app, rival = ApiClient(site.driver), ApiClient(f.make_driver())
    code = site.connector.code
    assert app.post("bookings", {"connector_code": code, "minutes": 4}).status_code == 400
    assert code_of(app.post("bookings", {"connector_code": "nowhere", "minutes": 30}))[0] == 404
    poor = ApiClient(f.make_driver(balance_fen=999))
    assert code_of(poor.post("bookings", {"connector_code": code, "minutes": 30})) == (
        402,
        "insufficient_balance",
    )
    made = app.post("bookings", {"connector_code": code, "minutes": 60})
    assert (made.status_code, made.json()["state"]) == (201, "active"), made.content
    number = made.json()["booking_no"]
    # Nobody else books or starts there, and the app says why; the holder may have one booking.
    assert code_of(rival.post("bookings", {"connector_code": code, "minutes": 30})) == (
        409,
        "connector_reserved",
    )
    assert code_of(rival.post("orders", {"connector_code": code})) == (409, "connector_reserved")
    assert rival.get(f"connectors/{code}").json()["why_not"]["code"] == "connector_reserved"
    assert app.get(f"connectors/{code}").json()["can_start"]
    assert code_of(rival.get(f"bookings/{number}")) == (404, "booking_unknown")
    assert code_of(rival.post(f"bookings/{number}/cancel")) == (404, "booking_unknown")
    other = site.connectors[1].code
    assert code_of(app.post("bookings", {"connector_code": other, "minutes": 30})) == (409, "booking_exists")
    ago(number, 40)  # 15 minutes are free, 25 are two started quarters
    assert app.post("orders", {"connector_code": code}).status_code == 201
    order = ChargingOrder.objects.get()
    booking = app.get(f"bookings/{number}").json()
    assert (booking["state"], booking["amount_fen"], booking["order_no"]) == ("used", 200, order.order_no)
    fee = OrderFee.objects.get(order=order)
    assert (fee.kind, fee.state, fee.amount_fen) == ("reservation", "settled", 200)
    # The fee left the wallet before the rest was held.
    assert flow.money(site.driver)[0] == 9_800
    assert order.stop_at_fen == order.hold.amount_fen == 9_800
    assert code_of(app.post(f"bookings/{number}/cancel")) == (409, "booking_over")
    flow.assert_books_balance()


@pytest.mark.feature("STA-12", "ORD-15")
def test_cancelling_costs_the_time_staying_away_costs_more_and_frees_it(site, client):
    driver = of_driver(site.driver)

    def book(minutes=60):
        return bookings.book(
            actor=driver, driver=site.driver, connector_code=site.connector.code, minutes=minutes
        )

    first = book()
    ago(first.booking_no, 20)
    assert bookings.cancel(actor=driver, booking_no=first.booking_no).amount_fen == 100
    assert flow.money(site.driver)[0] == 9_900
    second = book(30)
    assert bookings.expire_due(actor=SYSTEM) == 0
    ago(second.booking_no, 31)
    assert holder_of(site.connector) is None  # over is over, swept or not
    assert bookings.expire_due(actor=SYSTEM) == 1 and bookings.expire_due(actor=SYSTEM) == 0
    second.refresh_from_db()
    assert (second.state, second.amount_fen) == ("expired", 600)
    assert flow.money(site.driver)[0] == 9_300
    # Staff free it with a reason, and nobody pays.
    third = book()
    ago(third.booking_no, 50)
    client.force_login(f.make_staff("billing.view_booking", operator=site.operator))
    address = reverse("admin:billing_booking_cancel", args=[third.pk])
    assert client.post(address, {"reason": "car park closed"}).status_code == 403
    client.force_login(f.make_staff("billing.view_booking", "billing.cancel_booking", operator=site.operator))
    assert client.post(address, {"reason": "car park closed"}).status_code == 302
    third.refresh_from_db()
    assert (third.state, third.amount_fen, flow.money(site.driver)[0]) == ("cancelled", 0, 9_300)
    flow.assert_books_balance()


@pytest.mark.feature("STA-12")
def test_a_pile_that_keeps_reservations_is_told_and_may_refuse():
    site = place("ocpp16")
    driver = of_driver(site.driver)

    def book():
        return bookings.book(actor=driver, driver=site.driver, connector_code=site.connector.code, minutes=30)

    def answer(kind, state):
        command = DeviceCommand.objects.filter(kind=kind).order_by("pk").last()
        commands.complete_command(
            command_id=command.pk, state=state, reason="" if state == "accepted" else "x"
        )

    refused = book()
    assert refused.state == "asked"
    answer("reserve", "rejected")
    refused.refresh_from_db()
    assert (refused.state, refused.amount_fen) == ("refused", 0)
    kept = book()
    answer("reserve", "accepted")
    kept.refresh_from_db()
    assert kept.state == "active"
    told = DeviceCommand.objects.filter(kind="reserve").order_by("pk").last()
    assert told.params["id_tag"] == kept.booking_no
    # The pile shows «reserved»; its holder starts under the booking's tag, others do not start.
    Connector.objects.filter(pk=site.connector.pk).update(state="reserved")
    with pytest.raises(DomainError) as refusal:
        flow.start(site, driver=f.make_driver())
    assert refusal.value.code == "connector_reserved"
    order = flow.start(site)
    assert order.id_tag == kept.booking_no
    kept.refresh_from_db()
    assert (kept.state, kept.order) == ("used", order)
    flow.begin(site, order)
    assert PileReservation.objects.order_by("pk").last().state in ("used", "active")
    ChargingOrder.objects.update(state="closed")
    ledger.release_hold(order=order)
    reservations.expire_due()
    Connector.objects.filter(pk=site.connector.pk).update(state="idle")
    PileReservation.objects.filter(state="active").update(state="used", ended_at=timezone.now())
    # Cancelling takes it from the pile as well.
    third = book()
    answer("reserve", "accepted")
    bookings.cancel(actor=driver, booking_no=third.booking_no)
    assert DeviceCommand.objects.filter(kind="cancel_reservation").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(6)
def test_of_many_who_book_one_connector_one_gets_it():
    site = place(rule=None)
    drivers = [f.make_driver() for _ in range(8)]

    def book(n):
        return bookings.book(
            actor=of_driver(drivers[n]), driver=drivers[n], connector_code=site.connector.code, minutes=30
        )

    results = flow.in_threads(8, book)
    assert sum(isinstance(one, Booking) for one in results) == 1
    assert {one.code for one in results if isinstance(one, DomainError)} == {"connector_reserved"}
