"""The worked example of docs/pricing.md over the wire: registers before, inside and after a tariff boundary."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.hashers import make_password
from django.db.models import Sum

from billing.models import Account, Entry
from billing.services import orders
from billing.services.evidence import recompute
from kernel import clock
from stations.models import Pile
from tests.clocks import HeldClock
from tests.devices.ocpp16.station import PASSWORD, Station, register
from tests.factories import make_site

PRICES = [("peak", "1.05215", "0.40000"), ("flat", "0.64385", "0.40000")]
FLAT_THEN_PEAK = ["flat"] * 21 + ["peak"] * 27  # flat until 10:30


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-20T{text}").replace(tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.mark.feature("TAR-10")
@pytest.mark.promise(5)
@pytest.mark.promise(6)
@pytest.mark.message("ocpp16", "RemoteStartTransaction", "StartTransaction", "MeterValues", "StopTransaction")
def test_over_a_tariff_boundary_the_bill_is_the_worked_example(transactional_db, monkeypatch, request):
    held = HeldClock(moment("10:11:55"))
    monkeypatch.setattr(clock, "now", held.now)
    site = make_site(protocol=Pile.Protocol.OCPP16, online=False, prices=PRICES, slots=FLAT_THEN_PEAK)
    Pile.objects.filter(pk=site.pile.pk).update(password=make_password(PASSWORD))
    station = Station(request.getfixturevalue("live_gateway"), site.pile.code)
    try:
        station.boot()
        station.status("Preparing")
        order = orders.start_order(
            actor=site.driver_actor, connector_code=site.connector.code, driver=site.driver
        )
        message_id, _action, payload = station.expect_call()
        station.answer(message_id, {"status": "Accepted"})
        number = station.call(
            "StartTransaction",
            {
                "connectorId": 1,
                "idTag": payload["idTag"],
                "meterStart": 45_210,
                "timestamp": moment("10:12:00").isoformat(),
            },
        )["transactionId"]
        for when, wh in [("10:24:00", "50370"), ("10:39:00", "57120")]:
            held.set(moment(when))
            station.meter(number, register(wh), when=moment(when).isoformat())
        held.set(moment("10:52:30"))
        station.call(
            "StopTransaction",
            {
                "transactionId": number,
                "meterStop": 62_947,
                "timestamp": moment("10:52:30").isoformat(),
                "reason": "Local",
            },
        )
    finally:
        station.close()
    order.refresh_from_db()
    assert order.state == "settled", order.review_reasons
    assert (order.electricity_fen, order.service_fen, order.total_fen) == (1545, 710, 2255)
    assert recompute(order).total_fen == 2255
    wallet = Account.objects.get(driver=site.driver, kind="wallet")
    assert (wallet.balance_fen, wallet.held_fen) == (10_000 - 2255, 0)
    assert Entry.objects.unscoped("test").aggregate(total=Sum("amount_fen"))["total"] == 0
