"""Four eyes on rules and money: one asks with a reason, another decides, the change happens with the decision.

What a kind of proposal does is registered by the service that owns it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from billing.locks import lock_proposal
from billing.models import Proposal
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import Operator
from users.scope import grants_of
from users.services import edits

S = Proposal.State


@dataclass(frozen=True)
class _Kind:
    check: Callable[[Operator | None, Mapping[str, Any]], dict[str, Any]]
    carry_out: Callable[[Actor, Proposal], str]
    platform_only: bool


_KINDS: dict[str, _Kind] = {}


def register(
    kind: str,
    *,
    check: Callable[[Operator | None, Mapping[str, Any]], dict[str, Any]],
    carry_out: Callable[[Actor, Proposal], str],
    platform_only: bool = True,
) -> None:
    """Say how a kind is checked when asked for (returns the payload to keep) and carried out when approved.

    `platform_only` kinds are asked for and decided by staff of the whole platform.
    """
    _KINDS[kind] = _Kind(check, carry_out, platform_only)


def propose(
    *, actor: Actor, kind: str, payload: Mapping[str, Any], reason: str, operator: Operator | None = None
) -> Proposal:
    """Ask for a change. Needs `billing.propose_change` and a reason; nothing changes yet.

    DomainError `permission_denied`, `not_found`, `reason_required`, and what the kind's check says.
    """
    policy.require(actor, "billing.propose_change")
    reason = edits.require_reason(reason)
    if kind not in _KINDS:
        raise DomainError("choice_invalid", {"value": kind, "accepted": ", ".join(_KINDS)}, field="kind")
    _require_reach(actor, kind, operator)
    with transaction.atomic():
        proposal = Proposal.objects.create(
            kind=kind,
            operator=operator,
            payload=_KINDS[kind].check(operator, payload),
            reason=reason[:255],
            requested_at=clock.now(),
            requested_by_key=actor.key[:96],
            requested_by_name=actor.name[:128],
        )
        audit.record(
            actor=actor,
            action="billing.propose_change",
            target=proposal,
            reason=reason,
            after={"kind": kind, "payload": proposal.payload},
        )
    return proposal


def approve(*, actor: Actor, proposal: Proposal, reason: str = "") -> Proposal:
    """Approve and carry out, in one transaction. Needs `billing.approve_change` and to be somebody else.

    DomainError `permission_denied`, `proposal_decided`, `four_eyes`, and what carrying it out says.
    """
    policy.require(actor, "billing.approve_change")
    _require_reach(actor, proposal.kind, proposal.operator)
    with transaction.atomic():
        locked = lock_proposal(proposal.pk)
        if locked.state != S.PROPOSED:
            raise DomainError("proposal_decided")
        if locked.requested_by_key == actor.key:
            raise DomainError("four_eyes")
        locked.result = _KINDS[locked.kind].carry_out(actor, locked)[:128]
        _decide(locked, actor, S.APPROVED, reason)
    return locked


def reject(*, actor: Actor, proposal: Proposal, reason: str) -> Proposal:
    """Reject, or take back what one asked for oneself. Needs `billing.approve_change` or to be the one who asked."""
    reason = edits.require_reason(reason)
    if proposal.requested_by_key != actor.key:
        policy.require(actor, "billing.approve_change")
    _require_reach(actor, proposal.kind, proposal.operator)
    with transaction.atomic():
        locked = lock_proposal(proposal.pk)
        if locked.state != S.PROPOSED:
            raise DomainError("proposal_decided")
        _decide(locked, actor, S.REJECTED, reason)
    return locked


def _decide(proposal: Proposal, actor: Actor, state: str, reason: str) -> None:
    proposal.state, proposal.decided_at, proposal.decision_reason = state, clock.now(), reason[:255]
    proposal.decided_by_key, proposal.decided_by_name = actor.key[:96], actor.name[:128]
    proposal.save()
    audit.record(
        actor=actor,
        action=f"billing.change_{state}",
        target=proposal,
        reason=reason,
        before={"state": S.PROPOSED.value},
        after={"state": state, "result": proposal.result},
    )


def _require_reach(actor: Actor, kind: str, operator: Operator | None) -> None:
    """Platform kinds belong to the platform's own finance; the others to whoever sees the operator."""
    if grants_of(actor).everything:
        return
    if _KINDS[kind].platform_only or operator is None:
        raise DomainError("permission_denied", {"permission": "platform"})
    edits.in_scope(actor, operator)
