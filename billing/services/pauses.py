"""A port that stands still in the middle of a charge (overload, power cut) and goes on.

The order stays open. Time in which nothing could flow has no price and uses up no bought time; a port that says
nothing of going on goes on with the next reading that shows power.
"""

from datetime import datetime

from django.db import transaction

from billing.locks import lock_order
from billing.models import ChargingOrder
from billing.services.deadlines import due_at, open_pause
from billing.services.order_states import note
from devices.events import ChargePaused, ChargeResumed
from kernel.actor import Actor

S = ChargingOrder.State
MOST_PAUSES = 200  # a port that flutters more often than this is not followed any further


def charge_paused(*, actor: Actor, event: ChargePaused) -> None:
    """The port says that it stands still; a repeat changes nothing."""
    with transaction.atomic():
        order = _running(event)
        if order is None or open_pause(order) is not None or len(order.pauses) >= MOST_PAUSES:
            return
        since = max(event.at, order.started_at)
        order.pauses = [*order.pauses, [since.isoformat(), None, event.reason[:48]]]
        order.stop_due_at, order.power_kw, order.due_at = due_at(order), 0, None
        order.save(update_fields=["pauses", "stop_due_at", "power_kw", "due_at"])
        note(order, "charge_paused", actor, {"reason": event.reason})


def charge_resumed(*, actor: Actor, event: ChargeResumed) -> None:
    """The port says that it goes on."""
    with transaction.atomic():
        order = _running(event)
        if order is not None and end_pause(order, event.at):
            order.save(update_fields=["pauses", "stop_due_at"])
            note(order, "charge_resumed", actor, {"reason": event.reason})


def end_pause(order: ChargingOrder, at: datetime) -> bool:
    """End the pause of a locked order that is going on, which the caller saves; False when there is none."""
    still = open_pause(order)
    if still is None:
        return False
    last = order.pauses[-1]
    order.pauses = [*order.pauses[:-1], [last[0], max(at, still[0]).isoformat(), last[2]]]
    order.stop_due_at = due_at(order)
    return True


def _running(event: ChargePaused | ChargeResumed) -> ChargingOrder | None:
    rows = ChargingOrder.objects.unscoped("a pile reports its own transaction").filter(
        pile_id=event.pile.id, transaction_ref=event.transaction_ref, state__in=(S.CHARGING, S.STOPPING)
    )
    order_id = rows.values_list("pk", flat=True).first()
    order = None if order_id is None else lock_order(order_id)
    running = order is not None and order.state in (S.CHARGING, S.STOPPING) and order.started_at is not None
    return order if running else None
