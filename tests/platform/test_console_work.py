"""The work of an operator through the console's doors: tariffs, orders, reviews, wallets, piles."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from billing.models import ChargingOrder, Entry, Journal, ReviewItem, TariffAssignment, TariffVersion
from billing.pricing import Finding
from billing.pricing.tariff import SLOTS_PER_DAY
from billing.review_words import sentence_of
from billing.services import ledger
from devices.models import DeviceCommand, MeterSample, UnknownPile
from kernel.models import AuditEvent
from stations.models import Pile
from tests import factories as f
from tests.users.tenants import make_order

pytestmark = pytest.mark.django_db
NO_RECORD = Finding("no_record").to_json()


@pytest.fixture
def boss(client):
    staff = f.make_staff(superuser=True)
    client.force_login(staff)
    return staff


def act(client, name, pk, **data):
    return client.post(reverse(f"admin:{name}", args=[pk]), data)


# --- tariffs ----------------------------------------------------------------------------------------------


def editor(tariff):
    return reverse("admin:billing_tariff_new_version", args=[tariff.pk])


def typed(**changes):
    moment = timezone.localtime() + timedelta(days=1)
    return {
        "slots": ",".join(["valley"] * 14 + ["peak"] * 34),
        "code": ["sharp", "peak", "flat", "valley", "deep_valley"],
        "electricity": ["", "1.05", "", "0.3", ""],
        "service": ["", "0.45", "", "0.4", ""],
        "effective_at": moment.strftime("%Y-%m-%dT%H:%M"),
        **changes,
    }


@pytest.mark.promise(10)
def test_the_editor_publishes_what_was_painted(client, boss):
    site = f.make_site()
    page = client.get(editor(site.tariff))
    assert page.context["draft"].slots == site.version.slots
    assert client.post(editor(site.tariff), typed()).status_code == 302
    version = site.tariff.versions.order_by("-number").first()
    assert version.number == site.version.number + 1
    assert version.slots == ["valley"] * 14 + ["peak"] * 34
    tiers = {tier.code: (tier.electricity_price, tier.service_price) for tier in version.tiers.all()}
    assert tiers == {
        "peak": (Decimal("1.05000"), Decimal("0.45000")),
        "valley": (Decimal("0.30000"), Decimal("0.40000")),
    }
    assert AuditEvent.objects.get(action="billing.publish_tariff").actor_id == str(boss.pk)


@pytest.mark.promise(11)
@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"slots": "valley,peak"}, "48"),
        ({"slots": ",".join(["sharp"] * SLOTS_PER_DAY)}, "尖"),
        ({"electricity": ["", "abc", "", "0.3", ""]}, "峰"),
        ({"electricity": ["", "-1", "", "0.3", ""]}, "峰"),
        ({"electricity": ["", "0.123456", "", "0.3", ""]}, "峰"),
        ({"electricity": ["", "NaN", "", "0.3", ""]}, "峰"),
        ({"effective_at": "tomorrow"}, "生效时间"),
        ({"effective_at": "2020-01-01T00:00"}, ""),
        ({"slots": ",".join(["<b>"] * SLOTS_PER_DAY)}, "&lt;b&gt;"),
    ],
)
def test_a_bad_version_is_refused_in_words_and_changes_nothing(client, boss, changes, word):
    site = f.make_site()
    answer = client.post(editor(site.tariff), typed(**changes), headers={"Accept-Language": "zh-CN"})
    assert answer.status_code == 400
    assert answer.context["draft"].errors
    body = answer.content.decode()
    assert word in body
    assert "<b>" not in body.split("ev-refusal")[1].split("</div>")[0]
    assert TariffVersion.objects.filter(tariff=site.tariff).count() == 1


def test_the_editor_needs_its_permission(client):
    site = f.make_site()
    client.force_login(f.make_staff("billing.view_tariff", operator=site.operator))
    assert client.get(editor(site.tariff)).status_code == 403
    assert client.post(editor(site.tariff), typed()).status_code == 403
    assert client.get(f"/admin/billing/tariff/{site.tariff.pk}/change/").status_code == 200


def test_a_new_tariff_leads_to_its_first_version(client, boss):
    operator = f.OperatorFactory()
    answer = client.post("/admin/billing/tariff/add/", {"name": "Night", "operator": operator.pk})
    tariff = operator.tariffs.get()
    assert answer.headers["Location"] == editor(tariff)
    assert client.post(editor(tariff), typed()).status_code == 302
    assert tariff.versions.get().number == 1


def test_a_tariff_is_assigned_to_a_station_and_to_one_pile(client, boss):
    site = f.make_site()
    other = f.TariffFactory(operator=site.operator)
    assert act(client, "billing_tariff_assign", other.pk, station=site.station.pk).status_code == 302
    assert TariffAssignment.objects.get(station=site.station, pile=None).tariff == other
    answer = act(
        client, "billing_tariff_assign", site.tariff.pk, station=site.station.pk, pile_code=site.pile.code
    )
    assert answer.status_code == 302
    assert TariffAssignment.objects.get(pile=site.pile).tariff == site.tariff
    wrong = act(client, "billing_tariff_assign", other.pk, station=site.station.pk, pile_code="nope")
    assert "pile_code" in wrong.context["form"].errors


# --- orders -------------------------------------------------------------------------------------------------


def test_a_driver_is_started_and_stopped_by_staff(client, boss):
    site = f.make_site()
    data = {"connector": site.connector.pk, "phone": site.driver.phone, "limit": "20"}
    answer = act(client, "stations_pile_remote_start", site.pile.pk, **data)
    order = ChargingOrder.objects.get()
    assert answer.headers["Location"] == f"/admin/billing/chargingorder/{order.pk}/change/"
    assert (order.driver, order.start_method, order.hold.amount_fen) == (site.driver, "staff", 2000)
    assert DeviceCommand.objects.get(kind="start").actor_key == f"staff:{boss.pk}"
    ChargingOrder.objects.filter(pk=order.pk).update(state="charging")
    answer = act(client, "billing_chargingorder_remote_stop", order.pk, reason="blocked bay")
    assert answer.status_code == 302
    order.refresh_from_db()
    assert order.state == "stopping"
    again = client.get(reverse("admin:billing_chargingorder_remote_stop", args=[order.pk]))
    assert "refusal" in again.context


@pytest.mark.promise(11)
@pytest.mark.parametrize(("phone", "field"), [("123", "phone"), ("13700000000", "phone")])
def test_an_unknown_driver_starts_nothing(client, boss, phone, field):
    site = f.make_site()
    page = act(client, "stations_pile_remote_start", site.pile.pk, connector=site.connector.pk, phone=phone)
    assert field in page.context["form"].errors
    assert not ChargingOrder.objects.exists()


def test_a_refusal_of_the_start_is_shown_in_the_dialog(client, boss):
    site = f.make_site(balance_fen=0)
    page = act(
        client,
        "stations_pile_remote_start",
        site.pile.pk,
        connector=site.connector.pk,
        phone=site.driver.phone,
    )
    assert page.status_code == 200
    assert page.context["form"].non_field_errors()
    assert not ChargingOrder.objects.exists()


def test_the_order_page_tells_the_session(client, boss):
    site = f.make_site()
    bill_lines = [
        {
            "tier": "flat", "energy_kwh": "10.0000", "electricity_price": "0.70000", "service_price": "0.40000",
            "electricity": "7", "service": "4", "electricity_fen": 700, "service_fen": 400,
        }
    ]  # fmt: skip
    order = make_order(site, site.driver, bill={"lines": bill_lines}, soc_pct=80)
    start = timezone.now()
    MeterSample.objects.bulk_create(
        MeterSample(
            operator_id=site.operator.pk, station_id=site.station.pk, pile_id=site.pile.pk, connector_no=1,
            transaction_ref=order.transaction_ref, at=start + timedelta(seconds=15 * n), power_kw=Decimal("50"),
            energy_kwh=Decimal(n) / 100, soc_pct=20,
        )
        for n in range(1000)
    )  # fmt: skip
    f.FrameLogFactory(pile=site.pile, transaction_ref=order.transaction_ref, decoded={"gun": 7731})
    page = client.get(f"/admin/billing/chargingorder/{order.pk}/change/")
    curve = page.context["curve"]
    assert len(curve["labels"]) <= 300
    assert (curve["energy"][0], curve["energy"][-1]) == (0.0, 9.99)
    body = page.content.decode()
    for words in ("¥11.00", "7731", order.transaction_ref):
        assert words in body
    live = client.get(f"/admin/billing/chargingorder/{order.pk}/change/?live=1")
    assert "timeline" not in live.context
    assert 'id="order-live"' in live.content.decode()


@pytest.mark.parametrize(
    ("protocol", "reason", "known"),
    [("ykc", "soc_full", True), ("ocpp16", "EVDisconnected", True), ("ykc", "something_new", False)],
)
def test_the_stop_reason_is_in_words(client, boss, protocol, reason, known):
    site = f.make_site(protocol=protocol)
    order = make_order(site, site.driver, stop_reason=reason)
    page = client.get(
        f"/admin/billing/chargingorder/{order.pk}/change/", headers={"Accept-Language": "zh-CN"}
    )
    assert (f" {reason}</span>" in page.content.decode()) is not known
    assert (page.context["stop_words"] == reason) is not known


@pytest.mark.parametrize(
    ("prices", "shown"),
    [
        ((("flat", "0.6", "0.45"),), ["0.6000", "0.4500", "1.0500"]),
        ((("flat", "0.60001", "0.45"),), ["0.60001", "0.45000", "1.05001"]),
    ],
)
def test_prices_of_a_table_have_the_same_decimals(client, boss, prices, shown):
    site = f.make_site(prices=prices, slots=["flat"] * 48)
    page = client.get(
        f"/admin/billing/tariff/{site.tariff.pk}/change/", headers={"Accept-Language": "zh-CN"}
    ).content.decode()
    assert "每天时长（小时）" in page
    for price in shown:
        assert f">{price}<" in page


def test_an_order_is_found_by_every_shape_of_term(client, boss):
    site = f.make_site()
    order = make_order(site, site.driver)
    make_order(f.make_site(), f.make_driver(), order_no="other")
    for term in (
        order.order_no,
        order.transaction_ref,
        site.driver.phone,
        site.pile.code,
        site.connector.code,
    ):
        page = client.get("/admin/billing/chargingorder/", {"q": f" {term} "})
        assert [row.pk for row in page.context["cl"].result_list] == [order.pk], term
    transaction = f.DeviceTransactionFactory(pile=site.pile)
    ChargingOrder.objects.filter(pk=order.pk).update(transaction_ref=transaction.ref)
    page = client.get("/admin/billing/chargingorder/", {"q": transaction.ref})
    assert [row.pk for row in page.context["cl"].result_list] == [order.pk]


@pytest.mark.promise(10)
def test_an_order_in_review_is_settled_with_a_reason(client, boss):
    site = f.make_site()
    order = make_order(site, site.driver, state="review", settled_at=None, review_reasons=[NO_RECORD])
    item = ReviewItem.objects.create(
        kind="order", order=order, operator=site.operator, station=site.station, pile=site.pile,
        key=f"order:{order.pk}", opened_at=timezone.now(), reasons=[NO_RECORD],
    )  # fmt: skip
    page = client.get(f"/admin/billing/reviewitem/{item.pk}/change/", headers={"Accept-Language": "zh-CN"})
    with translation.override("zh-hans"):
        assert sentence_of(NO_RECORD) in page.content.decode()
    refused = act(client, "billing_reviewitem_settle", item.pk, how="record", reason="trust it")
    assert refused.context["form"].errors
    answer = act(client, "billing_reviewitem_settle", item.pk, how="zero", reason="pile broken")
    assert answer.status_code == 302
    order.refresh_from_db()
    assert (order.state, order.total_fen) == ("settled", 0)
    assert AuditEvent.objects.get(action="billing.settle_review").reason == "pile broken"


# --- money --------------------------------------------------------------------------------------------------


@pytest.mark.promise(10)
@pytest.mark.feature("USR-06")
def test_a_top_up_books_once_however_often_it_is_sent(client, boss):
    driver = f.make_driver(balance_fen=0)
    address = reverse("admin:users_driver_top_up", args=[driver.pk])
    key = str(client.get(address).context["form"]["key"].value())
    for _n in range(3):
        assert client.post(address, {"amount": "12.34", "reason": "cash", "key": key}).status_code == 302
    assert ledger.wallet_of(driver).balance_fen == 1234
    assert Journal.objects.filter(kind="topup").count() == 1
    page = client.get(f"/admin/users/driver/{driver.pk}/change/")
    assert "¥12.34" in page.content.decode()


@pytest.mark.promise(11)
@pytest.mark.parametrize("amount", ["0", "-5", "0.001", "abc", "", "100000.01", "NaN", "Infinity"])
def test_a_bad_amount_moves_nothing(client, boss, amount):
    driver = f.make_driver(balance_fen=0)
    page = act(
        client, "users_driver_top_up", driver.pk, amount=amount, reason="x",
        key="0c4f2b0e-4d0e-4a8e-9d6c-3f6f0f6b8a11",
    )  # fmt: skip
    assert "amount" in page.context["form"].errors
    assert not Entry.objects.exists()


def test_ledger_lines_of_a_driver_are_paged(client, boss):
    driver = f.make_driver(balance_fen=0)
    for _n in range(25):
        f.give_money(driver, 100)
    page = client.get(f"/admin/users/driver/{driver.pk}/change/")
    assert len(page.context["entries"]) == 20
    older = client.get(
        f"/admin/users/driver/{driver.pk}/change/?entries_before={page.context['entries_older']}"
    )
    assert len(older.context["entries"]) == 5
    assert older.context["entries_older"] is None


# --- piles --------------------------------------------------------------------------------------------------


@pytest.mark.promise(10)
def test_a_pile_is_taken_out_of_service_and_asked_for_its_clock(client, boss):
    site = f.make_site()
    assert act(client, "stations_pile_out_of_service", site.pile.pk, reason="cable").status_code == 302
    site.pile.refresh_from_db()
    assert not site.pile.in_service
    assert AuditEvent.objects.get(action="stations.set_service").reason == "cable"
    assert act(client, "stations_pile_sync_time", site.pile.pk, reason="drift").status_code == 302
    assert DeviceCommand.objects.filter(kind="sync_time", pile=site.pile).exists()
    assert AuditEvent.objects.get(action="devices.sync_time").reason == "drift"
    pending = act(client, "stations_pile_sync_time", site.pile.pk, reason="again")
    assert pending.context["form"].non_field_errors()


def test_an_offline_pile_is_asked_nothing(client, boss):
    site = f.make_site(online=False)
    for name in ("remote_start", "sync_time", "reboot", "push_tariff"):
        page = client.get(reverse(f"admin:stations_pile_{name}", args=[site.pile.pk]))
        assert "refusal" in page.context


def test_an_unknown_pile_is_accepted_in_one_step(client, boss):
    from devices.services.commissioning import note_unknown_pile

    station = f.StationFactory()
    note_unknown_pile(
        code="32010600998877", protocol="ykc", remote_address="192.0.2.1", login={"gun_count": 2}
    )
    waiting = UnknownPile.objects.get()
    answer = act(
        client, "devices_unknownpile_accept", waiting.pk, station=station.pk, connectors="2", rated_power_kw="120",
    )  # fmt: skip
    pile = Pile.objects.get(code="32010600998877")
    assert answer.headers["Location"] == f"/admin/stations/pile/{pile.pk}/change/"
    assert pile.connectors.count() == 2
    assert not UnknownPile.objects.exists()


@pytest.mark.feature("PIL-45")
def test_a_connector_shows_its_qr_code(client, boss):
    site = f.make_site()
    body = client.get(f"/admin/stations/connector/{site.connector.pk}/change/").content.decode()
    figure = body.split('class="ev-qr"')[1].split("</figure>")[0]
    assert "<svg" in figure
    assert site.connector.code in figure
    # A full QR code: phones do not read the micro form. 21 modules and 2 on each side, 4 pixels each.
    assert int(re.search(r'width="(\d+)"', figure)[1]) >= (21 + 4) * 4
