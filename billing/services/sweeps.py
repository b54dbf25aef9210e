"""Deadlines of orders: what nobody reports happens here. Safe to run at any time, twice, and in two processes."""

import logging
from datetime import timedelta

from django.db import transaction

from billing.locks import lock_order
from billing.models import ChargingOrder
from billing.pricing import Finding
from billing.services.deadlines import reason_now
from billing.services.order_states import note
from billing.services.orders import try_stop
from billing.services.sessions import end_session, stop_for
from billing.services.settlement import WAITS_FOR_RECORD, close_order, to_review
from kernel import clock
from kernel.actor import Actor

logger = logging.getLogger(__name__)
S = ChargingOrder.State
SILENT_AFTER = timedelta(hours=6)
STILL_MEASURED = timedelta(seconds=60)


def sweep_orders(*, actor: Actor, limit: int = 500) -> int:
    """Handle every order whose deadline has passed; returns how many. One order's fault stops no other."""
    orders = ChargingOrder.objects.unscoped("every order's deadline")
    due = orders.filter(due_at__lte=clock.now()).order_by("due_at").values_list("pk", flat=True)[:limit]
    return sum(_guarded(pk, actor) for pk in list(due))


def stop_due(*, actor: Actor, limit: int = 500) -> int:
    """Stop every order whose time is up, also where no reading comes that would notice; returns how many."""
    now = clock.now()
    orders = ChargingOrder.objects.unscoped("every order whose time is up")
    due = orders.filter(stop_due_at__lte=now, state=S.CHARGING).order_by("stop_due_at")
    stopped = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        try:
            with transaction.atomic():
                order = lock_order(pk)
                if order.state == S.CHARGING and (reason := reason_now(order, now)):
                    stopped += stop_for(order, actor, reason=reason)
        except Exception:
            logger.exception("order %s could not be stopped", pk)
    return stopped


def flag_silent(*, actor: Actor) -> int:
    """Tell, once, on the timeline of orders that charge on an offline pile without any reading for hours."""
    limit = clock.now() - SILENT_AFTER
    orders = ChargingOrder.objects.unscoped("every silent order").filter(
        state=S.CHARGING, pile__online=False, started_at__lt=limit
    )
    silent = orders.exclude(last_sample_at__gte=limit).exclude(events__kind="silent").order_by("pk")[:500]
    for order in silent:
        note(order, "silent", actor, {"hours": SILENT_AFTER.total_seconds() / 3600})
    return len(silent)


def _guarded(order_id: int, actor: Actor) -> bool:
    try:
        with transaction.atomic():
            order = lock_order(order_id)
            if order.due_at is None or order.due_at > clock.now():
                return False
            _overdue(order, actor)
    except Exception:
        logger.exception("order %s could not be swept", order_id)
        return False
    return True


def _overdue(order: ChargingOrder, actor: Actor) -> None:
    match order.state:
        case S.STARTING:
            close_order(order, "start_unanswered", actor)
            try_stop(order, actor)  # should the pile start after all
        case S.CHARGING:
            end_session(order, actor, {"reason": "idle"})
        case S.STOPPING if order.started_at is None:
            close_order(order, "nothing_delivered", actor)
            try_stop(order, actor)
        case S.STOPPING | S.FINISHING:
            _record_overdue(order, actor)
        case _:
            order.due_at = None
            order.save(update_fields=["due_at"])


def _record_overdue(order: ChargingOrder, actor: Actor) -> None:
    measured = order.last_sample_at is not None and order.last_sample_at > clock.now() - STILL_MEASURED
    if measured and order.power_kw:
        order.due_at = clock.now() + STILL_MEASURED  # it still charges, so no record can be there yet
        order.save(update_fields=["due_at"])
        return
    to_review(order, [Finding(WAITS_FOR_RECORD)], actor, event="record_missing")
