"""Creating and changing simple rows with validation in words, shared by the services of this floor and above.

A model's own validators say what is accepted; this module turns their answer into a `DomainError` that names the
field, and works out the before and after that the audit trail keeps.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from kernel.actor import Actor
from kernel.errors import DomainError


def validate(instance: models.Model) -> None:
    """Run the field validators of `instance`; DomainError `invalid` names the first wrong field.

    Relations, uniqueness and constraints are left to the services and to the database.
    """
    relations = [field.name for field in instance._meta.fields if field.is_relation]
    try:
        instance.clean_fields(exclude=relations)
    except ValidationError as error:
        field, errors = next(iter(error.error_dict.items()))
        reason = " ".join(message for one in errors for message in one.messages)
        raise DomainError("invalid", {"field": field, "reason": reason}, field=field) from None


def plain(value: Any) -> Any:
    """A value as the audit trail keeps it: JSON-compatible, decimals and moments as text."""
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value


def apply(
    instance: models.Model, changes: Mapping[str, Any], *, editable: Iterable[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Set `changes` on `instance`, validate, and return (before, after) of what really differs.

    DomainError `invalid` for a field outside `editable` or a value its validators refuse. Saves nothing.
    """
    editable = tuple(editable)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in editable:
            reason = _("it cannot be changed; %(accepted)s can.") % {"accepted": ", ".join(editable)}
            raise DomainError("invalid", {"field": name, "reason": reason}, field=name)
        old = getattr(instance, name)
        setattr(instance, name, value)
        if old != value:
            before[name] = plain(old)
    validate(instance)
    for name in before:
        after[name] = plain(getattr(instance, name))
    return before, after


def in_scope(actor: Actor, row: models.Model) -> None:
    """Raise DomainError `not_found` unless `actor` may see `row`: an object outside the scope does not exist."""
    if not type(row)._default_manager.for_actor(actor).filter(pk=row.pk).exists():
        raise DomainError("not_found")


def require_reason(reason: str) -> str:
    """The reason without surrounding blanks; DomainError `reason_required` when nothing is left."""
    reason = (reason or "").strip()
    if not reason:
        raise DomainError("reason_required", field="reason")
    return reason
