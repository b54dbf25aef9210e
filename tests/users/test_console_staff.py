"""Nobody grants a role or a scope they lack, and nobody changes an account above their own."""

import json

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests import factories as f
from users.actors import of_staff
from users.models import Staff
from users.services import staff as staff_services
from users.services.roles import ROLES, ensure_roles

pytestmark = [pytest.mark.django_db, pytest.mark.promise(9)]
PASSWORD = "a-long-pass-phrase-7"


@pytest.fixture
def roles():
    return ensure_roles(actor=system("tests"))


@pytest.fixture
def operator_admin(roles):
    operator = f.OperatorFactory()
    staff = f.make_staff(operator=operator)
    staff.groups.add(roles["operator_admin"])
    return Staff.objects.get(pk=staff.pk)


def create(admin, **more):
    return staff_services.create_staff(
        actor=of_staff(admin), username="new", password=PASSWORD, operator=admin.operator, **more
    )


def code_of(call):
    with pytest.raises(DomainError) as refusal:
        call()
    return refusal.value.code


def test_ensure_roles_is_idempotent_and_keeps_what_was_added(roles):
    group = roles["monitoring_admin"]
    extra = roles["platform_admin"].permissions.first()
    group.permissions.add(extra)
    again = ensure_roles(actor=system("tests"))
    assert {key: row.pk for key, row in again.items()} == {key: row.pk for key, row in roles.items()}
    assert Group.objects.count() == len(ROLES)
    assert group.permissions.filter(pk=extra.pk).exists()
    assert AuditEvent.objects.filter(action="users.ensure_role").count() == len(ROLES)


def test_every_permission_of_a_role_exists(roles):
    for role in ROLES:
        if role.permissions != ("*",):
            assert roles[role.code].permissions.count() == len(set(role.permissions)), role.code


def test_an_operator_admin_opens_an_account_inside_the_tenant(operator_admin, roles):
    scope = ("operator", str(operator_admin.operator_id))
    staff = create(operator_admin, roles=[roles["monitoring_admin"]], scopes=[scope])
    assert staff.check_password(PASSWORD)
    assert list(staff.scopes.values_list("kind", "object_key")) == [scope]
    assert AuditEvent.objects.get(action="users.create_staff").after["roles"] == ["Monitoring admin"]


def test_a_role_beyond_ones_own_is_refused(operator_admin, roles):
    assert code_of(lambda: create(operator_admin, roles=[roles["platform_admin"]])) == "role_beyond_own"
    assert not Staff.objects.filter(username="new").exists()


@pytest.mark.parametrize(
    "scope", [("platform", ""), ("operator", "999"), ("region", "34"), ("station", "999")]
)
def test_a_scope_beyond_ones_own_is_refused(operator_admin, scope):
    foreign = f.StationFactory()
    scope = (scope[0], str(foreign.pk)) if scope[0] == "station" else scope
    assert code_of(lambda: create(operator_admin, scopes=[scope])) == "scope_beyond_own"


def test_a_station_inside_the_tenant_may_be_granted(operator_admin):
    station = f.StationFactory(operator=operator_admin.operator)
    staff = create(operator_admin, scopes=[("station", str(station.pk))])
    assert staff.scopes.get().object_key == str(station.pk)


def test_an_account_of_another_operator_is_not_there(operator_admin):
    other = f.make_staff(operator=f.OperatorFactory())
    call = lambda: staff_services.update_staff(  # noqa: E731
        actor=of_staff(operator_admin), staff=other, changes={"display_name": "x"}
    )
    assert code_of(call) == "not_found"


def test_an_account_above_is_not_changed(operator_admin, roles):
    above = f.make_staff(operator=operator_admin.operator)
    above.groups.add(roles["platform_admin"])
    above = Staff.objects.get(pk=above.pk)
    old = above.password
    call = lambda: staff_services.set_password(  # noqa: E731
        actor=of_staff(operator_admin), staff=above, password=PASSWORD, reason="take over"
    )
    assert code_of(call) == "staff_above"
    above.refresh_from_db()
    assert above.password == old


def test_the_form_offers_no_platform_scope_to_a_tenant(client, operator_admin):
    client.force_login(operator_admin)
    page = client.get("/admin/users/staff/add/")
    assert page.status_code == 200
    assert "whole_platform" not in page.context["adminform"].form.fields


def test_a_forged_form_grants_nothing(client, operator_admin, roles):
    client.force_login(operator_admin)
    foreign = f.OperatorFactory()
    data = {
        "username": "forged", "password": PASSWORD, "operator": operator_admin.operator_id, "whole_platform": "on",
        "scope_operators": [foreign.pk], "roles": [roles["platform_admin"].pk], "display_name": "", "phone": "",
        "email": "", "scope_piles": "",
    }  # fmt: skip
    page = client.post("/admin/users/staff/add/", data)
    assert page.status_code == 200
    assert "scope_operators" in page.context["adminform"].form.errors
    assert not Staff.objects.filter(username="forged").exists()
    data["scope_operators"] = [operator_admin.operator_id]
    assert client.post("/admin/users/staff/add/", data).status_code == 200
    assert not Staff.objects.filter(username="forged").exists()


def test_the_form_opens_an_account(client, operator_admin, roles):
    client.force_login(operator_admin)
    site = f.make_site(operator=operator_admin.operator)
    data = {
        "username": "guard", "password": PASSWORD, "operator": operator_admin.operator_id, "display_name": "",
        "phone": "", "email": "", "roles": [roles["maintenance"].pk], "scope_piles": site.pile.code,
        "scope_stations": [site.station.pk],
    }  # fmt: skip
    assert client.post("/admin/users/staff/add/", data).status_code == 302
    staff = Staff.objects.get(username="guard")
    assert set(staff.scopes.values_list("kind", "object_key")) == {
        ("pile", str(site.pile.pk)),
        ("station", str(site.station.pk)),
    }
    data = {
        "display_name": "Guard",
        "operator": operator_admin.operator_id,
        "is_active": "on",
        "phone": "",
        "email": "",
    }
    assert (
        client.post(f"/admin/users/staff/{staff.pk}/change/", {**data, "scope_piles": ""}).status_code == 302
    )
    staff.refresh_from_db()
    assert staff.display_name == "Guard"
    assert not staff.scopes.exists()


def test_the_command_ensures_the_roles(capsys):
    call_command("ensure_roles", "--json")
    assert set(json.loads(capsys.readouterr().out)) == {role.code for role in ROLES}
