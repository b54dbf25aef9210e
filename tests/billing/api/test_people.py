"""The driver's own cards, vehicles, payers and account, over HTTP."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT, encode_multipart

from billing.models import ChargingOrder, EnterpriseStation, TariffAssignment
from billing.services import ledger
from devices.models import DeviceCommand
from kernel.actor import system
from tests import factories as f
from tests.api_client import ApiClient
from tests.billing import flow
from tests.billing.test_local_starts import ask
from users.models import Card, Driver, DriverTag, DriverToken, EnterpriseMember, Vehicle
from users.services import vehicles

pytestmark = pytest.mark.django_db
SYSTEM = system("tests")


@pytest.fixture
def site():
    return f.make_site()


@pytest.fixture
def app(site):
    return ApiClient(site.driver)


def code_of(answer):
    return answer.status_code, answer.json().get("code")


@pytest.mark.feature("CRD-02", "CRD-03", "CRD-18", "BOOT-10")
@pytest.mark.promise(9, 11)
def test_a_driver_takes_a_card_pays_with_it_and_gives_it_up(site, app):
    card = f.CardFactory(operator=site.operator, physical_no="D14B0A54", logical_no="8600017")
    ledger.top_up(actor=SYSTEM, driver=card, amount_fen=5_000, reason="r", idempotency_key="1")
    wrong = app.post("cards", {"card_no": "8600017", "proof": "0A55"})
    assert code_of(wrong) == (404, "card_unknown")
    taken = app.post("cards", {"card_no": "86 00017", "proof": "0a54"})
    assert taken.status_code == 201
    assert (taken.json()["balance_fen"], taken.json()["has_password"]) == (5_000, False)
    other = ApiClient(f.make_driver())
    assert code_of(other.post("cards", {"card_no": "8600017", "proof": "0A54"})) == (409, "card_bound")
    assert code_of(other.get("cards/8600017")) == (404, "card_unknown")
    assert other.get("cards").json() == []
    short = app.call("PUT", "cards/8600017/password", {"password": "1"})
    assert short.status_code == 400 and "password" in short.json()["errors"]
    assert app.call("PUT", "cards/8600017/password", {"password": "4711"}).json()["has_password"]
    # The app starts, the card pays, and the pile is told which card may end the session.
    stranger = other.post("orders", {"connector_code": site.connector.code, "card_no": "8600017"})
    assert code_of(stranger) == (404, "card_unknown")
    started = app.post("orders", {"connector_code": site.connector.code, "card_no": "8600017"})
    assert started.status_code == 201, started.content
    order = ChargingOrder.objects.get()
    assert (order.payer_kind, order.card, order.driver) == ("card", card, site.driver)
    params = DeviceCommand.objects.get(kind="start").params
    assert (params["physical_card"], params["logical_card"]) == ("D14B0A54", "8600017")
    assert code_of(app.call("DELETE", "cards/8600017")) == (409, "card_busy")
    assert not app.call("PUT", "cards/8600017/password", {"password": ""}).json()["has_password"]
    assert app.post("cards/8600017/lost").json()["state"] == "lost"
    assert ask(site, card.physical_no, connector=2).refusal == "account_frozen"
    ChargingOrder.objects.update(state="closed")
    assert app.call("DELETE", "cards/8600017").status_code == 204
    assert app.get("cards").json() == []


@pytest.mark.feature("VEH-02", "VEH-03")
@pytest.mark.promise(11)
def test_vehicles_of_a_driver(site, app, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    bad = app.post("vehicles", {"plate": "皖A", "vin": ""})
    assert bad.status_code == 400 and "plate" in bad.json()["errors"]
    first = app.post("vehicles", {"plate": "皖a·12345", "vin": "lsvaa4182e2000001"}).json()
    second = app.post("vehicles", {"vin": "LSVAA4182E2000002"}).json()
    assert (first["plate"], first["is_default"], second["is_default"]) == ("皖A12345", True, False)
    assert code_of(app.post("vehicles", {"plate": "皖A12345"})) == (409, "vehicle_taken")
    assert app.post(f"vehicles/{second['id']}/default").json()["is_default"]
    assert [row["is_default"] for row in app.get("vehicles").json()] == [True, False]
    stranger = ApiClient(f.make_driver())
    assert stranger.call("PATCH", f"vehicles/{first['id']}", {"plate": "皖A99999"}).status_code == 404
    assert ask(site, first["vin"], method="vin").refusal == "vin_unknown"

    def upload(content):
        photo = SimpleUploadedFile("licence.jpg", content, "image/jpeg")
        body = encode_multipart("BoUnDaRyStRiNg", {"photo": photo})
        return app._client.generic(
            "POST", f"/api/v1/driver/vehicles/{first['id']}/verification", body, content_type=MULTIPART_CONTENT,
            headers={"Authorization": f"Bearer {app.token}"},
        )  # fmt: skip

    assert upload(b"GIF89a...").status_code == 400
    assert upload(b"\xff\xd8\xff\xe0" + b"0" * 64).json()["state"] == "waiting"
    vehicles.review_vehicle(
        actor=SYSTEM, vehicle=Vehicle.objects.get(pk=first["id"]), verified=True, reason="licence read"
    )
    assert ask(site, first["vin"], method="vin").refusal == ""
    busy = app.call("DELETE", f"vehicles/{first['id']}")
    assert code_of(busy) == (409, "vehicle_busy")
    ChargingOrder.objects.update(state="closed")
    # Another number has to be looked at again.
    changed = app.call("PATCH", f"vehicles/{first['id']}", {"vin": "LSVAA4182E2000003"})
    assert changed.json()["state"] == "unverified"
    assert app.call("DELETE", f"vehicles/{second['id']}").status_code == 204
    assert [row["is_default"] for row in app.get("vehicles").json()] == [True]


@pytest.mark.feature("USR-02", "USR-03")
def test_a_member_chooses_who_pays_and_sees_what_is_left(site, app):
    enterprise = f.EnterpriseFactory(operator=site.operator)
    EnterpriseMember.objects.create(
        enterprise=enterprise, operator=site.operator, driver=site.driver, day_limit_fen=3_000
    )
    ledger.top_up(actor=SYSTEM, driver=enterprise, amount_fen=50_000, reason="r", idempotency_key="1")
    refused = app.post("orders", {"connector_code": site.connector.code, "enterprise": enterprise.pk})
    assert code_of(refused) == (403, "enterprise_not_here")
    EnterpriseStation.objects.create(enterprise=enterprise, station=site.station)
    [row] = app.get("enterprises").json()
    assert (row["id"], row["stations"], row["day_left_fen"], row["month_left_fen"]) == (
        enterprise.pk, [site.station.code], 3_000, None,
    )  # fmt: skip
    stranger = ApiClient(f.make_driver())
    assert stranger.get("enterprises").json() == []
    foreign = stranger.post("orders", {"connector_code": site.connector.code, "enterprise": enterprise.pk})
    assert code_of(foreign) == (404, "enterprise_unknown")
    both = {"connector_code": site.connector.code, "enterprise": enterprise.pk, "card_no": "1"}
    assert code_of(app.post("orders", both)) == (400, "payer_choice")
    before = flow.money(site.driver)
    assert (
        app.post("orders", {"connector_code": site.connector.code, "enterprise": enterprise.pk}).status_code
        == 201
    )
    order = ChargingOrder.objects.get()
    assert (order.payer_kind, order.stop_at_fen) == ("enterprise", 3_000)
    assert app.get("enterprises").json()[0]["day_left_fen"] == 0
    flow.begin(site, order)
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    assert app.get("enterprises").json()[0]["day_left_fen"] == 1_900
    assert flow.money(site.driver) == before  # the wallet is untouched
    flow.assert_books_balance()


@pytest.mark.feature("USR-08")
@pytest.mark.promise(9)
def test_an_account_ends_without_money_and_without_a_name(site, app):
    driver = site.driver
    card = f.CardFactory(operator=site.operator, driver=driver, pays_from="driver")
    f.VehicleFactory(driver=driver)
    assert app.call("PATCH", "me", {"name": "王小明"}).json()["name"] == "王小明"
    assert code_of(app.post("me/cancel", {"phone": "13900000000"})) == (400, "phone_differs")
    assert code_of(app.post("me/cancel", {"phone": driver.phone})) == (409, "driver_has_money")
    wallet = ledger.wallet_of(driver)
    order = flow.charging(site)
    assert code_of(app.post("me/cancel", {"phone": driver.phone})) == (409, "driver_unsettled")
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    wallet.refresh_from_db()
    ledger.post(
        key="away",
        kind="correction",
        lines=[(wallet, -wallet.balance_fen), (ledger.account_of("manual_topup"), wallet.balance_fen)],
        actor=SYSTEM,
    )
    assert app.post("me/cancel", {"phone": driver.phone}).status_code == 204
    gone = Driver.objects.unscoped("tests").get(pk=driver.pk)
    assert (gone.name, gone.is_frozen) == ("", True) and driver.phone not in gone.phone
    assert not Vehicle.objects.unscoped("tests").exists()
    assert Card.objects.unscoped("tests").get(pk=card.pk).driver is None
    order.refresh_from_db()
    assert (order.driver, order.total_fen) == (gone, 1_100)
    assert app.get("me").status_code == 401
    assert not DriverToken.objects.filter(driver=gone, revoked_at__isnull=True).exists()
    # The number is free for somebody new.
    assert f.make_driver(phone=driver.phone).pk != gone.pk
    flow.assert_books_balance()


@pytest.mark.feature("TAR-11", "USR-04", "USR-05")
@pytest.mark.feature("USR-12")
def test_a_tags_price_holds_for_its_drivers_there_and_nowhere_else(site, app):
    other = f.make_site(operator=site.operator, protocol="ocpp16")
    cheap = f.TariffFactory(operator=site.operator)
    tagged = f.make_site(operator=site.operator, protocol="ocpp16")
    TariffAssignment.objects.create(tariff=cheap, station=tagged.station, group="员工")
    f.TariffVersionFactory(
        tariff=cheap, prices=[(code, "0.5", "0.11") for code in ("sharp", "peak", "flat", "valley")]
    )
    tag = DriverTag.objects.create(operator=site.operator, name="员工", rank=5)
    loose = DriverTag.objects.create(operator=site.operator, name="会员", rank=9)
    tag.drivers.add(site.driver)
    loose.drivers.add(site.driver)

    def price(client, place):
        return client.get(f"connectors/{place.connector.code}").json()["tariff"]["now"]["service_price"]

    stranger = ApiClient(f.make_driver())
    assert price(app, tagged) == "0.11000"
    assert price(stranger, tagged) == price(app, other) == price(stranger, other) != "0.11000"
    order = flow.start(tagged, driver=site.driver)
    assert order.tariff_version.tariff == cheap
    tag.drivers.clear()
    assert price(app, tagged) != "0.11000"
