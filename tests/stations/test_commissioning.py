"""From nothing to a pile that charges: imports, the waiting list, the station wizard, the QR codes to print."""

import re
from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook

from billing.models import ChargingOrder, TariffAssignment
from devices.models import TransactionRecord, UnknownPile
from devices.services.commissioning import note_unknown_pile
from kernel.actor import system
from kernel.sheets import write_sheet
from stations.models import Pile, PileModel, Station
from stations.services.models import ensure_models
from tests import factories as f
from tests.users.tenants import make_tenant

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
PILES, STATIONS = "admin:stations_pile_import", "admin:stations_station_import"


@pytest.fixture
def boss(client):
    client.force_login(f.make_staff(superuser=True))
    return client


def upload(client, name, header, *rows, file="piles.xlsx", confirm=False):
    content = write_sheet(header, rows) if file.endswith("xlsx") else header.encode("gb18030")
    answer = client.post(reverse(name), {"file": SimpleUploadedFile(file, content)})
    if confirm:
        assert answer.status_code == 200, answer.content.decode()
        context = answer.context
        answer = client.post(
            reverse(name), {"name": context["name"], "content": context["content"], "confirm": "1"}
        )
    return answer


HEADER = ["充电站编号", "桩编号", "桩名称", "协议", "品牌型号", "枪数", "费率", "收费模式", "密码"]


def test_the_template_can_be_filled_in_and_brought_in(boss):
    """The example row of the template fits as soon as its station is there."""
    f.StationFactory(code="HF-001")
    template = boss.get(reverse(PILES), {"template": ""})
    assert template["Content-Type"].endswith("sheet")
    header, example = (
        CalamineWorkbook.from_filelike(BytesIO(template.content)).get_sheet_by_index(0).to_python()
    )
    assert upload(boss, PILES, header, example, confirm=True).status_code == 302
    pile = Pile.objects.get()
    assert (pile.code, pile.connectors.count(), pile.rated_power_kw) == (
        "34010010010099",
        2,
        Decimal("120.0"),
    )


def test_piles_come_with_their_model_and_tariff_or_not_at_all(boss):
    ensure_models(actor=system("tests"))
    site = f.make_site()
    other = f.TariffFactory(operator=site.operator, name="夜间优惠")
    good = [
        site.station.code,
        "32010600009001",
        "1 号桩",
        "ykc",
        "通用 DC 120 kW",
        "",
        "夜间优惠",
        "离线计费",
        "",
    ]
    preview = upload(boss, PILES, HEADER, good)
    assert preview.status_code == 200
    assert not Pile.objects.filter(code="32010600009001").exists()
    # Every row with what is wrong in it: its column, its value and what is accepted; nothing is written.
    wrong = upload(
        boss,
        PILES,
        HEADER,
        good,
        ["nowhere", "32010600009002", "", "ykc", "", "", "", "", ""],
        [site.station.code, "12", "", "ykc", "", "99", "", "", ""],
        [site.station.code, "32010600009001", "", "ykc", "", "", "", "", ""],
        [site.station.code, "CP-9", "", "OCPP 1.6J", "", "", "", "", "short"],
        [site.station.code, "32010600009005", "", "modbus", "通用 X", "", "白天", "", ""],
        [site.station.code, "32010600009006", "", "ykc", "", "", "白天", "", ""],
    )
    assert wrong.status_code == 400
    errors = {
        row.number: [(error.column, error.value) for error in row.errors]
        for row in wrong.context["report"].wrong
    }
    assert errors == {
        3: [("充电站编号", "nowhere")],
        4: [("枪数", "99")],
        5: [("桩编号", "32010600009001")],
        6: [("密码", "")],
        7: [("协议", "modbus")],
        8: [("费率", "白天")],
    }
    body = wrong.content.decode()
    assert "1 至 16" in body and "OCPP 2.0.1" in body and "夜间优惠" in body
    assert not Pile.objects.filter(code__startswith="3201060000900").exists()
    answer = upload(boss, PILES, HEADER, good, confirm=True)
    assert answer.status_code == 302
    pile = Pile.objects.get(code="32010600009001")
    assert (pile.connectors.count(), pile.rated_power_kw, pile.charge_mode) == (
        2,
        Decimal("120.0"),
        "offline_billed",
    )
    assert TariffAssignment.objects.get(pile=pile).tariff == other


def test_files_that_are_no_sheets_are_refused_in_words(boss):
    for content, file in ((b"%PDF-1.4", "a.pdf"), (b"PK\x03\x04broken", "a.xlsx"), (b"a,b\n", "a.csv")):
        answer = boss.post(reverse(PILES), {"file": SimpleUploadedFile(file, content)})
        assert answer.status_code == 400
        assert answer.context["refusal"]
    answer = upload(boss, PILES, ["桩编号", "颜色"], ["32010600009001", "red"])
    assert len(answer.context["report"].errors) == 2
    assert "颜色" in answer.context["report"].errors[0]


def test_stations_come_from_a_csv_that_excel_wrote(boss):
    operator = f.OperatorFactory(code="op-x")
    csv = "运营商编号,充电站编号,充电站名称,经度,纬度,坐标系,站点类型,配套设施\nop-x,N-1,北站,121.5272106,31.1774276,wgs84,高速服务区,卫生间，便利店\n"
    assert upload(boss, STATIONS, csv, file="s.csv", confirm=True).status_code == 302
    station = Station.objects.get(code="N-1")
    assert (station.operator, station.scene, station.amenities) == (operator, "highway", ["toilet", "shop"])
    assert station.longitude == Decimal("121.531542")


def test_a_tenant_imports_into_its_own_stations_only(client):
    mine, theirs = make_tenant(), make_tenant()
    client.force_login(mine.admin)
    foreign = theirs.rows[Station]
    answer = upload(client, PILES, HEADER, [foreign.code, "32010600009001", "", "ykc", "", "", "", "", ""])
    assert answer.context["report"].wrong[0].errors[0].column == "充电站编号"
    client.force_login(f.make_staff("stations.view_pile"))
    assert client.get(reverse(PILES)).status_code == 403
    for name in (STATIONS, "admin:devices_transactionrecord_import", "admin:stations_station_wizard"):
        assert client.get(reverse(name)).status_code == 403


@pytest.mark.feature("MTX-03")
def test_records_of_a_pile_without_a_network_come_by_file(boss, capsys):
    """Twice the same file is one order; a pile that is online and paid takes none."""
    site = f.make_site(balance_fen=0)
    model = f.PileModelFactory(current_type="ac", rated_power_kw=Decimal("7.0"))
    Pile.objects.filter(pk=site.pile.pk).update(
        model=model, edition="offline", charge_mode="offline_free", online=False
    )
    name = "admin:devices_transactionrecord_import"
    header = ["桩编号", "充电枪", "交易流水号", "启动方式", "开始时间", "结束时间", "电量（度）"]
    end = timezone.localtime().replace(microsecond=0, tzinfo=None) - timedelta(hours=1)
    row = [site.pile.code, "1", "R1", "即插即充", end - timedelta(hours=2), end, "11.2"]
    assert upload(boss, name, header, row, confirm=True).status_code == 302
    order = ChargingOrder.objects.get()
    assert (order.state, order.energy_kwh, order.total_fen) == ("settled", Decimal("11.2"), 0)
    assert upload(boss, name, header, row, confirm=True).status_code == 302
    assert ChargingOrder.objects.count() == TransactionRecord.objects.count() == 1
    Pile.objects.filter(pk=site.pile.pk).update(edition="network", charge_mode="online_paid")
    row[2] = "R2"
    assert upload(boss, name, header, row).context["report"].wrong[0].errors[0].column == "桩编号"


def test_a_stranger_becomes_a_pile_with_a_tariff_in_one_dialog(boss):
    site = f.make_site()
    model = f.PileModelFactory(rated_power_kw=Decimal("30.0"))
    tariff = f.TariffFactory(operator=site.operator)
    note_unknown_pile(
        code="32010600009009", protocol="ykc", remote_address="10.0.0.9", login={"gun_count": 2}
    )
    unknown = UnknownPile.objects.get()
    address = reverse("admin:devices_unknownpile_accept", args=[unknown.pk])
    assert 'value="2"' in boss.get(address).content.decode()
    answer = boss.post(
        address,
        {
            "station": site.station.pk,
            "connectors": 2,
            "name": "9 号桩",
            "model": model.pk,
            "tariff": f.TariffFactory().pk,
        },
    )
    assert answer.status_code == 200  # a tariff of another operator
    assert UnknownPile.objects.exists() and not Pile.objects.filter(code=unknown.code).exists()
    answer = boss.post(
        address,
        {
            "station": site.station.pk,
            "connectors": 2,
            "name": "9 号桩",
            "model": model.pk,
            "tariff": tariff.pk,
        },
    )
    pile = Pile.objects.get(code=unknown.code)
    assert answer.headers["Location"] == reverse("admin:stations_pile_change", args=[pile.pk])
    assert (pile.model, pile.rated_power_kw, pile.connectors.count()) == (model, Decimal("30.0"), 2)
    assert TariffAssignment.objects.get(pile=pile).tariff == tariff
    assert not UnknownPile.objects.exists()


def wizard(**changes):
    rows = {"piles-TOTAL_FORMS": 2, "piles-INITIAL_FORMS": 0}
    for index in range(2):
        rows |= {
            f"piles-{index}-count": 1,
            f"piles-{index}-protocol": "ykc",
            f"piles-{index}-code": "",
        }
    return {"code": "W-1", "name": "一站式", "scene": "park", "datum": "gcj02", **rows, **changes}


@pytest.mark.feature("STN-14")
@pytest.mark.feature("PIL-45")
def test_the_wizard_makes_a_station_that_charges(boss, settings):
    """Station, piles, tariff, QR codes in one post; then a driver scans one, and the pile comes online and charges."""
    from devices.services import presence, status
    from stations.qr import code_of
    from tests.api_client import ApiClient

    site = f.make_site()
    address = reverse("admin:stations_station_wizard")
    assert boss.get(address).status_code == 200
    answer = boss.post(
        address,
        wizard(
            operator=site.operator.pk,
            tariff=site.tariff.pk,
            **{
                "piles-0-code": "32010600008001",
                "piles-0-count": 3,
                "piles-0-connectors": 2,
                "piles-0-label": "直流桩",
                "piles-1-code": "W1-AC",
                "piles-1-protocol": "ocpp16",
                "piles-1-password": "sixteen-letters-or-more",
            },
        ),
    )
    station = Station.objects.get(code="W-1")
    assert answer.headers["Location"] == reverse("admin:stations_station_qr_sheet", args=[station.pk])
    piles = station.piles.order_by("code")
    assert [pile.code for pile in piles] == ["32010600008001", "32010600008002", "32010600008003", "W1-AC"]
    assert piles[1].name == "直流桩 2"
    settings.QR_BASE = "https://charge.example/q/"
    sheet = boss.get(answer.headers["Location"])
    body = sheet.content.decode()
    assert body.count("<svg") == 7
    assert "3201 0600 0080 0101" in body and "直流桩 1" in body
    assert not re.search(r'(src|href)="https?://', body)
    scanned = code_of("https://charge.example/q/W1-AC01")
    opened = presence.open_session(
        pile_id=piles[3].pk, protocol="ocpp16", channel="test!1", remote_address="127.0.0.1"
    )
    status.apply_status(pile=opened.pile, connector_no=1, state="idle", at=timezone.now())
    client = ApiClient(site.driver)
    assert client.call("GET", f"/api/v1/driver/connectors/{scanned}").status_code == 200
    assert client.call("POST", "/api/v1/driver/orders", {"connector_code": scanned}).status_code == 201


def test_the_wizard_makes_nothing_by_halves(boss):
    site = f.make_site()
    for changes, words in (
        ({"piles-0-code": "12"}, "14 位"),
        ({"piles-0-code": "32010600008999", "piles-0-count": 2, "piles-1-code": "32010600009000"}, "已存在"),
        ({"piles-0-code": "CP-1", "piles-0-protocol": "ocpp16", "piles-0-count": 2}, "OCPP"),
        ({"longitude": "117.1"}, "坐标"),
        ({"tariff": f.TariffFactory().pk, "piles-0-code": "32010600008001"}, "不存在"),
    ):
        answer = boss.post(
            reverse("admin:stations_station_wizard"), wizard(operator=site.operator.pk, **changes)
        )
        assert answer.status_code == 400
        assert words in answer.content.decode(), words
        assert not Station.objects.filter(code="W-1").exists()
    assert Pile.objects.count() == 1


def test_e_bike_codes_are_counted_in_hexadecimal():
    from billing.admin.station_wizard import _numbered

    assert _numbered("05FFFFFE", "dny", 1) == ["05FFFFFE"]
    assert _numbered("050000FE", "dny", 3) == ["050000FE", "050000FF", "05000100"]
    assert _numbered("05FFFFFE", "dny", 3) == []
    assert _numbered("CP-A", "ocpp16", 2) == []


@pytest.mark.feature("PIL-10", "PIL-11", "PIL-12")
def test_the_usual_models_are_there_once():
    assert ensure_models(actor=system("tests")) == 6
    assert ensure_models(actor=system("tests")) == 0
    box = PileModel.objects.get(name="ACX10A-YH")
    assert (box.connectors, box.vehicle_class, box.protocol) == (10, "ebike", "dny")


@pytest.mark.feature("STA-02")
def test_a_scanned_code_opens_the_app_or_leads_to_it(client, settings):
    site = f.make_site()
    settings.APP_LINK, settings.APP_DOWNLOAD_URL = "evapp://charge/", "https://app.example/get"
    page = client.get(f"/q/{site.connector.code}").content.decode()
    assert f'href="evapp://charge/{site.connector.code}"' in page
    assert 'data-download="https://app.example/get"' in page and "<script>" not in page
    settings.APP_LINK = settings.APP_DOWNLOAD_URL = ""
    page = client.get(f"/q/{site.connector.code}").content.decode()
    assert site.connector.code in page and "evapp" not in page and site.station.name not in page
    unknown = client.get("/q/NOWHERE<b>")
    assert unknown.status_code == 404 and "NOWHERE&lt;b&gt;" in unknown.content.decode()
