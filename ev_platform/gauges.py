"""Figures of the ground itself: threads, channel layer, writers' queue, outbox, periodic jobs."""

from collections.abc import Iterator

from channels.layers import get_channel_layer
from django.db.models import Min

from kernel import clock
from kernel.heartbeat import beat_age_s
from kernel.metrics import Gauge
from kernel.models import OutboxMessage
from kernel.runtime.dbpool import database_backlog
from kernel.runtime.sqlite3.gate import gates


def ground_gauges() -> Iterator[Gauge]:
    yield Gauge("ev_database_calls_waiting", "Calls waiting for a database thread", database_backlog())
    for path, gate in gates().items():
        yield Gauge(
            "ev_sqlite_writers_waiting", "Writers queueing for SQLite", gate.waiting(), {"database": path}
        )
    dropped = getattr(get_channel_layer(), "dropped", None)
    if dropped is not None:
        yield Gauge(
            "ev_channel_messages_dropped", "Group messages dropped at a full channel since start", dropped
        )
    waiting = OutboxMessage.objects.filter(delivered_at=None)
    oldest = waiting.aggregate(oldest=Min("created_at"))["oldest"]
    age_s = (clock.now() - oldest).total_seconds() if oldest else 0.0
    yield Gauge("ev_outbox_messages_waiting", "Outbox messages not delivered yet", waiting.count())
    yield Gauge(
        "ev_outbox_oldest_age_seconds", "Age of the oldest undelivered outbox message", max(0.0, age_s)
    )
    beat = beat_age_s()
    if beat is not None:
        yield Gauge("ev_beat_age_seconds", "Seconds since a periodic job last ran", beat)


def money_gauges() -> Iterator[Gauge]:
    """What a person has to look at in the books: an alert rule on either is above zero."""
    from billing.models import CheckFinding, Difference

    found = CheckFinding.objects.filter(gone_at=None).count()
    yield Gauge("ev_book_problems", "Problems in the books that the nightly checks found", found)
    waiting = Difference.objects.filter(state=Difference.State.OPEN).count()
    yield Gauge("ev_channel_differences", "Open differences with payment channels", waiting)
