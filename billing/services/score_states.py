"""The life of a pay-score order as a table, and the only function that moves one."""

import logging
from collections.abc import Iterable
from datetime import timedelta

from billing.models import ScoreOrder
from kernel import clock
from kernel.errors import DomainError
from kernel.states import StateMachine

logger = logging.getLogger(__name__)
S = ScoreOrder.State
BEFORE_CHARGE = (S.CREATED, S.CONFIRMING, S.READY)
WITH_SERVICE = (*BEFORE_CHARGE, S.STARTED, S.COMPLETING, S.PAYING, S.CANCELLING)
ENDED = (S.PAID, S.REVOKED, S.EXPIRED, S.REFUSED)
# Seconds after the attempt before: a lost answer is found soon, a debit that takes days costs few calls.
PLAN_S = (5, 10, 20, 30, 60, 120, 300, 900, 3600)

SCORE_STATES = StateMachine(
    "pay-score order",
    {
        (S.CREATED.value, "waits"): S.CONFIRMING.value,
        (S.CREATED.value, "opened"): S.READY.value,
        (S.CREATED.value, "refused"): S.REFUSED.value,
        (S.CONFIRMING.value, "opened"): S.READY.value,
        (S.READY.value, "started"): S.STARTED.value,
        (S.STARTED.value, "billed"): S.COMPLETING.value,
        (S.COMPLETING.value, "completed"): S.PAYING.value,
        **{(state.value, "given_up"): S.CANCELLING.value for state in (*BEFORE_CHARGE, S.STARTED)},
        **{(state.value, "revoked"): S.REVOKED.value for state in WITH_SERVICE},
        **{(state.value, "expired"): S.EXPIRED.value for state in WITH_SERVICE},
        # What the service proves to have taken is booked whatever we believed before.
        **{(state.value, "paid"): S.PAID.value for state in S if state is not S.PAID},
    },
)


def move_score(row: ScoreOrder, event: str, *, update_fields: Iterable[str] = ()) -> ScoreOrder:
    """Move a locked order by one event; its next attempt is now, or never at an end. Raises `illegal_transition`."""
    try:
        target = SCORE_STATES.next_state(row.state, event)
    except DomainError:
        logger.error("pay-score order %s: no move from %s by %s", row.number, row.state, event)
        raise
    now = clock.now()
    row.state, row.version, row.attempts, row.last_error = target, row.version + 1, 0, ""
    over = target in ENDED
    row.ended_at = now if over else None
    if over or target == S.STARTED:  # its charge's end is found by the charge
        row.next_at = None
    else:
        row.next_at = now + timedelta(seconds=PLAN_S[0]) if target == S.PAYING else now
    row.save(
        update_fields={"state", "version", "attempts", "last_error", "ended_at", "next_at", *update_fields}
    )
    return row
