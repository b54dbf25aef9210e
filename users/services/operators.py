"""Operators: the tenants of the platform."""

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import Operator
from users.services import edits

CODE_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,32}")
EDITABLE = ("name", "contact", "contact_phone", "is_active")


def create_operator(
    *, actor: Actor, code: str, name: str, contact: str = "", contact_phone: str = ""
) -> Operator:
    """Create an operator under a code of 1 to 32 letters, digits, `-` and `_`.

    DomainError `permission_denied`, `invalid` (names the field), `operator_code_taken`.
    """
    policy.require(actor, "users.add_operator")
    operator = Operator(
        code=check_code(code, "code"),
        name=name.strip(),
        contact=contact.strip(),
        contact_phone=contact_phone.strip(),
    )
    edits.validate(operator)
    try:
        with transaction.atomic():
            operator.save(force_insert=True)
            audit.record(
                actor=actor,
                action="users.create_operator",
                target=operator,
                after={"code": operator.code, "name": operator.name},
            )
    except IntegrityError:
        raise DomainError("operator_code_taken", {"code": operator.code}, field="code") from None
    return operator


def update_operator(*, actor: Actor, operator: Operator, changes: Mapping[str, Any]) -> Operator:
    """Change name, contact, contact_phone or is_active; DomainError `permission_denied`, `not_found`, `invalid`."""
    policy.require(actor, "users.change_operator")
    edits.in_scope(actor, operator)
    with transaction.atomic():
        operator = Operator.objects.unscoped("scope is checked above").select_for_update().get(pk=operator.pk)
        before, after = edits.apply(operator, changes, editable=EDITABLE)
        if before:
            operator.save(update_fields=list(before))
            audit.record(
                actor=actor, action="users.update_operator", target=operator, before=before, after=after
            )
    return operator


def check_code(code: str, field: str) -> str:
    """`code` without surrounding blanks; DomainError `invalid` unless 1 to 32 letters, digits, `-` and `_`."""
    code = code.strip()
    if not CODE_PATTERN.fullmatch(code):
        reason = _("1 to 32 letters, digits, “-” and “_” are accepted.")
        raise DomainError("invalid", {"field": field, "reason": reason}, field=field)
    return code
