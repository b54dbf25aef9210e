"""Drivers who stayed away: found by days, as a file, and given a coupon from the list."""

import csv
import io
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core.files.storage import default_storage
from django.urls import reverse

from analytics import tasks
from analytics.models import DriverVisit
from kernel.models import ExportJob
from kernel.services import exports
from marketing.models import Coupon
from marketing.services import coupons
from tests.analytics.test_reports import charge
from tests.factories import make_driver, make_site, make_staff
from tests.marketing.test_coupons import campaign

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
LIST = "/admin/users/driver/"
RIGHTS = ("users.view_driver", "marketing.add_coupon", "kernel.add_exportjob", "kernel.view_exportjob")


def names(client, query, **headers):
    page = client.get(f"{LIST}?{query}", **headers)
    assert page.status_code == 200
    return {driver.name for driver in page.context["cl"].result_list}


@pytest.mark.feature("USR-10", "RPT-07")
@pytest.mark.promise(9)
def test_who_did_not_charge_for_n_days_gets_a_coupon_from_the_list(client, settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    began = datetime.fromisoformat("2026-10-01T09:30:00+08:00")
    with time_machine.travel(began, tick=False) as clock:
        mine, other = make_site(), make_site()
        away, here, _never, stranger = (
            make_driver(balance_fen=20_000, operator=operator, name=name)
            for name, operator in (
                ("away", mine.operator), ("here", mine.operator), ("never", mine.operator), ("stranger", other.operator),
            )
        )  # fmt: skip
        charge(mine, clock, {"flat": "10.0000"}, driver=away)
        tasks.build_recent_facts()
        clock.shift(timedelta(days=40))
        make_driver(operator=mine.operator, name="new")
        charge(mine, clock, {"flat": "5.0000"}, driver=here)
        charge(other, clock, {"flat": "5.0000"}, driver=away)
        charge(mine, clock, {"flat": "5.0000"}, driver=stranger)
        tasks.build_recent_facts()
        tasks.rebuild_facts()
        assert DriverVisit.objects.unscoped("test").count() == 4

        client.force_login(make_staff(*RIGHTS, operator=mine.operator))
        assert names(client, "idle=30") == {
            "away",
            "never",
        }  # of another operator's stations nothing is known here
        assert names(client, "idle=45") == set()  # nobody had an account then
        assert names(client, "") == {"away", "here", "never", "new", "stranger"}
        body = client.get(f"{LIST}?idle=30").content.decode()
        assert "2026-10-01 10:30" in body and "10.0 kWh" in body
        for wrong in ("0", "x", "99999"):
            assert client.get(f"{LIST}?idle={wrong}").status_code == 302

        client.post(
            f"{LIST}export/?idle=30",
            {"file_format": "csv", "columns": ["display_name", "last_charge", "charged"]},
        )
        job = ExportJob.objects.get()
        exports.run_export(job_id=job.pk)
        job.refresh_from_db()
        with default_storage.open(job.stored_name) as file:
            _header, *rows = csv.reader(io.StringIO(file.read().decode("utf-8-sig")))
        assert {row[0]: row[1] for row in rows} == {"away": "2026-10-01 10:30", "never": ""}

        given = campaign(mine)
        foreign = campaign(other)
        dialog = reverse("admin:users_driver_give_coupons")
        opened = client.get(
            dialog, HTTP_HX_CURRENT_URL=f"http://testserver{LIST}?idle=30&before=99"
        ).content.decode()
        assert 'value="idle=30&amp;before=99"' in opened and "2 行" in opened
        assert given.name in opened
        monkeypatch.setattr(coupons, "MOST_AT_ONCE", 1)
        sent = {"selection": "idle=30", "campaign": given.pk, "reason": "come back"}
        assert "selection" not in client.post(dialog, {**sent, "campaign": foreign.pk}).headers
        assert not Coupon.objects.unscoped("test").exists()
        for left in (1, 0):
            assert client.post(dialog, sent).headers["Location"] == f"{LIST}?idle=30"
            assert Coupon.objects.unscoped("test").count() == 2 - left
        has = set(Coupon.objects.unscoped("test").values_list("driver__name", flat=True))
        assert has == {"away", "never"}
        again = client.post(dialog, sent)
        assert again.status_code == 200 and "都已经有" in again.content.decode()

        client.force_login(make_staff(superuser=True))
        assert names(client, "idle=30") >= {"never"}
        assert "away" not in names(client, "idle=30")  # the platform sees every station
        client.force_login(make_staff("users.view_driver", operator=mine.operator))
        assert client.get(dialog).status_code == 403
