"""Clearing rules: checked, published in versions, looked up by station and moment."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from billing.locks import lock_operator_finance
from billing.models import ClearingRule, Payee, Proposal
from billing.services import proposals
from billing.services.clearing.split import ANY, SplitError, Terms
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Station
from users.models import Operator

FEE_KINDS = ("electricity", "service", "occupancy", "reservation", "parking", "month_cards", ANY)
MISTAKES = {
    "percent": lambda p: _("%(value)s is not a percentage from 0 to 100 with two decimals.") % p,
    "price": lambda p: _("%(value)s is not a price in yuan per kWh with at most five decimals.") % p,
    "sum": lambda p: _("The shares of %(kind)s add up to %(percent)s %%; they have to be 100 %%.") % p,
    "payee": lambda p: _("%(kind)s names a payee twice.") % p,
    "parent": lambda p: (
        _("An agent takes its share of %(kind)s from the agent above, which has none itself.") % p
    ),
    "malformed": lambda p: _("The terms are not readable."),
}


def read_terms(operator: Operator, value: Mapping[str, Any]) -> Terms:
    """Checked terms whose payees are the operator's own; DomainError `clearing_rule_invalid`."""
    try:
        terms = Terms.from_json(value)
    except SplitError as error:
        raise _invalid(MISTAKES[error.code](error.params)) from error
    named = {share.payee for rows in terms.shares.values() for share in rows}
    payees = {
        payee.pk: payee
        for payee in Payee.objects.unscoped("the payees of one operator").filter(
            operator=operator, pk__in=named, is_active=True
        )
    }
    if named - payees.keys():
        raise _invalid(_("A payee is not one of this operator's, or is disabled."))
    for rows in terms.shares.values():
        for share in rows:
            if share.parent is not None and payees[share.payee].parent_id != share.parent:
                raise _invalid(_("%(name)s is not below that agent.") % {"name": payees[share.payee].name})
    unknown = (set(terms.commission) | set(terms.shares)) - set(FEE_KINDS)
    if unknown:
        raise DomainError(
            "choice_invalid", {"value": ", ".join(sorted(unknown)), "accepted": ", ".join(FEE_KINDS)}
        )
    return terms


def publish_rule(
    *,
    actor: Actor,
    operator: Operator,
    terms: Mapping[str, Any],
    effective_at: datetime,
    station: Station | None = None,
) -> ClearingRule:
    """Publish the next version of an operator's rules, in force from a moment that is not past.

    Staff come here through an approved proposal only. DomainError `clearing_rule_invalid`,
    `clearing_rule_past`, `clearing_rule_moment_taken`.
    """
    if station is not None and station.operator_id != operator.pk:
        raise DomainError("not_found", field="station")
    checked = read_terms(operator, terms)
    now = clock.now()
    if effective_at < now and not actor.is_system:
        raise DomainError("clearing_rule_past", field="effective_at")
    with transaction.atomic():
        lock_operator_finance(operator.pk)
        rows = ClearingRule.objects.unscoped("the rules of one operator").filter(operator=operator)
        try:
            with transaction.atomic():
                rule = ClearingRule.objects.create(
                    operator=operator,
                    station=station,
                    number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
                    effective_at=effective_at,
                    terms=checked.to_json(),
                    published_by=actor.name[:128],
                    published_at=now,
                )
        except IntegrityError:
            raise DomainError("clearing_rule_moment_taken", field="effective_at") from None
        audit.record(
            actor=actor,
            action="billing.publish_clearing_rule",
            target=rule,
            after={"terms": rule.terms, "effective_at": effective_at.isoformat()},
        )
    return rule


def rule_in_force(*, operator_id: int, station_id: int | None, at: datetime) -> ClearingRule | None:
    """The rule of the station (if it is of one) at that moment, else the operator's; None when there is none."""
    rows = ClearingRule.objects.unscoped("the rule that income is cleared by").filter(
        operator_id=operator_id, effective_at__lte=at
    )
    newest = rows.order_by("-effective_at")
    return newest.filter(station_id=station_id).first() or newest.filter(station=None).first()


# --- through four eyes ---------------------------------------------------------
def _check(operator: Operator | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    if operator is None:
        raise DomainError("not_found", field="operator")
    effective_at = parse_datetime(str(payload.get("effective_at", "")))
    if effective_at is None or effective_at.tzinfo is None:
        raise DomainError(
            "invalid", {"field": "effective_at", "reason": _("a moment is wanted")}, field="effective_at"
        )
    station_id = payload.get("station")
    if station_id is not None and not operator.stations.filter(pk=station_id).exists():
        raise DomainError("not_found", field="station")
    terms = read_terms(operator, payload.get("terms") or {})
    return {"terms": terms.to_json(), "effective_at": effective_at.isoformat(), "station": station_id}


def _carry_out(actor: Actor, proposal: Proposal) -> str:
    payload = proposal.payload
    station_id = payload.get("station")
    rule = publish_rule(
        actor=actor,
        operator=proposal.operator,
        terms=payload["terms"],
        # Approved later than it was to begin: it begins now.
        effective_at=max(datetime.fromisoformat(payload["effective_at"]), clock.now()),
        station=proposal.operator.stations.get(pk=station_id) if station_id else None,
    )
    return str(rule)


proposals.register(Proposal.Kind.CLEARING_RULE, check=_check, carry_out=_carry_out)


def _invalid(reason: str) -> DomainError:
    return DomainError("clearing_rule_invalid", {"reason": reason})
