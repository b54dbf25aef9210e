"""The life of a payout as a table, the only function that moves it, and when one needs no approval."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from billing.models import Payout, PayoutChannel, PayoutEvent
from billing.services.payouts.terms import terms_of
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.states import StateMachine

logger = logging.getLogger(__name__)
S = Payout.State

PAYOUT_STATES = StateMachine(
    "payout",
    {
        (S.CREATED.value, "approved"): S.APPROVED.value,
        (S.CREATED.value, "returned"): S.RETURNED.value,
        (S.APPROVED.value, "sent"): S.SENDING.value,
        (S.APPROVED.value, "returned"): S.RETURNED.value,
        (S.SENDING.value, "sent"): S.SENDING.value,
        (S.SENDING.value, "waits"): S.WAITING.value,
        (S.SENDING.value, "paid"): S.PAID.value,
        (S.SENDING.value, "failed"): S.FAILED.value,
        (S.WAITING.value, "paid"): S.PAID.value,
        (S.WAITING.value, "failed"): S.FAILED.value,
        (S.FAILED.value, "retried"): S.APPROVED.value,
        (S.FAILED.value, "returned"): S.RETURNED.value,
    },
)


def move_payout(
    payout: Payout,
    event: str,
    actor: Actor,
    data: Mapping[str, Any] | None = None,
    *,
    update_fields: Iterable[str] = (),
) -> Payout:
    """Move a locked payout by one event and write its history. Raises `illegal_transition`, also logged."""
    before = payout.state
    try:
        payout.state = PAYOUT_STATES.next_state(before, event)
    except DomainError:
        logger.error("payout %s: no move from %s by %s", payout, before, event)
        raise
    payout.version += 1
    payout.save(update_fields={"state", "version", *update_fields})
    note(payout, event, actor, data, from_state=before, to_state=payout.state)
    return payout


def note(
    payout: Payout,
    kind: str,
    actor: Actor,
    data: Mapping[str, Any] | None = None,
    *,
    from_state: str = "",
    to_state: str = "",
) -> None:
    """Write a line of history without a move."""
    PayoutEvent.objects.create(
        payout=payout,
        at=clock.now(),
        kind=kind,
        from_state=from_state,
        to_state=to_state,
        data=dict(data or {}),
        actor_key=actor.key[:96],
        actor_name=actor.name[:128],
    )


def needs_two(payout: Payout) -> bool:
    """Whether two people have to approve: above the limit."""
    return payout.amount_fen > settings.PAYOUT_APPROVAL_FEN


def pays_by_itself(payout: Payout) -> bool:
    """Agreed in the operator's terms, below the limit, and through a channel that needs no hand."""
    terms = terms_of(payout.payee.operator)
    return terms.auto_payout and not needs_two(payout) and payout.channel != PayoutChannel.BANK


def approve_by_terms(payout: Payout, actor: Actor) -> None:
    payout.approved_by_key, payout.approved_by_name = "terms", "terms"
    payout.next_at = clock.now()
    move_payout(
        payout,
        "approved",
        actor,
        {"by": "terms"},
        update_fields=["approved_by_key", "approved_by_name", "next_at"],
    )
