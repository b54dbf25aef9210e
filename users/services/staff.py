"""Console accounts: who may open them, with which roles, on which rows.

Nobody grants what they lack: roles only with permissions the grantor holds, data scope only inside the
grantor's own, and an account that may do more than the grantor is not theirs to change.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import Enterprise, Operator, Staff, StaffScope
from users.scope import grants_of
from users.services import edits

EDITABLE = ("display_name", "phone", "email", "is_active", "operator")
Scope = tuple[str, str]

# kind -> whether the actor sees the object of that key; kinds of upper apps are registered by them.
_SCOPE_CHECKS: dict[str, Callable[[Actor, str], bool]] = {
    "enterprise": lambda actor, key: (
        key.isdigit() and Enterprise.objects.for_actor(actor).filter(pk=int(key)).exists()
    )
}


def register_scope_check(kind: str, check: Callable[[Actor, str], bool]) -> None:
    """Register how a scope kind of an upper app is looked up inside an actor's own scope."""
    _SCOPE_CHECKS[kind] = check


def create_staff(
    *,
    actor: Actor,
    username: str,
    password: str,
    operator: Operator | None = None,
    display_name: str = "",
    phone: str = "",
    email: str = "",
    roles: Iterable[Group] = (),
    scopes: Iterable[Scope] = (),
) -> Staff:
    """Open a console account with roles and (kind, key) scopes.

    DomainError `permission_denied`, `not_found` (operator outside the scope), `invalid`, `username_taken`,
    `role_beyond_own`, `scope_beyond_own`.
    """
    policy.require(actor, "users.add_staff")
    staff = Staff(
        username=username.strip(),
        operator=operator,
        display_name=display_name,
        phone=phone,
        email=email,
        is_staff=True,
    )
    _check_operator(actor, operator)
    roles, scopes = list(roles), sorted(set(scopes))
    _check_roles(actor, roles)
    _check_scopes(actor, scopes)
    _check_password(password, staff)
    staff.set_password(password)
    edits.validate(staff)
    with transaction.atomic():
        if (
            Staff.objects.unscoped("user names are unique on the platform")
            .filter(username=staff.username)
            .exists()
        ):
            raise DomainError("username_taken", {"username": staff.username}, field="username")
        staff.save(force_insert=True)
        staff.groups.set(roles)
        _write_scopes(staff, scopes)
        audit.record(
            actor=actor, action="users.create_staff", target=staff, after=_state(staff, roles, scopes)
        )
    return staff


def update_staff(
    *,
    actor: Actor,
    staff: Staff,
    changes: Mapping[str, Any],
    roles: Iterable[Group] | None = None,
    scopes: Iterable[Scope] | None = None,
) -> Staff:
    """Change an account; `roles` and `scopes` replace the present ones when given.

    DomainError as `create_staff`, and `staff_above` for an account that may do more than the actor.
    """
    policy.require(actor, "users.change_staff")
    edits.in_scope(actor, staff)
    with transaction.atomic():
        staff = (
            Staff.objects.unscoped("scope is checked above").select_for_update(of=("self",)).get(pk=staff.pk)
        )
        _check_not_above(actor, staff)
        old_roles = list(staff.groups.all())
        old_scopes = list(staff.scopes.values_list("kind", "object_key"))
        before = _state(staff, old_roles, old_scopes)
        if "operator" in changes:
            _check_operator(actor, changes["operator"])
        changed, _after = edits.apply(staff, changes, editable=EDITABLE)
        if changed:
            staff.save(update_fields=list(changed))
        new_roles = old_roles if roles is None else list(roles)
        new_scopes = old_scopes if scopes is None else sorted(set(scopes))
        _check_roles(actor, [role for role in new_roles if role not in old_roles])
        _check_scopes(actor, [scope for scope in new_scopes if scope not in old_scopes])
        if roles is not None:
            staff.groups.set(new_roles)
        if scopes is not None:
            _write_scopes(staff, new_scopes)
        after = _state(staff, new_roles, new_scopes)
        if after != before:
            audit.record(actor=actor, action="users.update_staff", target=staff, before=before, after=after)
    return staff


def set_password(*, actor: Actor, staff: Staff, password: str, reason: str) -> Staff:
    """Give an account a new password; DomainError as `update_staff`, `reason_required`, `invalid`."""
    policy.require(actor, "users.change_staff")
    edits.in_scope(actor, staff)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        staff = (
            Staff.objects.unscoped("scope is checked above").select_for_update(of=("self",)).get(pk=staff.pk)
        )
        _check_not_above(actor, staff)
        _check_password(password, staff)
        staff.set_password(password)
        staff.save(update_fields=["password"])
        audit.record(actor=actor, action="users.set_staff_password", target=staff, reason=reason)
    return staff


def _check_operator(actor: Actor, operator: Operator | None) -> None:
    if operator is None:
        if not grants_of(actor).everything:
            raise DomainError("scope_beyond_own", {"scope": "platform"}, field="operator")
        return
    edits.in_scope(actor, operator)


def _check_roles(actor: Actor, roles: Iterable[Group]) -> None:
    own = _permissions_of(actor)
    if own is None:
        return
    for role in roles:
        if not _names(role.permissions.select_related("content_type")) <= own:
            raise DomainError("role_beyond_own", {"role": role.name}, field="roles")


def _check_not_above(actor: Actor, staff: Staff) -> None:
    own = _permissions_of(actor)
    if own is not None and (staff.is_superuser or not staff.get_all_permissions() <= own):
        raise DomainError("staff_above", {"username": staff.username})
    _check_scopes(
        actor, staff.scopes.values_list("kind", "object_key"), code="staff_above", name=staff.username
    )


def _check_scopes(
    actor: Actor, scopes: Iterable[Scope], code: str = "scope_beyond_own", name: str = ""
) -> None:
    grants = grants_of(actor)
    if grants.everything:
        return
    for kind, key in scopes:
        if kind == StaffScope.Kind.OPERATOR:
            inside = key.isdigit() and int(key) in grants.operator
        else:
            check = _SCOPE_CHECKS.get(kind)
            inside = check is not None and check(actor, key)
        if not inside:
            raise DomainError(code, {"username": name} if name else {"scope": f"{kind} {key}".strip()})


def _check_password(password: str, staff: Staff) -> None:
    try:
        validate_password(password, staff)
    except ValidationError as error:
        raise DomainError(
            "invalid", {"field": "password", "reason": " ".join(error.messages)}, field="password"
        ) from None


def _permissions_of(actor: Actor) -> set[str] | None:
    if actor.is_system or actor.party.is_superuser:
        return None
    return actor.party.get_all_permissions()


def _names(permissions: Iterable[Any]) -> set[str]:
    return {f"{p.content_type.app_label}.{p.codename}" for p in permissions}


def _write_scopes(staff: Staff, scopes: Collection[Scope]) -> None:
    staff.scopes.all().delete()
    StaffScope.objects.bulk_create(StaffScope(staff=staff, kind=kind, object_key=key) for kind, key in scopes)


def _state(staff: Staff, roles: Iterable[Group], scopes: Iterable[Scope]) -> dict[str, Any]:
    return {
        **{name: edits.plain(getattr(staff, name)) for name in EDITABLE},
        "roles": sorted(role.name for role in roles),
        "scopes": sorted(f"{kind} {key}".strip() for kind, key in scopes),
    }
