"""The console's base classes: lists of any size, dialogs that never change anything by GET, start-up checks."""

import re

import pytest
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from kernel.models import AuditEvent
from stations.models import Pile, Station
from tests import factories as f
from users.console import paging
from users.console.admin import FactAdmin, ScopedModelAdmin
from users.console.checks import check_every_admin_is_scoped
from users.models import Driver

pytestmark = pytest.mark.django_db
AUDIT = "/admin/kernel/auditevent/"


def error_ids(admin_class, model=AuditEvent):
    return {error.id for error in admin_class(model, admin.site).check()}


@pytest.fixture
def platform_admin(client):
    staff = f.make_staff(superuser=True)
    client.force_login(staff)
    return staff


def make_events(number):
    now = timezone.now()
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=now, actor_kind="staff", actor_id="1", action="tests.event", target_type="x", target_id=str(n)
        )
        for n in range(number)
    )
    return list(AuditEvent.objects.order_by("-pk").values_list("pk", flat=True))


def page_ids(page):
    return [row.pk for row in page.context["cl"].result_list]


# --- keyset pages and capped counts -----------------------------------------------------------------------


def test_keyset_walks_down_and_up_again(client, platform_admin):
    ids = make_events(120)
    first = client.get(AUDIT)
    assert page_ids(first) == ids[:50]
    second = client.get(AUDIT + first.context["cl"].older_url())
    assert page_ids(second) == ids[50:100]
    third = client.get(AUDIT + second.context["cl"].older_url())
    assert page_ids(third) == ids[100:]
    assert third.context["cl"].older is None
    back = client.get(AUDIT + third.context["cl"].newer_url())
    assert page_ids(back) == ids[50:100]
    top = client.get(AUDIT + back.context["cl"].newer_url())
    assert page_ids(top) == ids[:50]
    assert top.context["cl"].newer is None


def test_a_page_deep_down_costs_no_offset(client, platform_admin):
    ids = make_events(120)
    with CaptureQueriesContext(connection) as queries:
        client.get(AUDIT, {"before": ids[100]})
    assert not any("OFFSET" in query["sql"] for query in queries.captured_queries)


@pytest.mark.parametrize("value", ["x", "-1", "99999999999999999999", "1 or 1=1"])
def test_bad_cursor_is_refused_kindly(client, platform_admin, value):
    make_events(2)
    assert client.get(AUDIT, {"before": value}, follow=True).status_code == 200


def test_count_stops_at_the_cap(client, platform_admin, monkeypatch):
    monkeypatch.setattr(paging, "COUNT_CAP", 60)
    make_events(80)
    page = client.get(AUDIT)
    assert page.context["cl"].paginator.count_text == "60+"
    assert "60+" in page.content.decode()


def test_exact_count_below_the_cap(client, platform_admin):
    make_events(7)
    assert client.get(AUDIT).context["cl"].paginator.count_text == "7"


def test_default_window_hides_old_rows_and_a_search_finds_them(client, platform_admin):
    make_events(1)
    old = AuditEvent.objects.create(
        at=timezone.now() - timezone.timedelta(days=30),
        actor_kind="staff",
        actor_id="1",
        action="tests.old",
        target_type="x",
        target_id="needle",
    )
    assert old.pk not in page_ids(client.get(AUDIT))
    assert old.pk in page_ids(client.get(AUDIT, {"when": "all"}))
    assert page_ids(client.get(AUDIT, {"q": "needle"})) == [old.pk]


def test_ordering_only_where_an_index_is(client, platform_admin):
    f.make_site()
    allowed = client.get("/admin/stations/pile/", {"o": "-0"})
    assert "o" in allowed.context["cl"].params
    refused = client.get("/admin/stations/pile/", {"o": "1"})
    assert "o" not in refused.context["cl"].params
    assert client.get("/admin/stations/pile/", {"o": "77.x"}).status_code == 200


def test_free_lookups_are_refused(client, platform_admin):
    """A lookup on a column that no filter declares would let a reader guess masked numbers."""
    f.DriverFactory(phone="13800001111")
    answer = client.get("/admin/users/driver/", {"phone__startswith": "138"})
    assert answer.status_code == 400
    answer = client.get("/admin/users/staff/", {"password__startswith": "md5"})
    assert answer.status_code == 400


def test_search_of_drivers_is_exact(client, platform_admin):
    driver = f.DriverFactory(phone="13800001111")
    assert page_ids(client.get("/admin/users/driver/", {"q": "138 0000 1111"})) == [driver.pk]
    assert page_ids(client.get("/admin/users/driver/", {"q": "1380000"})) == []


# --- start-up checks --------------------------------------------------------------------------------------


def test_the_console_passes_its_own_checks():
    errors = [e for model_admin in admin.site._registry.values() for e in model_admin.check()]
    assert errors == []
    assert check_every_admin_is_scoped(None) == []


class Fine(FactAdmin):
    platform_only = True
    big_table = True
    search_kinds = {"target_id": "exact"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, None),
        ({"platform_only": False}, "console.E001"),
        ({"shared_reason": "both"}, "console.E001"),
        ({"search_fields": ("action",)}, "console.E011"),
        ({"search_kinds": {"action": "icontains"}}, "console.E012"),
        ({"date_hierarchy": "at"}, "console.E013"),
        ({"ordering": ("at",)}, "console.E014"),
        ({"sortable_by": ("at",)}, "console.E015"),
        ({"list_filter": ("action",)}, "console.E017"),
    ],
)
def test_a_slow_or_unscoped_page_does_not_start(change, expected):
    ids = error_ids(type("Probe", (Fine,), change))
    assert ids == (set() if expected is None else {expected})


def test_a_plain_foreign_key_filter_does_not_start():
    class Probe(FactAdmin):
        big_table = True
        list_filter = ("station",)

    assert error_ids(Probe, Pile) == {"console.E017"}


def test_an_action_without_dialog_does_not_start():
    class Probe(Fine):
        actions_detail = ("wipe",)

        def wipe(self, request, object_id):
            raise AssertionError

    assert error_ids(Probe) == {"console.E003"}


def test_bulk_actions_do_not_start():
    class Probe(Fine):
        actions = ("wipe",)

        def wipe(self, request, queryset):
            raise AssertionError

    assert "console.E002" in error_ids(Probe)


def test_an_unscoped_admin_does_not_start(monkeypatch):
    monkeypatch.setitem(admin.site._registry, Station, admin.ModelAdmin(Station, admin.site))
    assert [error.id for error in check_every_admin_is_scoped(None)] == ["console.E004"]


# --- dialogs ----------------------------------------------------------------------------------------------


def action(name, pk):
    return reverse(f"admin:{name}", args=[pk])


def test_get_opens_the_dialog_and_changes_nothing(client, platform_admin):
    driver = f.DriverFactory()
    page = client.get(action("users_driver_freeze", driver.pk))
    assert page.status_code == 200
    assert 'name="reason"' in page.content.decode()
    driver.refresh_from_db()
    assert not driver.is_frozen


def test_post_without_reason_shows_the_field_error(client, platform_admin):
    driver = f.DriverFactory()
    page = client.post(action("users_driver_freeze", driver.pk), {"reason": "  "})
    assert page.status_code == 200
    assert page.context["form"].errors.keys() == {"reason"}
    driver.refresh_from_db()
    assert not driver.is_frozen


@pytest.mark.promise(10)
def test_post_acts_once_and_is_audited(client, platform_admin):
    driver = f.DriverFactory()
    answer = client.post(action("users_driver_freeze", driver.pk), {"reason": "fraud"})
    assert answer.status_code == 302
    driver.refresh_from_db()
    assert driver.is_frozen
    event = AuditEvent.objects.get(action="users.freeze_driver")
    assert (event.actor_id, event.reason) == (str(platform_admin.pk), "fraud")
    assert (event.before, event.after) == ({"is_frozen": False}, {"is_frozen": True})


def test_a_state_that_does_not_allow_it_refuses_both_ways(client, platform_admin):
    driver = f.DriverFactory(is_frozen=True)
    for answer in (
        client.get(action("users_driver_freeze", driver.pk)),
        client.post(action("users_driver_freeze", driver.pk), {"reason": "again"}),
    ):
        assert answer.status_code == 200
        assert "refusal" in answer.context
    assert not AuditEvent.objects.filter(action="users.freeze_driver").exists()


def test_post_needs_the_csrf_token(platform_admin):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(platform_admin)
    driver = f.DriverFactory()
    assert strict.post(action("users_driver_freeze", driver.pk), {"reason": "x"}).status_code == 403


def test_htmx_leaves_by_header(client, platform_admin):
    driver = f.DriverFactory()
    answer = client.post(
        action("users_driver_freeze", driver.pk), {"reason": "x"}, headers={"HX-Request": "true"}
    )
    assert answer.headers["HX-Redirect"] == f"/admin/users/driver/{driver.pk}/change/"


# --- personal data, and writing through services ------------------------------------------------------------


def test_phones_are_masked_until_somebody_says_why(client, platform_admin):
    driver = f.DriverFactory(phone="13912345678", name="Wang")
    for address in ("/admin/users/driver/", f"/admin/users/driver/{driver.pk}/change/"):
        assert "13912345678" not in client.get(address).content.decode()
    answer = client.post(action("users_driver_show_phone", driver.pk), {"reason": "call back"}, follow=True)
    assert "13912345678" in answer.content.decode()
    assert AuditEvent.objects.get(action="users.view_personal_data").reason == "call back"


def test_a_refusal_of_the_service_is_shown_in_the_form(client, platform_admin):
    f.OperatorFactory(code="taken")
    page = client.post("/admin/users/driver/add/", {"phone": "12345", "name": "x", "operator": ""})
    assert page.status_code == 200
    assert "phone" in page.context["adminform"].form.errors
    assert not Driver.objects.exists()


def test_a_pile_is_added_with_its_connectors(client, platform_admin):
    station = f.StationFactory()
    data = {
        "station": station.pk, "code": "32010600112233", "name": "A", "protocol": "ykc", "first_password": "",
        "connectors": "2", "rated_power_kw": "120.0", "model": "",
    }  # fmt: skip
    answer = client.post("/admin/stations/pile/add/", data)
    assert answer.status_code == 302
    pile = Pile.objects.get(code="32010600112233")
    assert [row.code for row in pile.connectors.order_by("number")] == [
        "3201060011223301",
        "3201060011223302",
    ]
    assert AuditEvent.objects.filter(action="stations.add_pile", target_id=str(pile.pk)).exists()


def test_a_wrong_pile_code_names_what_is_accepted(client, platform_admin):
    station = f.StationFactory()
    data = {
        "station": station.pk, "code": "12", "name": "", "protocol": "ykc", "first_password": "",
        "connectors": "1", "rated_power_kw": "60.0", "model": "",
    }  # fmt: skip
    page = client.post("/admin/stations/pile/add/", data)
    assert page.status_code == 200
    assert re.search("14", str(page.context["adminform"].form.errors["code"]))
    assert not Pile.objects.exists()


def test_a_station_changes_through_its_service(client, platform_admin):
    station = f.StationFactory(name="Old")
    data = {
        "name": "New", "group": "", "address": "", "region_code": "340104", "scene": "parking", "datum": "gcj02", "longitude": "117.227239",
        "latitude": "31.820587", "time_zone": "Asia/Shanghai", "service_phone": "",
    }  # fmt: skip
    assert client.post(f"/admin/stations/station/{station.pk}/change/", data).status_code == 302
    event = AuditEvent.objects.get(action="stations.update_station")
    assert (event.before, event.after) == ({"name": "Old"}, {"name": "New"})


def test_nothing_in_the_console_is_deleted(client, platform_admin):
    site = f.make_site()
    for row in (site.station, site.pile, site.tariff, site.driver, site.operator):
        opts = row._meta
        answer = client.post(f"/admin/{opts.app_label}/{opts.model_name}/{row.pk}/delete/", {"post": "yes"})
        assert answer.status_code == 403


def test_a_page_without_a_service_writes_nothing(rf):
    with pytest.raises(PermissionDenied):
        ScopedModelAdmin.save_model(Fine(AuditEvent, admin.site), rf.get("/"), None, None, False)
