"""A driver's order on a pile of OCPP 2.0.1, from the start command to the bill, over the wire."""

from decimal import Decimal

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from billing.models import Account, ChargingOrder
from billing.services import orders, shown_costs
from devices.models import DeviceCommand, DeviceVariable
from kernel.actor import system
from stations.models import Pile
from tests.devices.ocpp16.station import PASSWORD, at
from tests.devices.ocpp201.station import Station201, sampled
from tests.factories import make_site

JOB = system("tests")


@pytest.fixture
def site(transactional_db):
    site = make_site(protocol=Pile.Protocol.OCPP201, online=False)
    Pile.objects.filter(pk=site.pile.pk).update(password=make_password(PASSWORD))
    return site


@pytest.fixture
def plugged(live_gateway, site):
    station = Station201(live_gateway, site.pile.code)
    station.boot()
    station.status("Occupied")
    yield station
    station.close()


def begin(station: Station201, site) -> tuple[ChargingOrder, dict]:
    """Ask for a start until the station has accepted it; returns the order and the call."""
    order = orders.start_order(
        actor=site.driver_actor, connector_code=site.connector.code, driver=site.driver
    )
    message_id, action, payload = station.expect_call()
    assert action == "RequestStartTransaction"
    station.answer(message_id, {"status": "Accepted"})
    return order, payload


def fresh(order: ChargingOrder) -> ChargingOrder:
    return ChargingOrder.objects.get(pk=order.pk)


@pytest.mark.message(
    "ocpp201",
    "RequestStartTransaction",
    "Authorize",
    "TransactionEvent",
    "RequestStopTransaction",
    "CostUpdated",
)
@pytest.mark.promise(2)
@pytest.mark.promise(6)
def test_an_order_from_start_to_bill(plugged, site, eventually):
    order, asked = begin(plugged, site)
    tag = asked["idToken"]["idToken"]
    assert asked["idToken"]["type"] == "Central"
    assert plugged.call("Authorize", {"idToken": asked["idToken"]}) == {"idTokenInfo": {"status": "Accepted"}}
    answer = plugged.transaction(
        "Started", "UUID-1", sampled(500_000, context="Transaction.Begin"), tag=tag,
        remote=asked["remoteStartId"], trigger="RemoteStart", charging="Charging",
    )  # fmt: skip
    assert answer == {"idTokenInfo": {"status": "Accepted"}}
    assert (fresh(order).state, fresh(order).transaction_ref) == ("charging", "UUID-1")
    plugged.meter("UUID-1", sampled(500_050))
    assert fresh(order).energy_kwh == Decimal("0.05")
    # A station that shows costs is told what it comes to, once a minute; another is not.
    assert shown_costs.show_due(actor=JOB) == 0
    DeviceVariable.objects.create(
        path="TariffCostCtrlr.Enabled[Cost]", value="true", reported_at=timezone.now(), operator=site.operator,
        station=site.station, pile=site.pile,
    )  # fmt: skip
    assert [shown_costs.show_due(actor=JOB) for _ in range(2)] == [1, 0]
    message_id, action, payload = plugged.expect_call()
    running_fen = fresh(order).total_fen
    assert (action, payload) == ("CostUpdated", {"totalCost": running_fen / 100, "transactionId": "UUID-1"})
    plugged.answer(message_id, {})

    orders.stop_order(actor=site.driver_actor, order_no=order.order_no)
    message_id, action, payload = plugged.expect_call()
    assert (action, payload) == ("RequestStopTransaction", {"transactionId": "UUID-1"})
    plugged.answer(message_id, {"status": "Accepted"})
    end = plugged.event(
        "Ended", "UUID-1", sampled(500_060, context="Transaction.End"), reason="Remote", trigger="RemoteStop"
    )
    for _ in range(3):
        assert plugged.call("TransactionEvent", end) == {}
    settled = fresh(order)
    assert (settled.state, settled.energy_kwh) == ("settled", Decimal("0.06"))
    assert settled.total_fen > running_fen > 0
    eventually(
        lambda: [shown_costs.show_due(actor=JOB), DeviceCommand.objects.filter(params__final=True).exists()][
            1
        ]
    )
    message_id, action, payload = plugged.expect_call()
    assert (action, payload["totalCost"]) == ("CostUpdated", settled.total_fen / 100)
    plugged.answer(message_id, {})
    wallet = Account.objects.get(driver=site.driver, kind="wallet")
    assert (wallet.balance_fen, wallet.held_fen) == (10_000 - settled.total_fen, 0)


def test_the_cable_may_be_in_long_before_the_order(plugged, site):
    """TxStartPoint EVConnected: the transaction is older than its owner, who pays from when they asked."""
    plugged.start(500_000, name="EARLY", when=at(-3600), charging="EVConnected", tag=None)
    order, asked = begin(plugged, site)
    assert fresh(order).state == "starting"
    plugged.meter(
        "EARLY", sampled(500_000), remote=asked["remoteStartId"], trigger="RemoteStart",
        tag=asked["idToken"]["idToken"], charging="Charging",
    )  # fmt: skip
    assert (fresh(order).state, fresh(order).transaction_ref) == ("charging", "EARLY")
    plugged.end("EARLY", 500_060)
    settled = fresh(order)
    assert (settled.state, settled.energy_kwh) == ("settled", Decimal("0.06")), settled.review_reasons
    assert settled.started_at >= order.created_at


def test_the_number_of_the_start_command_is_enough(plugged, site):
    """Some stations name no identity, only the remote start that they answer."""
    order, asked = begin(plugged, site)
    answer = plugged.transaction(
        "Started", "T", sampled(500_000), remote=asked["remoteStartId"], charging="Charging"
    )
    assert answer == {}
    assert (fresh(order).state, fresh(order).transaction_ref) == ("charging", "T")


@pytest.mark.promise(8)
def test_the_start_command_of_another_pile_is_not_borrowed(plugged, site, live_gateway):
    order, asked = begin(plugged, site)
    other = make_site(protocol=Pile.Protocol.OCPP201, online=False)
    Pile.objects.filter(pk=other.pile.pk).update(password=make_password(PASSWORD))
    thief = Station201(live_gateway, other.pile.code)
    thief.boot()
    thief.transaction("Started", "T", sampled(0), remote=asked["remoteStartId"], charging="Charging")
    answer = thief.transaction("Updated", "T", sampled(0), tag=asked["idToken"]["idToken"])
    assert answer == {"idTokenInfo": {"status": "Invalid"}}
    thief.close()
    assert (fresh(order).state, fresh(order).transaction_ref) == ("starting", "")


def test_a_refused_start_closes_the_order(plugged, site, eventually):
    order = orders.start_order(
        actor=site.driver_actor, connector_code=site.connector.code, driver=site.driver
    )
    message_id, _action, _payload = plugged.expect_call()
    plugged.answer(message_id, {"status": "Rejected", "statusInfo": {"reasonCode": "NoCable"}})
    eventually(lambda: fresh(order).state == "closed")


def test_another_tag_cannot_take_a_transaction_over(plugged, site):
    order, asked = begin(plugged, site)
    plugged.start(500_000, name="T", tag=asked["idToken"]["idToken"])
    answer = plugged.transaction("Updated", "T", sampled(500_010), tag="STRANGER", trigger="StopAuthorized")
    assert answer == {"idTokenInfo": {"status": "Invalid"}}
    plugged.end("T", 500_060, tag="STRANGER")
    assert fresh(order).state == "settled"


@pytest.mark.promise(4)
def test_lesson_2_an_implausible_record_waits_for_a_person(plugged, site):
    order, asked = begin(plugged, site)
    name = plugged.start(0, tag=asked["idToken"]["idToken"])
    plugged.meter(name, sampled(910_083))
    plugged.end(name, 910_166)
    assert (fresh(order).state, fresh(order).energy_kwh) == ("review", Decimal("0.083"))


@pytest.mark.promise(3)
def test_an_order_whose_start_was_lost_waits_for_a_person(plugged, site):
    order, asked = begin(plugged, site)
    plugged.meter("LOST", sampled(500_020), evse=1, remote=asked["remoteStartId"], charging="Charging")
    assert fresh(order).state == "charging"
    plugged.end("LOST", 500_060)
    waiting = fresh(order)
    assert waiting.state == "review"
    assert [reason["code"] for reason in waiting.review_reasons] == ["record_incomplete"]
    assert Account.objects.get(driver=site.driver, kind="wallet").balance_fen == 10_000
