"""Tariffs through the console: days, rules and components composed without code, previewed, in and out by sheets."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from billing.models import (
    ChargingStrategy,
    Discount,
    SpecialDay,
    Tariff,
    TariffAssignment,
    TariffVersion,
)
from billing.services.tariff_imports import TariffImporter, tariff_sheet
from kernel.actor import system
from kernel.imports import run_import
from kernel.models import AuditEvent
from kernel.sheets import read_sheet
from tests import factories as f
from tests.platform.test_console_work import editor, typed

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
JOB = system("tests")
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def boss(client):
    staff = f.make_staff(superuser=True)
    client.force_login(staff)
    return staff


def composed(**changes):
    """A version with a rest day, an occupancy fee, time by power and packages, as a person types it."""
    return typed(
        **{
            "day_code": ["day1"],
            "day_name": ["Rest day"],
            "day_slots": [",".join(["valley"] * 48)],
            "rule_profile": ["day1", "usual", "", ""],
            "rule_first": ["", "07-01", "", ""],
            "rule_last": ["", "08-31", "", ""],
            "rule_days": ["restday", "any", "any", "any"],
            "rule_weekdays": ["", "", "", ""],
            "c-occupancy-on": "1",
            "c-occupancy-fen": "3",
            "c-occupancy-block_s": "15",
            "c-occupancy-grace_s": "15",
            "c-occupancy-cap_fen": "30",
            "c-occupancy-cap_day_fen": "",
            "c-time-on": "1",
            "c-time-fen": "1.20",
            "c-time-per_s": "60",
            "c-time-unit_s": "30",
            "c-time-free_s": "0",
            "c-time-from": "44",
            "c-time-to": "12",
            "c-time-fee": "time",
            "c-power-on": "1",
            "c-power-rows-0-0": "120",
            "c-power-rows-0-1": "0.25",
            "c-power-rows-0-2": "60",
            "c-power-rows-1-0": "400",
            "c-power-rows-1-1": "0.50",
            "c-power-rows-1-2": "60",
            "c-power-follow": "highest",
            "c-power-fee": "service",
            **changes,
        }
    )


@pytest.mark.feature("TAR-08", "TAR-02")
def test_a_price_is_composed_previewed_and_published_without_code(client, boss):
    site = f.make_site(protocol="ocpp16")
    SpecialDay.objects.create(date=timezone.localdate().replace(month=10, day=1), kind="holiday", name="N")
    data = composed(**{"p-minutes": "60", "p-power": "20", "p-stay": "40"})
    page = client.post(editor(site.tariff), {**data, "preview": "1"}, headers=ENGLISH)
    assert page.status_code == 200 and not site.tariff.versions.exclude(pk=site.version.pk).exists()
    body = page.content.decode()
    assert "ev-year" in body and "Rest day" in body and "¥3.00 for every started 15 min" in body
    names = [line["name"] for line in page.context["preview"]["price"]["lines"]]
    assert "Occupancy fee" in names and page.context["preview"]["price"]["total"]
    assert client.post(editor(site.tariff), data).status_code == 302
    version = site.tariff.versions.order_by("-number").first()
    assert [(day.code, day.name, set(day.slots)) for day in version.profiles.all()] == [
        ("day1", "Rest day", {"valley"})
    ]
    assert [(rule["profile"], rule["days"]) for rule in version.calendar] == [
        ("day1", "restday"),
        ("", "any"),
    ]
    kinds = {row["kind"]: row for row in version.components}
    assert kinds["occupancy"] == {
        "kind": "occupancy",
        "fen": 300,
        "block_s": 900,
        "grace_s": 900,
        "cap_fen": 3000,
        "cap_day_fen": None,
    }
    assert (kinds["time"]["fen"], kinds["time"]["window"]) == (120, [44, 12])
    assert kinds["power"]["steps"][1] == {"up_to_w": 400, "fen": 50, "per_s": 3600}
    # the next version begins with all of it
    draft = client.get(editor(site.tariff)).context["draft"]
    assert draft.parts().components and not draft.errors
    assert {
        name: draft.typed[name] for name in ("c-time-fen", "c-power-rows-1-1", "c-occupancy-block_s")
    } == {"c-time-fen": "1.2", "c-power-rows-1-1": "0.5", "c-occupancy-block_s": "15"}
    page = client.get(reverse("admin:billing_tariff_change", args=[site.tariff.pk]), headers=ENGLISH)
    body = page.content.decode()
    assert (
        "Rest day" in body
        and "rest days" in body
        and "ev-year" in body
        and "not yet in force" in body.lower()
    )


@pytest.mark.promise(11)
@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"c-occupancy-fen": "three"}, "three"),
        ({"c-occupancy-fen": "0.001"}, "0.001"),
        ({"c-occupancy-fen": "0"}, "Occupancy fee"),
        ({"c-occupancy-block_s": "0.5"}, "Occupancy fee"),
        ({"c-time-to": ""}, "both ends"),
        ({"c-power-rows-1-0": "100"}, "Time by power"),
        ({"rule_first": ["13-01", "07-01", "", ""]}, "13-01"),
        ({"rule_weekdays": ["8", "", "", ""]}, "8"),
        ({"rule_profile": ["nope", "", "", ""]}, "nope"),
        ({"day_slots": ["valley"]}, "48"),
        ({"day_slots": [",".join(["sharp"] * 48)]}, "Sharp"),
        ({"day_code": ["Day 1"]}, "Day 1"),
    ],
)
def test_what_cannot_be_composed_is_refused_in_words(client, boss, changes, word):
    site = f.make_site(protocol="ocpp16")
    for extra in ({}, {"preview": "1"}):
        page = client.post(editor(site.tariff), {**composed(**changes), **extra}, headers=ENGLISH)
        assert page.status_code == 400
        assert any(word in error for error in page.context["draft"].errors), page.context["draft"].errors
    assert site.tariff.versions.count() == 1


@pytest.mark.feature("EBK-27")
def test_the_page_of_a_tariff_says_what_a_charge_costs(client, boss):
    site = f.make_site()
    url = reverse("admin:billing_tariff_change", args=[site.tariff.pk])
    data = {"p-start": "2026-11-20T09:30", "p-power": "20", "p-minutes": "60"}
    price = client.get(url, data, headers=ENGLISH).context["price"]
    assert [(line["name"], line["fen"]) for line in price["lines"]] == [
        ("Peak", "¥14.00"),
        ("Flat", "¥11.00"),
    ]
    assert (price["total"], price["service"]) == ("¥25.00", "¥8.00")
    for wrong in ({"p-start": "soon"}, {"p-power": "much"}, {"p-minutes": "-1"}):
        page = client.get(url, {**data, **wrong}, headers=ENGLISH)
        assert page.status_code == 200 and page.context["price"]["errors"]


@pytest.mark.promise(10)
def test_a_group_has_its_price_at_a_place_until_that_is_ended(client, boss):
    site = f.make_site()
    other = f.TariffFactory(operator=site.operator)
    f.TariffVersionFactory(tariff=other)
    url = reverse("admin:billing_tariff_assign", args=[other.pk])
    assert client.post(url, {"station": site.station.pk, "group": "taxi"}).status_code == 302
    row = TariffAssignment.objects.get(group="taxi")
    assert TariffAssignment.objects.count() == 2
    page = client.get(reverse("admin:billing_tariff_change", args=[other.pk]))
    assert "(taxi)" in page.content.decode()
    foreign = f.make_site()
    assignment = TariffAssignment.objects.get(station=foreign.station)
    end = reverse("admin:billing_tariff_end", args=[other.pk])
    refused = client.post(end, {"assignment": assignment.pk})
    assert "assignment" in refused.context["form"].errors and TariffAssignment.objects.count() == 3
    assert client.post(end, {"assignment": row.pk}).status_code == 302
    assert not TariffAssignment.objects.filter(group="taxi").exists()
    event = AuditEvent.objects.filter(action="billing.assign_tariff").order_by("-pk").first()
    assert event.before["group"] == "taxi" and event.after == {"tariff": None}


def sheet(*rows):
    head = "operator,name,effective_at,ends,electricity,service,total,tiers"
    return "\n".join([head, *rows]).encode()


class TestSheets:
    @pytest.mark.feature("TAR-02")
    def test_what_goes_out_comes_in_the_same(self, client, boss):
        site = f.make_site()
        for as_csv in (False, True):
            content = tariff_sheet(actor=JOB, as_csv=as_csv)
            assert len(read_sheet(content, "x.csv" if as_csv else "x.xlsx").rows) == 1
            name = "t.csv" if as_csv else "t.xlsx"
            report = run_import(TariffImporter(), actor=JOB, content=content, name=name, commit=True)
            assert report.done, report
        versions = list(site.tariff.versions.order_by("number"))
        assert len(versions) == 3
        assert versions[2].slots == site.version.slots
        assert {(t.code, t.electricity_price, t.service_price) for t in versions[2].tiers.all()} == {
            (t.code, t.electricity_price, t.service_price) for t in site.version.tiers.all()
        }
        for query, start in (("", b"PK"), ("?format=csv", "\ufeff".encode())):
            answer = client.get(reverse("admin:billing_tariff_sheet") + query)
            assert answer.status_code == 200 and answer.content.startswith(start)

    def test_any_end_times_at_half_hours_with_totals(self, boss):
        operator = f.OperatorFactory(code="hui")
        row = 'hui,New,,"07:30,9:00，24:00","0.3,1.0,0.3",,"0.7,1.5,0.7",'
        report = run_import(TariffImporter(), actor=JOB, content=sheet(row), name="x.csv", commit=True)
        assert report.done, report
        version = TariffVersion.objects.get(tariff__operator=operator)
        assert version.slots == ["valley"] * 15 + ["peak"] * 3 + ["valley"] * 30
        assert {t.code: t.service_price for t in version.tiers.all()} == {
            "peak": Decimal("0.50000"),
            "valley": Decimal("0.40000"),
        }

    @pytest.mark.promise(11)
    @pytest.mark.parametrize(
        ("ends", "prices", "service", "total", "tiers", "word"),
        [
            ("08:15,24:00", "1,2", "0.4", "", "", "08:15"),
            ("08:00,07:00,24:00", "1,2,3", "0.4", "", "", "07:00"),
            ("08:00,22:00", "1,2", "0.4", "", "", "24:00"),
            ("eight,24:00", "1,2", "0.4", "", "", "eight"),
            ("24:30", "1", "0.4", "", "", "24:30"),
            ("08:00,24:00", "1,2,3", "0.4", "", "", "3"),
            ("08:00,24:00", "1,x", "0.4", "", "", "x"),
            ("08:00,24:00", "1,2", "", "", "", "total"),
            ("08:00,24:00", "1,2", "0.4", "1.4", "", "total"),
            ("08:00,24:00", "1,2", "", "0.5", "", "0.5"),
            ("08:00,24:00", "1,2", "0.4", "", "flat,flat", "flat"),
            ("08:00,24:00", "1,2", "0.4", "", "flat", "1"),
            ("08:00,24:00", "1,1.000001", "0.4", "", "", "1.000001"),
        ],
    )
    def test_another_cut_or_price_is_refused_in_words(self, boss, ends, prices, service, total, tiers, word):
        from django.utils import translation

        f.OperatorFactory(code="hui")
        row = f'hui,New,,"{ends}","{prices}",{service},{total},"{tiers}"'
        with translation.override("en"):
            report = run_import(TariffImporter(), actor=JOB, content=sheet(row), name="x.csv", commit=True)
        assert not report.done and word in report.wrong[0].errors[0].message, report
        assert not Tariff.objects.exists()

    def test_the_page_needs_its_permission_and_previews_first(self, client):
        operator = f.OperatorFactory(code="hui")
        staff = f.make_staff("billing.view_tariff", operator=operator)
        client.force_login(staff)
        url = reverse("admin:billing_tariff_import")
        assert client.get(url).status_code == 403
        assert client.get(reverse("admin:billing_tariff_sheet")).status_code == 403
        client.force_login(
            f.make_staff(
                "billing.view_tariff", "billing.add_tariff", "billing.change_tariff", operator=operator
            )
        )
        foreign = f.OperatorFactory(code="foreign")
        content = sheet("hui,Mine,,24:00,0.7,0.4,,", "foreign,Theirs,,24:00,0.7,0.4,,")
        upload = SimpleUploadedFile("t.csv", content)
        page = client.post(url, {"file": upload})
        assert page.status_code == 400 and not Tariff.objects.exists()
        upload = SimpleUploadedFile("t.csv", sheet("hui,Mine,,24:00,0.7,0.4,,"))
        page = client.post(url, {"file": upload})
        assert page.status_code == 200 and not Tariff.objects.exists()
        context = page.context
        data = {"confirm": "1", "name": context["name"], "content": context["content"]}
        assert client.post(url, data).status_code == 302
        assert Tariff.objects.get().operator == operator and not foreign.tariffs.exists()
        assert client.get(url + "?template=1").content.startswith(b"PK")


@pytest.mark.promise(10)
def test_discounts_strategies_and_special_days_are_made_on_their_pages(client, boss):
    site = f.make_site()
    base = {
        "name": "Night",
        "operator": site.operator.pk,
        "fees": ["service"],
        "off_fen": "0",
        "off_bp": "1500",
    }
    moment = {"valid_from_0": "2026-01-01", "valid_from_1": "00:00:00"}
    add = reverse("admin:billing_discount_add")
    data = {**base, **moment, "bearer": "operator", "phone": site.driver.phone, "is_active": "on"}
    wrong = client.post(add, {**data, "from_slot": "3"}, headers=ENGLISH)
    assert wrong.status_code == 200 and "both ends" in wrong.content.decode()
    page = client.post(add, {**data, "from_slot": "44", "to_slot": "12"})
    assert page.status_code == 302, page.context["errors"]
    discount = Discount.objects.get()
    assert (discount.driver, discount.off_bp, discount.from_slot) == (site.driver, 1_500, 44)
    add = reverse("admin:billing_chargingstrategy_add")
    data = {"name": "Short", "operator": site.operator.pk, "max_seconds": "3600", "methods": ["code"]}
    wrong = client.post(add, {**data, "max_soc_pct": "0"}, headers=ENGLISH)
    assert wrong.status_code == 200 and not ChargingStrategy.objects.exists()
    assert client.post(add, data).status_code == 302
    strategy = ChargingStrategy.objects.get()
    place = {"station": site.station.pk, "pile_code": site.pile.code}
    assert (
        client.post(reverse("admin:billing_chargingstrategy_place", args=[strategy.pk]), place).status_code
        == 302
    )
    assert strategy.places.get().pile == site.pile
    assert (
        client.post(reverse("admin:billing_chargingstrategy_unplace", args=[strategy.pk]), place).status_code
        == 302
    )
    assert not strategy.places.exists()
    upload = SimpleUploadedFile("d.csv", "date,kind,name\n2026/10/1,节假日,国庆节\n".encode())
    url = reverse("admin:billing_specialday_import")
    context = client.post(url, {"file": upload}).context
    data = {"confirm": "1", "name": context["name"], "content": context["content"]}
    assert client.post(url, data).status_code == 302
    day = SpecialDay.objects.get()
    assert (day.date.isoformat(), day.kind) == ("2026-10-01", "holiday")
    client.force_login(
        f.make_staff("billing.view_specialday", "billing.change_specialday", operator=site.operator)
    )
    clear = reverse("admin:billing_specialday_clear", args=[day.pk])
    client.post(clear)
    assert SpecialDay.objects.exists(), "they are every operator's"
    client.force_login(boss)
    assert client.post(clear).status_code == 302 and not SpecialDay.objects.exists()
    assert AuditEvent.objects.filter(action="billing.clear_special_day").exists()
