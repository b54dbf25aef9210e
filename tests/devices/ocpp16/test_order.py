"""A driver's order on an OCPP pile, from the start command to the bill, over the wire."""

from decimal import Decimal

import pytest
from django.contrib.auth.hashers import make_password

from billing.models import ChargingOrder
from billing.services import orders
from stations.models import Pile
from tests.devices.ocpp16.station import PASSWORD, Station, at, register
from tests.factories import make_site


@pytest.fixture
def site(transactional_db):
    site = make_site(protocol=Pile.Protocol.OCPP16, online=False)
    Pile.objects.filter(pk=site.pile.pk).update(password=make_password(PASSWORD))
    return site


@pytest.fixture
def plugged(live_gateway, site):
    station = Station(live_gateway, site.pile.code)
    station.boot()
    station.status("Preparing")
    yield station
    station.close()


def begin(station: Station, site) -> ChargingOrder:
    return orders.start_order(actor=site.driver_actor, connector_code=site.connector.code, driver=site.driver)


@pytest.mark.feature("PIL-30")
@pytest.mark.message(
    "ocpp16",
    "RemoteStartTransaction",
    "Authorize",
    "StartTransaction",
    "StatusNotification",
    "MeterValues",
    "RemoteStopTransaction",
    "StopTransaction",
)
def test_an_order_from_start_to_bill(plugged, site, eventually):
    order = begin(plugged, site)
    message_id, action, payload = plugged.expect_call()
    assert action == "RemoteStartTransaction"
    plugged.answer(message_id, {"status": "Accepted"})
    assert plugged.call("Authorize", {"idTag": payload["idTag"]}) == {"idTagInfo": {"status": "Accepted"}}
    answer = plugged.call(
        "StartTransaction",
        {"connectorId": 1, "idTag": payload["idTag"], "meterStart": 500_000, "timestamp": at()},
    )
    assert answer["idTagInfo"] == {"status": "Accepted"}
    number = answer["transactionId"]
    plugged.status("Charging")
    order.refresh_from_db()
    assert (order.state, order.transaction_ref) == ("charging", str(number))

    plugged.meter(number, register("500050"), when=at())
    order.refresh_from_db()
    assert order.energy_kwh == Decimal("0.05")

    orders.stop_order(actor=site.driver_actor, order_no=order.order_no)
    message_id, action, payload = plugged.expect_call()
    assert (action, payload) == ("RemoteStopTransaction", {"transactionId": number})
    plugged.answer(message_id, {"status": "Accepted"})
    stop = {"transactionId": number, "meterStop": 500_060, "timestamp": at(), "reason": "Remote"}
    for _ in range(3):
        assert plugged.call("StopTransaction", stop) == {}
    order.refresh_from_db()
    assert (order.state, order.energy_kwh) == ("settled", Decimal("0.06"))
    assert order.total_fen > 0


def test_a_refused_start_closes_the_order(plugged, site, eventually):
    order = begin(plugged, site)
    message_id, _action, _payload = plugged.expect_call()
    plugged.answer(message_id, {"status": "Rejected"})
    eventually(lambda: ChargingOrder.objects.get(pk=order.pk).state == "closed")


@pytest.mark.promise(4)
def test_lesson_2_an_implausible_record_waits_for_a_person(plugged, site):
    order = begin(plugged, site)
    message_id, _action, payload = plugged.expect_call()
    plugged.answer(message_id, {"status": "Accepted"})
    number = plugged.start(0, tag=payload["idTag"])
    plugged.meter(number, register("910083"))
    plugged.call("StopTransaction", {"transactionId": number, "meterStop": 910_166, "timestamp": at()})
    order.refresh_from_db()
    assert (order.state, order.energy_kwh) == ("review", Decimal("0"))
