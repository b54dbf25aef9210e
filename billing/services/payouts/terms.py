"""Settlement terms of operators, in versions, agreed by two people."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max

from billing.locks import lock_operator_finance
from billing.models import FinanceTerms, Proposal
from billing.services import proposals
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users.models import Operator
from users.services import edits

FIELDS = ("cycle", "minimum_payout_fen", "auto_payout", "tax_name", "taxpayer_id")


def terms_of(operator: Operator) -> FinanceTerms:
    """The newest terms; the defaults (daily, one yuan, by approval), unsaved, when none were agreed."""
    rows = FinanceTerms.objects.unscoped("the terms of one operator").filter(operator=operator)
    return rows.order_by("-number").first() or FinanceTerms(operator=operator, number=0)


def publish_terms(*, actor: Actor, operator: Operator, terms: Mapping[str, Any]) -> FinanceTerms:
    """Publish the next version. Staff come here through an approved proposal only. DomainError `invalid`."""
    checked = _check(operator, terms)
    with transaction.atomic():
        lock_operator_finance(operator.pk)
        before = terms_of(operator)
        rows = FinanceTerms.objects.unscoped("the terms of one operator").filter(operator=operator)
        row = FinanceTerms.objects.create(
            operator=operator,
            number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
            published_by=actor.name[:128],
            published_at=clock.now(),
            **checked,
        )
        audit.record(
            actor=actor,
            action="billing.publish_finance_terms",
            target=row,
            before={name: getattr(before, name) for name in FIELDS},
            after=checked,
        )
    return row


def _check(operator: Operator | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    if operator is None:
        raise DomainError("not_found", field="operator")
    current = terms_of(operator)
    wanted = {name: payload.get(name, getattr(current, name)) for name in FIELDS}
    minimum = wanted["minimum_payout_fen"]
    if isinstance(minimum, bool) or not isinstance(minimum, int) or not 1 <= minimum <= 100_000_000:
        raise DomainError(
            "amount_invalid", {"amount": minimum, "maximum": 100_000_000}, field="minimum_payout_fen"
        )
    row = FinanceTerms(operator=operator, number=1, published_by="-", published_at=clock.now(), **wanted)
    edits.validate(row)
    return wanted


proposals.register(
    Proposal.Kind.FINANCE_TERMS,
    check=_check,
    carry_out=lambda actor, proposal: str(
        publish_terms(actor=actor, operator=proposal.operator, terms=proposal.payload)
    ),
)
