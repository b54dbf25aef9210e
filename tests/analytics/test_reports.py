"""Reports add up to the ledger, whatever is built how often, and each reader gets their own."""

import csv
import io
import json
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from analytics import pivot, reports, tasks
from analytics.models import HourFact, UseFact
from billing.models import Account, ChargingOrder, Entry, Proposal
from billing.services import ledger, proposals
from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import ExportJob
from kernel.services import exports
from tests.billing import flow
from tests.factories import make_driver, make_site, make_staff, staff_actor

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
HALF_PAST_NINE = datetime.fromisoformat("2026-11-20T09:30:00+08:00")
ALL = system("tests")


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def clock():
    with time_machine.travel(HALF_PAST_NINE, tick=False) as travel:
        yield travel


def charge(site, clock, energies, *, driver=None):
    """One charge of an hour, settled."""
    order = flow.charging(site, driver=driver)
    clock.shift(timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, energies))
    order.refresh_from_db()
    assert order.state == "settled"
    return order


def read(dimension, grain="total", actor=ALL, first="2026-11-20", last="2026-11-21"):
    query = reports.parse({"dimension": dimension, "grain": grain, "first": first, "last": last})
    return reports.read(actor=actor, query=query)


@pytest.fixture(scope="module")
def whole_week(django_db_setup, django_db_blocker):
    """Two operators, three charges on two days, one of them partly given back; made once, and when it was over."""
    with django_db_blocker.unblock(), transaction.atomic():
        with time_machine.travel(HALF_PAST_NINE, tick=False) as clock:
            made, over = _week(clock), timezone.now()
        yield made, over
        transaction.set_rollback(True)


@pytest.fixture
def week(whole_week, db, clock):
    """The week at its end; every test works in a savepoint of it."""
    made, over = whole_week
    clock.move_to(over)
    return made


def _week(clock):
    mine, other = make_site(), make_site()
    first = charge(mine, clock, {"flat": "12.3456", "peak": "23.4567"})  # 46.42 yuan
    friend = make_driver(balance_fen=10_000, operator=mine.operator)
    clock.shift(timedelta(hours=13))  # 23:30
    second = charge(mine, clock, {"valley": "5.0000"}, driver=friend)  # settled at 00:30 of the next day
    third = charge(other, clock, {"valley": "1.0000"})
    rights = ("billing.propose_change", "billing.approve_change", "billing.view_proposal")
    boss, finance = (staff_actor(*rights, operator=mine.operator) for _ in range(2))
    proposal = proposals.propose(
        actor=boss,
        kind=Proposal.Kind.ORDER_REFUND,
        operator=mine.operator,
        payload={"order_no": first.order_no, "amounts": {"service": 100}},
        reason="queue",
    )
    proposals.approve(actor=finance, proposal=proposal)
    tasks.rebuild_facts()
    return mine, other, (first, second, third)


@pytest.mark.feature("RPT-01", "RPT-10", "FIN-01")
def test_the_platforms_report_is_what_was_settled_and_what_the_ledger_says(week):
    _mine, _other, orders = week
    report = read("platform")
    totals = report.totals
    assert totals["income_fen"] == sum(order.total_fen for order in orders) - 100
    assert totals["energy_kwh"] == Decimal("41.8023")
    assert (totals["orders"], totals["duration_s"]) == (3, 3 * 3600)
    assert (totals["flat_kwh"], totals["valley_kwh"]) == (Decimal("12.3456"), Decimal("6.0000"))
    accounts = Account.objects.filter(kind__in=["operator_electricity", "operator_service"])
    assert totals["electricity_fen"] + totals["service_fen"] == sum(a.balance_fen for a in accounts)
    assert report.agrees is True
    (_none, _label, line) = report.lines[0]
    assert (line["users"], line["piles"], line["orders"]) == (3, 2, 3)


@pytest.mark.feature("RPT-02", "RPT-03", "FIN-02")
@pytest.mark.feature("FIN-12")
def test_every_dimension_and_grain_has_the_same_totals(week):
    mine, _other, _orders = week
    whole = read("platform").totals
    assert (read("channel").agrees, read("channel").settling) == (None, False)
    # Only what was booked this moment may be missing without a warning.
    told = [reports.is_settling(1_000, 300, {"income_fen": fen}) for fen in (1_000, 700, 699, 1_001)]
    assert told == [False, True, False, False] and not reports.is_settling(None, 0, {})
    for dimension in ("operator", "station", "pile", "driver"):
        for grain in ("hour", "day", "month", "total"):
            report = read(dimension, grain)
            assert report.agrees is True and report.settling is False, (dimension, grain)
            for code in ("orders", "energy_kwh", "electricity_fen", "service_fen", "income_fen"):
                assert report.totals[code] == whole[code], (dimension, grain, code)
                assert sum(values[code] for _m, _l, values in report.lines) == whole[code]
    days = [
        (m and timezone.localtime(m).day, values["orders"]) for m, _l, values in read("platform", "day").lines
    ]
    assert days == [(20, 1), (21, 2)]
    labels = [label for _m, label, _v in read("station").lines]
    assert labels[0] == mine.station.name


def test_building_again_changes_nothing_and_a_late_correction_counts_where_it_is_booked(week, clock):
    mine, _other, (first, *_rest) = week
    before = list(
        HourFact.objects.unscoped("test").order_by("hour", "pile").values_list("hour", "pile", "service_fen")
    )
    UseFact.objects.unscoped("test").delete()  # as before there were any
    tasks.build_recent_facts()
    assert pivot_of(row="station").agrees is True
    tasks.rebuild_facts()
    tasks.build_recent_facts()
    call_command("build_facts", "--json", stdout=io.StringIO())
    again = (
        HourFact.objects.unscoped("test").order_by("hour", "pile").values_list("hour", "pile", "service_fen")
    )
    assert list(again) == before
    clock.shift(timedelta(days=1))
    electricity = ledger.account_of(Account.Kind.OPERATOR_ELECTRICITY, operator=mine.operator)
    ledger.post(
        key="late", kind="correction", order=first, actor=ALL,
        lines=[(electricity, -10), (ledger.wallet_of(mine.driver), 10)],
    )  # fmt: skip
    tasks.build_recent_facts()
    assert read("platform").totals["electricity_fen"] == sum(
        Entry.objects.unscoped("test")
        .filter(account__kind="operator_electricity", journal__at__lt=timezone.now() - timedelta(hours=12))
        .values_list("amount_fen", flat=True)
    )
    later = read("platform", first="2026-11-22", last="2026-11-22")
    assert (later.totals["electricity_fen"], later.totals["orders"], later.agrees) == (-10, 0, True)


@pytest.mark.promise(9)
def test_a_reader_sees_their_own_operator_and_needs_the_permission(week, client):
    mine, other, _orders = week
    actor = staff_actor("analytics.view_reports", operator=other.operator)
    report = read("station", actor=actor)
    assert [label for _m, label, _v in report.lines] == [other.station.name]
    assert (report.totals["orders"], report.agrees) == (1, True)
    assert read("driver", actor=actor).totals["orders"] == 1
    assert read("channel", actor=actor).lines == []
    with pytest.raises(DomainError, match="view_reports"):
        read("station", actor=staff_actor(operator=mine.operator))
    client.force_login(make_staff(operator=mine.operator))
    assert client.get(reverse("admin:reports")).status_code == 403


@pytest.mark.feature("RPT-12", "FIN-03")
def test_the_page_shows_chart_and_table_and_gives_the_same_as_a_file(week, client):
    mine, _other, _orders = week
    client.force_login(make_staff(superuser=True))
    asked = {"dimension": "station", "grain": "day", "first": "2026-11-20", "last": "2026-11-21"}
    page = client.get(reverse("admin:reports"), asked)
    body = page.content.decode()
    assert mine.station.name in body and "与账本一致" in body
    assert page.context["report"].chart["energy"] == [35.8, 6.0]
    answer = client.post(reverse("admin:reports"), {**asked, "file_format": "csv"})
    job = ExportJob.objects.get()
    assert answer["Location"].endswith(f"{job.pk}/change/")
    exports.run_export(job_id=job.pk)
    job.refresh_from_db()
    with default_storage.open(job.stored_name) as file:
        header, *rows = csv.reader(io.StringIO(file.read().decode("utf-8-sig")))
    place = header.index("实收")
    assert (
        sum(round(Decimal(row[place]) * 100) for row in rows) == page.context["report"].totals["income_fen"]
    )
    assert "支付渠道" not in header and len(rows) == len(page.context["report"].lines)


@pytest.mark.promise(11)
@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"dimension": "planet"}, "platform, operator, station"),
        ({"first": "yesterday"}, "2026-01-31"),
        ({"first": "2026-11-22", "last": "2026-11-20"}, "2026-11-20"),
        ({"grain": "hour", "first": "2026-01-01", "last": "2026-11-20"}, "2026-10-21"),
    ],
)
def test_what_is_not_accepted_is_named(clock, client, asked, word):
    with pytest.raises(DomainError, match=word):
        reports.parse(asked)
    client.force_login(make_staff(superuser=True))
    assert word in client.get(reverse("admin:reports"), asked).content.decode()


def test_the_command_prints_the_same_figures(week):
    out = io.StringIO()
    call_command(
        "report",
        "--by",
        "operator",
        "--grain",
        "total",
        "--from",
        "2026-11-20",
        "--to",
        "2026-11-21",
        "--json",
        stdout=out,
    )
    answer = json.loads(out.getvalue())
    assert answer["agrees"] is True
    assert answer["totals"]["income_fen"] == read("operator").totals["income_fen"]
    with pytest.raises(CommandError, match="planet"):
        call_command("report", "--by", "planet")


def pivot_of(actor=ALL, **asked):
    asked = {"first": "2026-11-20", "last": "2026-11-21", **asked}
    return pivot.read(actor=actor, query=pivot.parse(asked))


@pytest.mark.feature("ORD-12")
@pytest.mark.promise(9)
def test_one_day_of_one_station_adds_up_to_its_report(week, client, clock):
    mine, other, (first, second, _third) = week
    address = reverse("admin:station_day")
    client.force_login(
        make_staff("billing.view_chargingorder", "kernel.add_exportjob", operator=mine.operator)
    )
    page = client.get(address, {"station": mine.station.pk, "day": "2026-11-20"})
    body = page.content.decode()
    assert first.order_no in body and second.order_no not in body
    assert "day=2026-11-19" in body and "day=2026-11-21" in body
    figures = [value for _label, value, _small in page.context["figures"]]
    assert (figures[0], figures[-2]) == ("1", f"¥{first.total_fen / 100:.2f}")
    report = read("station", first="2026-11-20", last="2026-11-20").totals
    assert page.context["chart"]["energy"][10] == 35.8 and sum(page.context["chart"]["energy"]) == 35.8
    assert report["income_fen"] == first.total_fen
    # The refund was booked on the next day, beside the bill of the second charge.
    clock.shift(timedelta(days=1))
    page = client.get(address, {"station": mine.station.pk, "day": "2026-11-21"})
    assert page.context["figures"][-1][:2] == ("账单之外入账", "-¥1.00")
    assert "day=2026-11-22" in page.content.decode()
    assert client.get(address, {"station": other.station.pk}).status_code == 404
    assert client.get(address).context["day"].station == mine.station
    assert "2026-01-31" in client.get(address, {"day": "soon"}).content.decode()
    client.post(address, {"station": mine.station.pk, "day": "2026-11-21", "file_format": "csv"})
    job = ExportJob.objects.get()
    exports.run_export(job_id=job.pk)
    job.refresh_from_db()
    with default_storage.open(job.stored_name) as file:
        header, *rows = csv.reader(io.StringIO(file.read().decode("utf-8-sig")))
    assert [row[0] for row in rows] == [second.order_no]
    assert rows[0][header.index("手机号")] == ""  # personal data stays with those who may see it
    station = client.get(reverse("admin:stations_station_change", args=[mine.station.pk]))
    assert station.status_code == 403
    client.force_login(
        make_staff("stations.view_station", "billing.view_chargingorder", operator=mine.operator)
    )
    station = client.get(reverse("admin:stations_station_change", args=[mine.station.pk]))
    assert f"{address}?station={mine.station.pk}" in station.content.decode()
    client.force_login(make_staff(operator=mine.operator))
    assert client.get(address).status_code == 403


@pytest.mark.promise(9)
@pytest.mark.feature("ORD-11")
def test_any_of_the_five_dimensions_against_any_other_adds_up_to_the_ledger(week, client, monkeypatch):
    mine, other, (first, *_rest) = week
    actor = staff_actor("analytics.view_reports", operator=other.operator)
    table = pivot_of(actor, row="station", column="driver", measure="orders")
    assert ([label for label, _c, _v in table.rows], table.totals["orders"]) == ([other.station.name], 1)
    assert other.driver.phone not in table.columns[0] and table.agrees
    assert pivot_of(actor, station=str(mine.station.pk)).rows == []
    client.force_login(make_staff(operator=mine.operator))
    assert client.get(reverse("admin:order_statistics")).status_code == 403
    client.force_login(make_staff(superuser=True))
    asked = {"row": "pile", "column": "day", "first": "2026-11-20", "last": "2026-11-21"}
    page = client.get(reverse("admin:order_statistics"), asked)
    assert mine.pile.name in page.content.decode() and "与账本一致" in page.content.decode()
    assert [name for name, _v in page.context["chart"]["series"]] == ["2026-11-20", "2026-11-21"]
    client.post(reverse("admin:order_statistics"), {**asked, "file_format": "csv"})
    job = ExportJob.objects.get()
    exports.run_export(job_id=job.pk)
    job.refresh_from_db()
    with default_storage.open(job.stored_name) as file:
        header, *rows = csv.reader(io.StringIO(file.read().decode("utf-8-sig")))
    assert header[:2] == ["行", "列"] and len(rows) == 3
    income = sum(round(Decimal(row[header.index("实收")]) * 100) for row in rows)
    assert income == page.context["pivot"].totals["income_fen"]
    for asked, word in (
        ({"row": "planet"}, "station, pile, connector"),
        ({"row": "way", "column": "way"}, "none, station"),
        ({"column": "day", "first": "2026-01-01", "last": "2026-11-21"}, "2026-10-22"),
        ({"station": "x"}, "1, 2, 3"),
    ):
        assert word in client.get(reverse("admin:order_statistics"), asked).content.decode()

    whole = read("platform").totals
    dimensions = list(pivot.DIMENSIONS)
    for at, row in enumerate(dimensions):  # each as rows and as columns, with three others
        for column in (pivot.NONE, *((dimensions * 2)[at + step] for step in (1, 3))):
            table = pivot_of(row=row, column=column)
            assert table.agrees is True, (row, column)
            for code in ("orders", "energy_kwh", "duration_s", "service_fen", "income_fen"):
                assert table.totals[code] == whole[code] == sum(line[2][code] for line in table.rows)
            for _label, cells, values in table.rows if table.columns else ():
                assert sum(cells) == values["income_fen"]
            if table.columns:
                assert sum(table.column_totals) == whole["income_fen"]
    table = pivot_of(row="station", column="day", measure="orders")
    assert [(label, cells) for label, cells, _v in table.rows] == [
        (mine.station.name, [1, 1]),
        (other.station.name, [0, 1]),
    ]
    assert table.columns == ["2026-11-20", "2026-11-21"]
    by_hour = pivot_of(row="hour", column="way", measure="energy_kwh")
    assert [label for label, _c, _v in by_hour.rows] == ["00:00", "01:00", "10:00"]
    assert by_hour.columns == ["扫码或输码"]
    # An order without a driver stays in the totals.
    ChargingOrder.objects.filter(pk=first.pk).update(driver=None, start_method="vin")
    tasks.rebuild_facts()
    table = pivot_of(row="driver", column="way")
    assert table.agrees and "无车主" in [label for label, _c, _v in table.rows]
    # What a page has no room for is one line.
    monkeypatch.setattr(pivot, "MOST_ROWS", 1)
    monkeypatch.setattr(pivot, "MOST_COLUMNS", 1)
    table = pivot_of(row="driver", column="connector")
    assert [len(table.rows), len(table.columns)] == [2, 2]
    assert sum(sum(cells) for _l, cells, _v in table.rows) == whole["income_fen"] == sum(table.column_totals)
