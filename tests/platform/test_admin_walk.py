"""Every page of the console opens: for the platform's staff and for each role, in Chinese, without the outside world."""

import html
import re
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alerts.models import Alert
from billing.models import ChargingOrder
from devices.models import (
    DeviceCommand,
    DeviceTransaction,
    FrameLog,
    PileSession,
    TransactionRecord,
    UnknownPile,
)
from devices.services.commissioning import note_unknown_pile
from kernel.actor import system
from stations.models import Connector
from tests import factories as f
from tests.users.tenants import make_tenant
from users.console.admin import FactAdmin
from users.models import Staff, StaffScope
from users.services.roles import ROLES, ensure_roles

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
MODELS = [
    pytest.param(model, id=model._meta.label)
    for model in sorted(admin.site._registry, key=lambda m: m._meta.label)
]
# Session, account, the list itself, its count, what its columns prefetch, the menu's counter.
MOST_QUERIES = 16
OUTSIDE = re.compile(r"""(?:src|href|action)=["'](?:https?:)?//(?!127\.0\.0\.1|testserver)[^"']+""")
PLACEHOLDER = re.compile(r"%\([a-z_]+\)[sd]|<lazy|object at 0x")
# What is not prose: programs, raw data, the names of icons.
NO_PROSE = re.compile(
    r"<(script|style|pre|code|template|svg|option)\b.*?</\1>|<!--.*?-->|<span[^>]*material-symbols.*?</span>",
    re.S,
)
ATTRIBUTE = re.compile(r"""\s(?:title|aria-label|placeholder|alt)=["']([^"']+)["']""")
SLUG = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")
# The audit trail is searched by its codes, and a role lists the codes of its permissions.
CODES_BELONG = ("/admin/kernel/auditevent/", "/admin/auth/group/")
# A code on every row that can have one: none of them may reach the reader as it is.
CODES = {
    Alert: {"code": "door_open", "detail": "The door of the pile is open."},
    ChargingOrder: {"stop_reason": "soc_full"},
    Connector: {"state": "fault", "fault_code": "emergency_stop,meter_link"},
    DeviceCommand: {"state": "rejected", "reason": "not_plugged"},
    DeviceTransaction: {"stop_reason": "abort_no_current"},
    FrameLog: {"name": "13 realtime_data"},
    PileSession: {"closed_at": "2026-11-20T08:00Z", "close_reason": "gateway_restarted"},
    TransactionRecord: {"stop_reason": "stopped_by_app"},
    UnknownPile: {"reason": "bad_password"},
}


@pytest.fixture(scope="module")
def filled(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        ensure_roles(actor=system("tests"))
        tenant = make_tenant()
        note_unknown_pile(code="99", protocol="ocpp16", remote_address="10.0.0.9", login={}, reason="unknown")
        for model, codes in CODES.items():
            assert model._base_manager.update(**codes) > 0, model
        connection.check_constraints()  # now, not again after every test
        yield tenant
        transaction.set_rollback(True)


@pytest.fixture
def superuser(client, filled):
    staff = f.make_staff(superuser=True)
    client.force_login(staff)
    return staff


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@cache
def english_words():
    """The msgids of every catalogue that say something else in Chinese."""
    words = set()
    for path in [*ROOT.glob("*/locale/zh_Hans/LC_MESSAGES/django.mo"), *ROOT.glob("locale/*/*/django.mo")]:
        with path.open("rb") as file:
            for said, word in GNUTranslations(file)._catalog.items():
                if isinstance(said, str) and said and word != said:
                    words.add(said.strip(" .:"))
    assert len(words) > 1000
    return words - {"English"}  # the switch names each language in itself


def untranslated(body):
    """English words and bare codes that a reader of the page meets."""
    prose = NO_PROSE.sub("\n", body)
    texts = [*re.split(r"<[^>]*>", prose), *ATTRIBUTE.findall(prose)]
    found = []
    for text in texts:
        parts = [part.strip(" .:\n") for part in re.split(r" · |；|：|\n", html.unescape(text))]
        found += [part for part in parts if part in english_words()]
        found += SLUG.findall(text)
    return found


def look(client, address, query=None):
    page = client.get(address, query or {}, headers={"Accept-Language": "zh-CN"})
    assert page.status_code == 200, address
    body = page.content.decode()
    assert 'lang="zh-hans"' in body
    assert not OUTSIDE.search(body), OUTSIDE.search(body)
    assert not PLACEHOLDER.search(body), PLACEHOLDER.search(body)
    if not address.startswith(CODES_BELONG):
        assert untranslated(body) == [], address
    return page


def ask(rf, staff, model, query_string):
    """The rows that a list would show for a query, without its page."""
    request = rf.get(url(model, "changelist") + query_string)
    request.user = staff
    changelist = admin.site._registry[model].get_changelist_instance(request)
    assert len(list(changelist.result_list)) <= changelist.result_count


def test_english_and_codes_would_be_found():
    page = """<i title="Charging now">充电</i> <b>充电枪 · The door of the pile is open</b> <p>door_open</p>
        <span class="material-symbols-outlined">arrow_back</span><code>raw_data</code><p>Operator 7</p>"""
    assert untranslated(page) == ["The door of the pile is open", "door_open", "Charging now"]


@pytest.mark.parametrize("model", MODELS)
def test_list_opens_with_every_filter_and_few_queries(client, rf, superuser, model):
    with CaptureQueriesContext(connection) as queries:
        page = look(client, url(model, "changelist"))
    assert len(queries) <= MOST_QUERIES, [query["sql"][:160] for query in queries]
    changelist = page.context["cl"]
    # The page is the same whatever is asked for: what may break is the query.
    for spec in changelist.filter_specs:
        if getattr(spec, "quick", False):
            for choice in spec.choices(changelist):
                ask(rf, superuser, model, choice["query_string"])
    if admin.site._registry[model].get_search_fields(None):
        for term in ("7", "'\"%_" + "0" * 200):
            ask(rf, superuser, model, "?" + urlencode({"q": term}))


@pytest.mark.parametrize("model", MODELS)
def test_object_opens_with_its_history(client, superuser, filled, model):
    row = filled.rows.get(model) or model._default_manager.first()
    if row is None:
        assert client.get(url(model, "change", 987654)).status_code == 404
        return
    look(client, url(model, "change", row.pk))
    look(client, url(model, "history", row.pk))


@pytest.mark.parametrize("model", MODELS)
def test_add_form_opens_or_is_forbidden(client, superuser, model):
    model_admin = admin.site._registry[model]
    address = url(model, "add")
    if isinstance(model_admin, FactAdmin) or model._meta.label == "auth.Group":
        assert client.get(address).status_code == 403
    else:
        look(client, address)
        empty = client.post(address, {})
        assert empty.status_code == 200
        assert empty.context["adminform"].form.errors


# Whose lists are opened one by one; what the others see is a part of that.
OPENED_BY = ("operator_admin", "finance_admin")


@pytest.mark.parametrize("role", [role.code for role in ROLES])
def test_each_role_sees_its_menu_and_only_opens_what_it_shows(client, filled, role):
    staff = f.make_staff(operator=filled.operator)
    if role == "platform_admin":
        StaffScope.objects.create(staff=staff, kind="platform", object_key="")
    staff.groups.add(ensure_roles(actor=system("tests"))[role])
    client.force_login(Staff.objects.get(pk=staff.pk))
    home = look(client, reverse("admin:index"))
    shown = {
        str(item["link"])
        for group in home.context["sidebar_navigation"]
        for item in group["items"]
        if item["has_permission"]
    }
    for param in MODELS:
        address = url(param.values[0], "changelist")
        if address in shown:
            if role in OPENED_BY:
                look(client, address)
        elif param.values[0]._meta.label != "billing.TariffVersion":
            assert client.get(address).status_code == 403, address


def test_money_is_not_on_the_page_of_who_may_not_see_it(client, filled):
    staff = f.make_staff("stations.view_pile", "billing.view_chargingorder", operator=filled.operator)
    client.force_login(staff)
    parts = client.get(reverse("admin:board")).json()["parts"]
    assert set(parts) == {"tiles", "money", "charging"}
    assert "¥" not in parts["money"]


def test_english_is_one_click_away(client, superuser):
    client.post("/i18n/setlang/", {"language": "en", "next": "/admin/"})
    body = client.get("/admin/").content.decode()
    assert "Charging now" in body
    assert 'lang="en' in body


def test_anonymous_is_sent_to_the_login(client):
    for address in ("/admin/", "/admin/board.json", "/admin/billing/chargingorder/"):
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/admin/login/")


def test_login_lands_on_the_overview(client, filled):
    staff = f.make_staff(superuser=True)
    answer = client.post("/admin/login/", {"username": staff.username, "password": "secret-for-tests"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
