"""The outbox: `enqueue` in a transaction, deliver after commit, sweep what was lost.

A handler is registered per topic at start-up and must be idempotent: a crash between its effect and the
delivery mark repeats it.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from kernel import clock
from kernel.models import OutboxMessage

logger = logging.getLogger(__name__)

Handler = Callable[[Mapping[str, Any]], None]
_HANDLERS: dict[str, Handler] = {}


def register_handler(topic: str, handler: Handler) -> None:
    """Register the one handler of a topic."""
    if _HANDLERS.setdefault(topic, handler) is not handler:
        raise RuntimeError(f"outbox topic {topic!r} already has a handler")


def enqueue(topic: str, payload: Mapping[str, Any], *, delay_s: float = 0) -> OutboxMessage:
    """Store a side effect in the current transaction and try it right after commit.

    Delivery runs in the committing thread when nothing delays it; a failure stays in the table for the sweep.
    """
    if topic not in _HANDLERS:
        raise LookupError(f"no outbox handler for topic {topic!r}")
    at = clock.now()
    message = OutboxMessage.objects.create(
        topic=topic, payload=dict(payload), created_at=at, available_at=at + timedelta(seconds=delay_s)
    )
    if not delay_s:
        transaction.on_commit(lambda: deliver(message.pk), robust=True)
    return message


def deliver(message_id: int) -> bool:
    """Deliver one message if it is still due; True when it was delivered now."""
    with transaction.atomic():
        rows = OutboxMessage.objects.filter(pk=message_id, delivered_at__isnull=True)
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True)
        message = rows.first()
        if message is None:
            return False
        message.attempts += 1
        try:
            with transaction.atomic():
                _HANDLERS[message.topic](message.payload)
        except Exception as error:
            logger.exception("outbox %s failed", message)
            message.last_error = repr(error)[:500]
            message.available_at = clock.now() + timedelta(seconds=min(2**message.attempts, 600))
            message.save(update_fields=["attempts", "last_error", "available_at"])
            return False
        message.delivered_at = clock.now()
        message.save(update_fields=["attempts", "delivered_at"])
        return True


def sweep(limit: int = 500) -> int:
    """Deliver everything that is due; returns how many messages left."""
    due = list(
        OutboxMessage.objects.filter(delivered_at__isnull=True, available_at__lte=clock.now())
        .order_by("available_at", "id")
        .values_list("pk", flat=True)[:limit]
    )
    return sum(deliver(pk) for pk in due)
