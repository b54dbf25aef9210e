"""From the code on the pile to a running charge, with nobody of the staff: account, money and start by the driver."""

import pytest
from django.test import Client

from billing.models import ChargingOrder, Payment
from kernel.models import AuditEvent
from stations.models import Station
from tests.api_client import ApiClient, fresh_phone
from tests.billing.payments.desk import see
from tests.factories import make_site
from users.models import Driver
from users.services import sms


@pytest.mark.feature("USR-13")
def test_a_resident_opens_an_account_recharges_and_charges(desk, monkeypatch):
    codes = {}
    monkeypatch.setattr(
        sms.ConsoleSmsSender, "send_login_code", lambda self, phone, code: codes.update({phone: code})
    )
    site = make_site()
    Station.objects.filter(pk=site.station.pk).update(scene="community")
    before = Driver.objects.count()

    # What the code on the pile opens, for a phone without the app too.
    assert site.connector.code in Client().get(f"/q/{site.connector.code}").content.decode()
    phone, app = fresh_phone(), ApiClient()
    assert app.post("login/code", {"phone": phone}).status_code == 202
    done = app.post("login/verify", {"phone": phone, "code": codes[phone]}).json()
    app = ApiClient(token=done["token"])
    assert Driver.objects.count() == before + 1
    seen = app.get(f"connectors/{site.connector.code}").json()
    assert seen["station_name"] == site.station.name
    poor = app.post("orders", {"connector_code": site.connector.code})
    assert poor.status_code == 402 and not ChargingOrder.objects.exists()

    opened = app.post(
        "payments", {"amount_fen": 5_000, "channel": "wechat"}, **{"Idempotency-Key": "mine"}
    ).json()
    see(desk.sandbox, Payment.objects.get())
    desk.sandbox.pay(opened["out_trade_no"])
    assert app.get("wallet").json()["available_fen"] == 5_000
    started = app.post("orders", {"connector_code": site.connector.code})
    assert started.status_code in (201, 202), started.content
    order = ChargingOrder.objects.get()
    assert (order.state, order.driver.phone) == ("starting", phone)
    assert not AuditEvent.objects.filter(actor_kind="staff").exists()
