"""Payees of an operator: the operator itself, its agents in a tree, its partners."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from billing.models import Payee
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import Operator
from users.services import edits
from users.services.operators import check_code

DEEPEST = 8


def operator_payee(operator: Operator) -> Payee:
    """The payee that is the operator itself, opened at first use."""
    payee, _created = Payee.objects.get_or_create(
        operator=operator,
        kind=Payee.Kind.OPERATOR,
        defaults={"code": operator.code, "name": operator.name, "phone": operator.contact_phone},
    )
    return payee


def create_payee(
    *,
    actor: Actor,
    operator: Operator,
    kind: str,
    code: str,
    name: str,
    parent: Payee | None = None,
    phone: str = "",
) -> Payee:
    """Add an agent (below another agent of the same operator, if `parent`) or a partner.

    Needs `billing.add_payee`. DomainError `permission_denied`, `not_found`, `invalid`, `payee_code_taken`.
    """
    policy.require(actor, "billing.add_payee")
    edits.in_scope(actor, operator)
    if kind not in (Payee.Kind.AGENT, Payee.Kind.PARTNER):
        raise DomainError("choice_invalid", {"value": kind, "accepted": "agent, partner"}, field="kind")
    if parent is not None:
        _check_parent(operator, kind, parent)
    payee = Payee(
        operator=operator,
        kind=kind,
        code=check_code(code, "code"),
        name=name.strip(),
        parent=parent,
        phone=phone.strip(),
    )
    edits.validate(payee)
    operator_payee(operator)
    try:
        with transaction.atomic():
            payee.save(force_insert=True)
            audit.record(
                actor=actor,
                action="billing.create_payee",
                target=payee,
                after={"code": payee.code, "name": payee.name, "parent": parent.code if parent else ""},
            )
    except IntegrityError:
        raise DomainError("payee_code_taken", {"code": payee.code}, field="code") from None
    return payee


def update_payee(*, actor: Actor, payee: Payee, changes: dict) -> Payee:
    """Change name, phone or is_active; DomainError `permission_denied`, `not_found`, `invalid`."""
    policy.require(actor, "billing.change_payee")
    edits.in_scope(actor, payee)
    with transaction.atomic():
        payee = Payee.objects.unscoped("scope is checked above").select_for_update().get(pk=payee.pk)
        before, after = edits.apply(payee, changes, editable=("name", "phone", "is_active"))
        if before:
            payee.save(update_fields=list(before))
            audit.record(actor=actor, action="billing.update_payee", target=payee, before=before, after=after)
    return payee


def _check_parent(operator: Operator, kind: str, parent: Payee) -> None:
    refused = None
    if kind != Payee.Kind.AGENT or parent.kind != Payee.Kind.AGENT:
        refused = _("Only an agent stands below an agent.")
    elif parent.operator_id != operator.pk:
        refused = _("The agent above belongs to another operator.")
    else:
        depth, above = 1, parent
        while above.parent is not None and depth <= DEEPEST:
            depth, above = depth + 1, above.parent
        if depth >= DEEPEST:
            refused = _("An agent tree has at most %(levels)s levels.") % {"levels": DEEPEST}
    if refused:
        raise DomainError("invalid", {"field": "parent", "reason": refused}, field="parent")
