"""One tenant can never read or command another's objects through the console: proven for every registered model.

The tests are generated from the console's registry, so that a new model is covered or fails.
"""

import io
import re
from unittest import mock

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, transaction
from django.urls import NoReverseMatch, reverse

from billing.admin.finance_terms import ProposedAdmin
from tests.users.tenants import make_tenant
from users import actors
from users.console.admin import FactAdmin, ScopedModelAdmin
from users.exports import list_export, selection
from users.scope import ScopedQuerySet

pytestmark = [pytest.mark.django_db, pytest.mark.promise(9)]

ADMINS = sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.label)
TENANT_ADMINS = [
    pytest.param(model, model_admin, id=model._meta.label)
    for model, model_admin in ADMINS
    if isinstance(model_admin, ScopedModelAdmin)
    and not model_admin.shared_reason
    and not model_admin.platform_only
]
PLATFORM_ADMINS = [
    pytest.param(model, model_admin, id=model._meta.label)
    for model, model_admin in ADMINS
    if isinstance(model_admin, ScopedModelAdmin) and model_admin.platform_only
]


@pytest.fixture(scope="module")
def two_tenants(django_db_setup, django_db_blocker):
    """Made once for the module; every test runs in a savepoint inside."""
    with django_db_blocker.unblock(), transaction.atomic():
        tenants = make_tenant(), make_tenant()
        connection.check_constraints()  # now, not again after every test
        yield tenants
        transaction.set_rollback(True)


@pytest.fixture
def tenants(two_tenants, client):
    mine, theirs = two_tenants
    mine.admin = type(mine.admin).objects.get(pk=mine.admin.pk)
    client.force_login(mine.admin)
    return mine, theirs


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def all_rows(client, model):
    """The ids that a list links to, without any default filter of time or state."""
    query = {"when": "all", "state": "all", "closed_at__isnull": "all"}
    page = client.get(url(model, "changelist"), {k: v for k, v in query.items() if _knows(model, k)})
    assert page.status_code == 200
    return {row.pk for row in page.context["cl"].result_list}


def _knows(model, parameter):
    return any(
        getattr(item, "parameter_name", None) == parameter for item in admin.site._registry[model].list_filter
    )


@pytest.mark.parametrize(("model", "model_admin"), TENANT_ADMINS)
def test_foreign_row_is_nowhere(client, tenants, model, model_admin):
    mine, theirs = tenants
    assert model in mine.rows, f"give the tenants of the test a row of {model._meta.label}"
    own, foreign = mine.rows[model], theirs.rows[model]
    listed = all_rows(client, model)
    assert own.pk in listed
    assert foreign.pk not in listed
    assert client.get(url(model, "change", own.pk)).status_code == 200
    for page in ("change", "history"):
        assert client.get(url(model, page, foreign.pk)).status_code == 404
    # What is only read or only added answers a POST with 403, whatever the id; what is written, 404.
    expected = 403 if isinstance(model_admin, FactAdmin | ProposedAdmin) else 404
    for pk in (foreign.pk, 987654):
        assert client.post(url(model, "change", pk), {}).status_code == expected
    assert client.get(url(model, "delete", foreign.pk)).status_code in (403, 404)
    assert client.post(url(model, "delete", foreign.pk), {"post": "yes"}).status_code in (403, 404)
    assert type(foreign)._default_manager.filter(pk=foreign.pk).exists()


@pytest.mark.parametrize(("model", "model_admin"), TENANT_ADMINS)
def test_search_finds_no_foreign_row(client, tenants, model, model_admin):
    _mine, theirs = tenants
    foreign = theirs.rows[model]
    for lookup in (*model_admin.search_kinds, *model_admin.search_fields):
        value = foreign
        for part in lookup.lstrip("^=@").split("__"):
            value = getattr(value, part, None)
        if value in (None, ""):
            continue
        page = client.get(url(model, "changelist"), {"q": value})
        assert page.status_code == 200
        assert foreign.pk not in {row.pk for row in page.context["cl"].result_list}


@pytest.mark.parametrize(("model", "model_admin"), PLATFORM_ADMINS)
def test_platform_rows_are_not_for_tenants(client, tenants, model, model_admin):
    assert all_rows(client, model) == set()


def _foreign_keys():
    for model, model_admin in ADMINS:
        for item in model_admin.list_filter or ():
            if isinstance(item, tuple):
                yield pytest.param(model, item[0], id=f"{model._meta.label}.filter.{item[0]}")
        for name in model_admin.autocomplete_fields:
            yield pytest.param(model, name, id=f"{model._meta.label}.{name}")


@pytest.mark.parametrize(("model", "name"), list(_foreign_keys()))
def test_autocomplete_does_not_leak(client, tenants, model, name):
    mine, theirs = tenants
    related = model._meta.get_field(name).remote_field.model
    page = client.get(
        reverse("admin:autocomplete"),
        {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": name},
    )
    assert page.status_code == 200
    ids = {result["id"] for result in page.json()["results"]}
    if related in mine.rows:
        assert str(mine.rows[related].pk) in ids
        assert str(theirs.rows[related].pk) not in ids


WRITABLE = [param for param in TENANT_ADMINS if not isinstance(param.values[1], FactAdmin)]


@pytest.mark.parametrize(("model", "model_admin"), WRITABLE)
def test_form_refuses_foreign_relations(rf, tenants, model, model_admin):
    mine, theirs = tenants
    request = rf.get("/")
    request.user = mine.admin
    assert model_admin.has_add_permission(request)
    fields = model_admin.get_form(request, None, change=False)().fields
    for name, form_field in fields.items():
        queryset = getattr(form_field, "queryset", None)
        if queryset is not None and queryset.model in theirs.rows:
            assert not queryset.filter(pk=theirs.rows[queryset.model].pk).exists(), name


def _actions():
    for model, model_admin in ADMINS:
        if not isinstance(model_admin, ScopedModelAdmin):
            continue
        for action in model_admin._get_base_actions_detail() + model_admin._get_base_actions_row():
            yield pytest.param(model, model_admin, action, id=action.action_name)


@pytest.mark.parametrize(("model", "model_admin", "action"), list(_actions()))
def test_action_on_a_foreign_object_is_refused(client, tenants, model, model_admin, action):
    _mine, theirs = tenants
    pk = theirs.rows[model].pk if model in theirs.rows else 987654
    address = reverse(f"admin:{action.action_name}", args=[pk])
    assert client.get(address).status_code == 404
    assert client.post(address, {"reason": "x"}).status_code == 404


@pytest.mark.parametrize(("model", "model_admin", "action"), list(_actions()))
def test_action_needs_its_permission(client, tenants, model, model_admin, action):
    from django.contrib.auth.models import Permission

    mine, _theirs = tenants
    app, codename = action.method.operator_permission.split(".")
    needed = Permission.objects.get(content_type__app_label=app, codename=codename)
    mine.admin.user_permissions.remove(needed)
    pk = mine.rows[model].pk if model in mine.rows else 987654
    address = reverse(f"admin:{action.action_name}", args=[pk])
    assert client.get(address).status_code == 403
    assert client.post(address, {"reason": "x"}).status_code == 403


def test_custom_pages_are_scoped(client, tenants):
    from billing.models import Tariff
    from devices.models import PileUpload
    from stations.models import Station

    mine, theirs = tenants
    for tenant, status in ((mine, 200), (theirs, 404)):
        for name, model in (
            ("billing_tariff_new_version", Tariff),
            ("stations_station_qr_sheet", Station),
        ):
            page = client.get(reverse(f"admin:{name}", args=[tenant.rows[model].pk]))
            assert page.status_code == status, name
        upload = tenant.rows[PileUpload]
        PileUpload.objects.unscoped("test").filter(pk=upload.pk).update(
            state="received", received_at=upload.created_at, file="pile-logs/x.zip"
        )
        upload.refresh_from_db()
        with mock.patch.object(upload.file.storage, "open", return_value=io.BytesIO(b"log")):
            page = client.get(reverse("admin:devices_pileupload_file", args=[upload.pk]))
        assert page.status_code == status


def test_no_foreign_name_on_the_overview(client, tenants):
    from stations.models import Station

    mine, theirs = tenants
    body = client.get(reverse("admin:index")).content.decode()
    assert mine.rows[Station].name in body
    assert theirs.rows[Station].name not in body


@pytest.mark.parametrize(("model", "model_admin"), TENANT_ADMINS)
def test_an_export_holds_no_foreign_row(client, tenants, model, model_admin):
    if not model_admin.exportable:
        return
    mine, theirs = tenants
    own, foreign = mine.rows[model], theirs.rows[model]
    actor = actors.of_staff(mine.admin)
    names = ("when", "state", "closed_at__isnull")
    params = {"query": "&".join(f"{name}=all" for name in names if _knows(model, name))}
    source = list_export(model._meta.label_lower)
    rows = {row.pk for row in selection(source.model_admin, actor, params["query"])}
    assert own.pk in rows and foreign.pk not in rows
    assert len(list(source.rows(actor, params))) == source.total(actor, params) == len(rows)
    assert client.get(url(model, "export")).status_code == 200


def test_every_page_of_the_site_is_known():
    """A page that is none of Django's own and none of these tests' must be added here with its test."""
    tested = {
        "billing_tariff_new_version",
        "board",
        "reports",  # tests/analytics/test_reports.py
        "order_statistics",
        "station_day",
        "running_orders",  # tests/analytics/test_live_orders.py
        "users_driver_give_coupons",  # tests/analytics/test_inactive.py
        "monitor",  # tests/analytics/test_monitor.py
        # tests/stations/test_commissioning.py
        "stations_pile_import",
        "stations_station_import",
        "stations_station_wizard",
        "devices_transactionrecord_import",
        # test_custom_pages_are_scoped
        "devices_pileupload_file",
        "stations_station_qr_sheet",
        # tests/devices/test_frame_log.py
        "devices_framelog_download",
        # tests/devices/test_diagnosis.py
        "stations_pile_diagnosis",
        "stations_pile_command",
        # tests/billing/test_tariff_console.py
        "billing_tariff_import",
        "billing_tariff_sheet",
        "billing_specialday_import",
        # tests/billing/test_card_desk.py
        "users_card_import",
        "users_enterprise_statement",
        # tests/users/test_exports.py
        "kernel_exportjob_file",
    } | {
        # test_an_export_holds_no_foreign_row
        f"{model._meta.app_label}_{model._meta.model_name}_export"
        for model, model_admin in ADMINS
        if getattr(model_admin, "exportable", False)
    }
    usual = re.compile(r"_(changelist|add|history|delete|change|autocomplete)$")
    site = {
        "index", "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n",
        "view_on_site", "app_list", "search", "toggle_sidebar",
    }  # fmt: skip
    actions = {param.values[2].action_name for param in _actions()}
    names = set()
    for pattern in admin.site.get_urls():
        for one in getattr(pattern, "url_patterns", [pattern]):
            if one.name:
                names.add(one.name)
    unknown = {name for name in names if not usual.search(name)} - site - actions - tested
    assert not unknown


def test_models_with_an_operator_are_scoped():
    """A model that knows its operator has the scoped manager, or says nothing can be read of it by itself."""
    own = ("kernel", "users", "stations", "devices", "billing", "alerts", "analytics")
    for model in apps.get_models():
        if model._meta.app_label not in own:
            continue
        fields = {one.attname for one in model._meta.concrete_fields}
        if "operator_id" in fields:
            assert issubclass(type(model._default_manager.all()), ScopedQuerySet), model._meta.label
            assert model.scope_paths.operator, model._meta.label
        if hasattr(model, "scope_paths"):
            assert isinstance(model._default_manager.all(), ScopedQuerySet), model._meta.label


def test_every_tenant_model_with_a_page_is_in_the_console_or_internal():
    """Tenant models are either in the console (and so in these tests) or listed as parts of another's page."""
    parts = {
        "users.StaffScope",
        "stations.PileTariff",
        "billing.TariffAssignment",
        "billing.StrategyAssignment",
        "billing.PileTariff",
        "devices.MeterSample",
        "devices.SensorReading",  # on the page of its sensor
        "billing.RefundPart",
        "billing.ScorePermission",  # a driver's own
        "billing.ClearingLine",
        "analytics.HourFact",  # read by the reports only
        "analytics.DriverFact",
        "analytics.UseFact",
        "analytics.DriverVisit",  # on the page of its driver
        "users.DriverIdentity",  # on the page of its driver
        "users.DriverSettings",
        "users.DriverNotice",  # a driver's own
        "stations.FavouriteStation",  # a driver's own list
    }
    for model in apps.get_models():
        if hasattr(model, "scope_paths") and model._meta.label not in parts:
            try:
                url(model, "changelist")
            except NoReverseMatch:
                pytest.fail(f"{model._meta.label} has scope_paths but no page in the console")
