"""Exports of the console's lists: what the list shows is what the file holds, in scope, once, in flat memory."""

import csv
import io
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook

from billing.models import ChargingOrder
from kernel import exports as kernel_exports
from kernel.exports import Column, Kind, writers
from kernel.models import AuditEvent, ExportJob
from kernel.services import exports
from tests import factories as f
from tests.users.tenants import make_order, make_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def tenants(client):
    tenants = make_tenant(), make_tenant()
    client.force_login(tenants[0].admin)
    return tenants


def ask(client, model="billing_chargingorder", query="when=all", **data):
    """Ask for an export on the list's page; the job."""
    url = reverse(f"admin:{model}_export")
    page = client.get(f"{url}?{query}")
    assert page.status_code == 200
    columns = [code for code, _title in page.context["form"].fields["columns"].choices]
    answer = client.post(f"{url}?{query}", {"file_format": "csv", "columns": columns, **data})
    assert answer.status_code == 302, answer.context["form"].errors
    job = ExportJob.objects.latest("pk")
    assert answer["Location"] == reverse("admin:kernel_exportjob_change", args=[job.pk])
    return job


def made(job) -> list[list[str]]:
    """Run the job; the rows of its CSV, the header first."""
    exports.run_export(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.error
    with default_storage.open(job.stored_name) as file:
        return list(csv.reader(io.StringIO(file.read().decode("utf-8-sig"))))


@pytest.mark.embedded
def test_the_file_holds_the_rows_of_the_filtered_list_in_scope_and_is_its_owners_alone(client, tenants):
    mine, foreign = tenants
    site = f.make_site(operator=mine.operator)
    settled = make_order(site, f.make_driver(operator=mine.operator))
    ChargingOrder.objects.filter(pk=settled.pk).update(
        state="settled", electricity_fen=100, service_fen=34, total_fen=134, settled_at=timezone.now()
    )
    job = ask(client, query="when=all&state=settled")
    header, *rows = made(job)
    assert header[:4] == ["订单号", "状态", "运营商", "充电站"]
    own = ChargingOrder.objects.unscoped("test").filter(operator=mine.operator)
    assert sorted(row[0] for row in rows) == sorted(
        own.filter(state="settled").values_list("order_no", flat=True)
    )
    row = next(dict(zip(header, row, strict=True)) for row in rows if row[0] == settled.order_no)
    assert (row["状态"], row["充电站"], row["合计（元）"]) == ("已结算", site.station.name, "1.34")
    assert (job.rows_done, job.percent) == (len(rows), 100)
    everything = made(ask(client))
    assert {row[0] for row in everything[1:]} == set(
        ChargingOrder.objects.unscoped("test")
        .filter(operator=mine.operator)
        .values_list("order_no", flat=True)
    )
    page = client.get(reverse("admin:kernel_exportjob_change", args=[job.pk]))
    assert "下载" in page.content.decode()
    file = client.get(reverse("admin:kernel_exportjob_file", args=[job.pk]))
    assert file.status_code == 200 and b"".join(file.streaming_content).startswith(b"\xef\xbb\xbf")
    assert AuditEvent.objects.filter(action="kernel.request_export", actor_id=str(mine.admin.pk)).count() == 2
    client.force_login(foreign.admin)
    assert client.get(reverse("admin:kernel_exportjob_file", args=[job.pk])).status_code == 404
    assert client.get(reverse("admin:kernel_exportjob_change", args=[job.pk])).status_code == 404


def test_a_list_without_columns_of_its_own_exports_what_it_shows(client, tenants):
    _header, *rows = made(ask(client, "stations_pile", ""))
    page = client.get(reverse("admin:stations_pile_changelist")).content.decode()
    assert rows and all(row[0] in page for row in rows)
    assert not any("<" in cell for row in rows for cell in row)


def test_columns_and_their_order_are_kept_and_xlsx_has_real_cells(client, tenants):
    job = ask(client, columns=["total", "order_no", "created_at"], file_format="xlsx")
    exports.run_export(job_id=job.pk)
    job.refresh_from_db()
    with default_storage.open(job.stored_name) as file:
        rows = CalamineWorkbook.from_filelike(io.BytesIO(file.read())).get_sheet_by_index(0).to_python()
    order = ChargingOrder.objects.unscoped("test").get(operator=tenants[0].operator)
    assert rows[0] == ["合计（元）", "订单号", "创建时间"]
    assert rows[1][:2] == [order.total_fen / 100, order.order_no]
    local = timezone.localtime(order.created_at).replace(tzinfo=None)
    assert abs(rows[1][2] - local) < timedelta(seconds=1)


def test_rights_are_those_of_the_moment_it_runs(client, tenants):
    staff = f.make_staff(operator=tenants[0].operator)
    from django.contrib.auth.models import Permission

    staff.user_permissions.set(
        Permission.objects.filter(codename__in=["view_chargingorder", "add_exportjob", "view_exportjob"])
    )
    client.force_login(staff)
    phone = made(ask(client))
    assert not any(cell for row in phone[1:] for cell in [row[phone[0].index("手机号")]])
    job = ask(client)
    staff.user_permissions.clear()
    exports.run_export(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.stored_name) == ("failed", "")
    assert "billing.view_chargingorder" in job.error or "kernel.add_exportjob" in job.error
    assert client.get(reverse("admin:billing_chargingorder_export")).status_code == 403


@pytest.mark.promise(11)
def test_what_is_not_accepted_is_named_and_queues_nothing(client, tenants):
    url = reverse("admin:billing_chargingorder_export")
    answer = client.post(url, {"file_format": "pdf", "columns": ["order_no"]})
    assert answer.status_code == 200 and "pdf" in str(answer.context["form"].errors)
    for _turn in range(exports.OPEN_PER_OWNER):
        ask(client)
    answer = client.post(url, {"file_format": "csv", "columns": ["order_no"]})
    assert str(exports.OPEN_PER_OWNER) in answer.content.decode()
    assert ExportJob.objects.count() == exports.OPEN_PER_OWNER


@pytest.mark.embedded
@pytest.mark.promise(7)
def test_lost_dead_cancelled_and_old_exports_come_to_their_end(client, tenants, monkeypatch):
    handed = []
    monkeypatch.setattr(exports, "_enqueue", handed.append)
    lost, dead, unwanted = ask(client), ask(client), ask(client)
    long_ago = timezone.now() - timedelta(minutes=5)
    ExportJob.objects.filter(pk=lost.pk).update(created_at=long_ago)
    ExportJob.objects.filter(pk=dead.pk).update(
        created_at=long_ago, state="running", beat_at=long_ago, attempts=1
    )
    client.post(reverse("admin:kernel_exportjob_cancel", args=[unwanted.pk]))
    unwanted.refresh_from_db()
    assert unwanted.state == "cancelled"
    exports.sweep_exports()
    assert handed == [lost.pk, dead.pk]
    assert len(made(dead)) > 1
    assert exports.run_export(job_id=dead.pk) is None and exports.run_export(job_id=unwanted.pk) is None
    dead.refresh_from_db()
    name = dead.stored_name
    ExportJob.objects.filter(pk=dead.pk).update(expires_at=long_ago)
    exports.sweep_exports()
    dead.refresh_from_db()
    assert dead.state == "expired" and not default_storage.exists(name)


class _Many:
    """A source of many rows that is cancelled after the first progress."""

    title = "many"

    def __init__(self):
        self.job = None

    def columns(self):
        return [Column("n", "n", Kind.INTEGER)]

    def check(self, actor): ...

    def clean(self, params):
        return {}

    def total(self, actor, params):
        return 1_000_000

    def rows(self, actor, params):
        for number in range(1_000_000):
            if number == 1_500:
                ExportJob.objects.filter(pk=self.job).update(state="cancelled")
            assert number < 3_000, "it went on"
            yield (number,)


def test_a_running_export_ends_when_it_is_cancelled_and_leaves_no_file(tenants, monkeypatch, tmp_path):
    source = _Many()
    monkeypatch.setitem(kernel_exports._EXPORTERS, "many", source)
    monkeypatch.setattr(exports, "BEAT_S", 0)
    from users import actors

    job = exports.request_export(actor=actors.of_staff(tenants[0].admin), exporter="many", file_format="csv")
    source.job = job.pk
    assert exports.run_export(job_id=job.pk).state == "cancelled"
    assert not list(tmp_path.rglob("*.csv"))


@pytest.mark.parametrize("text", ["=1+1", "+86", "-2", "@cmd", "\tx", "\rx"])
def test_no_cell_is_run_as_a_formula(tmp_path, text):
    columns = [Column("a", text), Column("b", "b", Kind.FEN)]
    for kind in ("csv", "xlsx"):
        writer = writers.WRITERS[kind](tmp_path / f"x.{kind}", columns, "=sheet")
        writer.write([text, -5])
        writer.close()
    with (tmp_path / "x.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [[f"'{text}", "b"], [f"'{text}", "-0.05"]]
    rows = CalamineWorkbook.from_path(str(tmp_path / "x.xlsx")).get_sheet_by_index(0).to_python()
    assert [row[1] for row in rows] == ["b", -0.05]
    assert rows[1][0] == text.replace("\r", "\n") or rows[1][0] == text


def test_a_table_longer_than_a_sheet_goes_on_over_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(writers, "SHEET_ROWS", 3)
    writer = writers.XlsxWriter(tmp_path / "x.xlsx", [Column("n", "n", Kind.INTEGER)], "many")
    assert writers.write_rows(writer, ((n,) for n in range(5)), [0], lambda _n: None) == 5
    writer.close()
    book = CalamineWorkbook.from_path(str(tmp_path / "x.xlsx"))
    assert [book.get_sheet_by_index(i).to_python() for i in range(3)] == [
        [["n"], [0.0], [1.0]],
        [["n"], [2.0], [3.0]],
        [["n"], [4.0]],
    ]
