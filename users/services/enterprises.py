"""Enterprises and their members: who pays for whom, and up to how much."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import Driver, Enterprise, EnterpriseMember, Operator
from users.services import edits
from users.services.operators import check_code

EDITABLE = ("name", "contact", "contact_phone", "is_active", "max_parallel")
LIMITS = ("order_limit_fen", "day_limit_fen", "month_limit_fen")


def create_enterprise(
    *,
    actor: Actor,
    operator: Operator,
    code: str,
    name: str,
    contact: str = "",
    contact_phone: str = "",
    max_parallel: int | None = None,
) -> Enterprise:
    """Create an enterprise of an operator.

    DomainError `permission_denied`, `not_found` (operator), `operator_inactive`, `invalid`, `enterprise_code_taken`.
    """
    policy.require(actor, "users.add_enterprise")
    edits.in_scope(actor, operator)
    if not operator.is_active:
        raise DomainError("operator_inactive", {"code": operator.code}, field="operator")
    enterprise = Enterprise(
        operator=operator,
        code=check_code(code, "code"),
        name=name.strip(),
        contact=contact.strip(),
        contact_phone=contact_phone.strip(),
        max_parallel=max_parallel,
    )
    edits.validate(enterprise)
    try:
        with transaction.atomic():
            enterprise.save(force_insert=True)
            audit.record(
                actor=actor,
                action="users.create_enterprise",
                target=enterprise,
                after={"code": enterprise.code, "name": enterprise.name},
            )
    except IntegrityError:
        raise DomainError("enterprise_code_taken", {"code": enterprise.code}, field="code") from None
    return enterprise


def update_enterprise(*, actor: Actor, enterprise: Enterprise, changes: Mapping[str, Any]) -> Enterprise:
    """Change name, contact, whether it is enabled, and how many orders may run at once.

    DomainError `permission_denied`, `not_found`, `invalid`.
    """
    policy.require(actor, "users.change_enterprise")
    edits.in_scope(actor, enterprise)
    with transaction.atomic():
        enterprise = lock_enterprise(enterprise)
        before, after = edits.apply(enterprise, changes, editable=EDITABLE)
        if before:
            enterprise.save(update_fields=list(before))
            audit.record(
                actor=actor, action="users.update_enterprise", target=enterprise, before=before, after=after
            )
    return enterprise


def set_member(
    *,
    actor: Actor,
    enterprise: Enterprise,
    driver: Driver,
    is_active: bool = True,
    order_limit_fen: int | None = None,
    day_limit_fen: int | None = None,
    month_limit_fen: int | None = None,
) -> EnterpriseMember:
    """Add a driver to an enterprise, or change the limits they have there (fen; None: no limit of their own).

    DomainError `permission_denied`, `not_found`, `member_limit`, `driver_cancelled`.
    """
    policy.require(actor, "users.change_enterprisemember")
    edits.in_scope(actor, enterprise)
    limits = {
        "order_limit_fen": order_limit_fen,
        "day_limit_fen": day_limit_fen,
        "month_limit_fen": month_limit_fen,
    }
    for name, value in limits.items():
        if value is not None and value <= 0:
            raise DomainError("member_limit", field=name)
    if driver.cancelled_at is not None:
        raise DomainError("driver_cancelled", field="driver")
    with transaction.atomic():
        lock_enterprise(enterprise)
        member = EnterpriseMember.objects.unscoped("of an enterprise in scope").filter(
            enterprise=enterprise, driver=driver
        )
        found = member.first()
        wanted = {"is_active": is_active, **limits}
        before = {name: getattr(found, name) for name in wanted} if found else {}
        if found is None:
            found = EnterpriseMember(enterprise=enterprise, operator_id=enterprise.operator_id, driver=driver)
        for name, value in wanted.items():
            setattr(found, name, value)
        if before != wanted:
            found.save()
            audit.record(actor=actor, action="users.set_member", target=found, before=before, after=wanted)
    return found


def lock_enterprise(enterprise: Enterprise) -> Enterprise:
    """The enterprise's row, locked until the transaction ends."""
    rows = Enterprise.objects.unscoped("scope is checked by the caller").select_for_update(no_key=True)
    return rows.get(pk=enterprise.pk)
