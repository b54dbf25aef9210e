"""The lives of payments, refunds and refund parts as tables, and the only functions that move them."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from billing.models import Payment, PaymentEvent, Refund, RefundPart
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.states import StateMachine

logger = logging.getLogger(__name__)
P, R, T = Payment.State, Refund.State, RefundPart.State

# Money that the channel proves to have taken is booked whatever we believed before: `paid` is legal almost
# everywhere, also on a payment that had been closed or refused.
PAYMENT_STATES = StateMachine(
    "payment",
    {
        (P.CREATED.value, "offered"): P.PAYING.value,
        (P.CREATED.value, "refused"): P.FAILED.value,
        (P.CREATED.value, "paid"): P.SUCCEEDED.value,
        (P.CREATED.value, "closed"): P.CLOSED.value,
        (P.CREATED.value, "differs"): P.REVIEW.value,
        (P.PAYING.value, "paid"): P.SUCCEEDED.value,
        (P.PAYING.value, "closed"): P.CLOSED.value,
        (P.PAYING.value, "differs"): P.REVIEW.value,
        (P.CLOSED.value, "paid"): P.SUCCEEDED.value,
        (P.CLOSED.value, "differs"): P.REVIEW.value,
        (P.FAILED.value, "paid"): P.SUCCEEDED.value,
        (P.FAILED.value, "differs"): P.REVIEW.value,
        (P.REVIEW.value, "paid"): P.SUCCEEDED.value,
        (P.REVIEW.value, "dismissed"): P.CLOSED.value,
    },
)
REFUND_STATES = StateMachine(
    "refund",
    {
        (R.REQUESTED.value, "approved"): R.APPROVED.value,
        (R.REQUESTED.value, "rejected"): R.REJECTED.value,
        (R.REQUESTED.value, "withdrawn"): R.WITHDRAWN.value,
        (R.APPROVED.value, "sent"): R.SENT.value,
        (R.SENT.value, "succeeded"): R.SUCCEEDED.value,
        (R.SENT.value, "partial"): R.PARTIAL.value,
        (R.SENT.value, "failed"): R.FAILED.value,
    },
)
PART_STATES = StateMachine(
    "refund part",
    {
        (T.PENDING.value, "sent"): T.SENT.value,
        (T.PENDING.value, "cancelled"): T.CANCELLED.value,
        (T.SENT.value, "sent"): T.SENT.value,
        (T.SENT.value, "succeeded"): T.SUCCEEDED.value,
        (T.SENT.value, "failed"): T.FAILED.value,
    },
)


def move_payment(
    payment: Payment,
    event: str,
    actor: Actor,
    data: Mapping[str, Any] | None = None,
    *,
    update_fields: Iterable[str] = (),
) -> Payment:
    """Move a locked payment by one event and write its history; `update_fields` are saved with it.

    Raises `illegal_transition`, which is also logged.
    """
    return _move(PAYMENT_STATES, payment, event, actor, data, update_fields)


def move_refund(
    refund: Refund,
    event: str,
    actor: Actor,
    data: Mapping[str, Any] | None = None,
    *,
    update_fields: Iterable[str] = (),
) -> Refund:
    """As `move_payment`, for a locked refund."""
    return _move(REFUND_STATES, refund, event, actor, data, update_fields)


def move_part(part: RefundPart, event: str, *, update_fields: Iterable[str] = ()) -> RefundPart:
    """Move a part of a locked refund; its refund's history tells what the part's row does not."""
    part.state = _next(PART_STATES, part, event)
    part.save(update_fields={"state", *update_fields})
    return part


def note(
    subject: Payment | Refund,
    kind: str,
    actor: Actor,
    data: Mapping[str, Any] | None = None,
    *,
    from_state: str = "",
    to_state: str = "",
) -> PaymentEvent:
    """Write a line of history without a move."""
    return PaymentEvent.objects.create(
        payment=subject if isinstance(subject, Payment) else None,
        refund=subject if isinstance(subject, Refund) else None,
        at=clock.now(),
        kind=kind,
        from_state=from_state,
        to_state=to_state,
        data=dict(data or {}),
        actor_key=actor.key[:96],
        actor_name=actor.name[:128],
    )


def _move(machine, row, event, actor, data, update_fields):
    before, target = row.state, _next(machine, row, event)
    row.state, row.version = target, row.version + 1
    row.save(update_fields={"state", "version", *update_fields})
    note(row, event, actor, data, from_state=before, to_state=target)
    return row


def _next(machine: StateMachine, row: Payment | Refund | RefundPart, event: str) -> str:
    try:
        return machine.next_state(row.state, event)
    except DomainError:
        logger.error("%s %s: no move from %s by %s", machine.name, row, row.state, event)
        raise
