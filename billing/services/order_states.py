"""The life of an order as one table, and the only function that moves an order along it.

`docs/orders.md` draws the table; a test keeps the drawing equal to it.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from billing.models import ChargingOrder, OrderEvent
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.live import broadcast_all
from kernel.states import StateMachine

logger = logging.getLogger(__name__)
S = ChargingOrder.State
STEP_FIELDS = ("state", "version", "due_at")

ORDER_STATES = StateMachine(
    "order",
    {
        (S.STARTING.value, "charging_seen"): S.CHARGING.value,
        (S.STARTING.value, "start_refused"): S.CLOSED.value,
        (S.STARTING.value, "start_unanswered"): S.CLOSED.value,
        (S.STARTING.value, "stop_requested"): S.STOPPING.value,
        (S.STARTING.value, "nothing_delivered"): S.CLOSED.value,
        (S.STARTING.value, "settled"): S.SETTLED.value,
        (S.STARTING.value, "record_doubtful"): S.REVIEW.value,
        (S.CHARGING.value, "stop_requested"): S.STOPPING.value,
        (S.CHARGING.value, "end_seen"): S.FINISHING.value,
        (S.CHARGING.value, "settled"): S.SETTLED.value,
        (S.CHARGING.value, "record_doubtful"): S.REVIEW.value,
        (S.STOPPING.value, "charging_seen"): S.STOPPING.value,
        (S.STOPPING.value, "stop_failed"): S.CHARGING.value,
        (S.STOPPING.value, "end_seen"): S.FINISHING.value,
        (S.STOPPING.value, "nothing_delivered"): S.CLOSED.value,
        (S.STOPPING.value, "settled"): S.SETTLED.value,
        (S.STOPPING.value, "record_doubtful"): S.REVIEW.value,
        (S.STOPPING.value, "record_missing"): S.REVIEW.value,
        (S.FINISHING.value, "settled"): S.SETTLED.value,
        (S.FINISHING.value, "record_doubtful"): S.REVIEW.value,
        (S.FINISHING.value, "record_missing"): S.REVIEW.value,
        (S.REVIEW.value, "record_doubtful"): S.REVIEW.value,
        (S.REVIEW.value, "settled"): S.SETTLED.value,
        (S.CLOSED.value, "record_doubtful"): S.REVIEW.value,
    },
)


def move(
    order: ChargingOrder,
    event: str,
    actor: Actor,
    data: Mapping[str, Any] | None = None,
    *,
    update_fields: Iterable[str] = (),
    due_at: datetime | None = None,
) -> ChargingOrder:
    """Move a locked order by one event, write its timeline line and tell whoever watches.

    Args:
        order: locked by the caller (`billing.locks`); fields that the caller changed are named in
            `update_fields` and saved with the move.
        data: what belongs to the event; JSON-compatible.
        due_at: when the sweep has to look at the order next; None for never.

    Raises:
        DomainError: `illegal_transition`, which is also logged.
    """
    line = step(order, event, actor, data, due_at=due_at)
    order.save(update_fields={*STEP_FIELDS, *update_fields})
    line.save(force_insert=True)
    tell([order])
    return order


def step(
    order: ChargingOrder,
    event: str,
    actor: Actor,
    data: Mapping[str, Any] | None = None,
    *,
    due_at: datetime | None = None,
) -> OrderEvent:
    """What a move changes, unsaved: sets the order's `STEP_FIELDS` and returns the line of its timeline.

    For callers that write many orders at once and `tell` of them. Raises as `move` does.
    """
    try:
        target = ORDER_STATES.next_state(order.state, event)
    except DomainError:
        logger.error("order %s: no move from %s by %s (%s)", order.order_no, order.state, event, actor.key)
        raise
    before = order.state
    order.state, order.version, order.due_at = target, order.version + 1, due_at
    return _line(order, event, actor, data, from_state=before, to_state=target)


def note(
    order: ChargingOrder,
    kind: str,
    actor: Actor,
    data: Mapping[str, Any] | None = None,
    *,
    from_state: str = "",
    to_state: str = "",
) -> OrderEvent:
    """Write a line on the order's timeline without moving it."""
    event = _line(order, kind, actor, data, from_state=from_state, to_state=to_state)
    event.save(force_insert=True)
    tell([order])
    return event


def _line(
    order: ChargingOrder,
    kind: str,
    actor: Actor,
    data: Mapping[str, Any] | None,
    *,
    from_state: str,
    to_state: str,
) -> OrderEvent:
    return OrderEvent(
        order_id=order.pk,
        at=clock.now(),
        kind=kind,
        from_state=from_state,
        to_state=to_state,
        data=dict(data or {}),
        actor_key=actor.key[:96],
        actor_name=actor.name[:128],
    )


def tell(orders: Iterable[ChargingOrder], *, moved: bool = True) -> None:
    """Push to the pages of these orders and, once per operator, to the boards.

    `moved`: an order may have come, gone or changed its state, which the lists of running orders hear too; new
    figures alone concern nobody but the pages that show the order.
    """
    orders = list(orders)
    if not orders:
        return
    where = ["platform", *(f"operator.{pk}" for pk in sorted({o.operator_id for o in orders}))]
    broadcast_all(
        [
            *(
                (f"order.{order.order_no}", {"type": "order.update", "order_no": order.order_no})
                for order in orders
            ),
            *((f"board.{name}", {"type": "board.dirty"}) for name in where),
            *((f"orders.{name}", {"type": "orders.moved"}) for name in where if moved),
        ]
    )
