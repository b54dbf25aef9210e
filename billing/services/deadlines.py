"""When the platform itself ends a running charge by the clock, and why.

Three things can be due, the earliest counts: the time that was wanted or bought (pauses of the port do not use it
up), the night cut-off of the pile, and an overload that nobody takes away.
"""

from datetime import datetime, timedelta

from billing.models import ChargingOrder
from stations.night import next_dark

LONGEST_OVERLOAD = timedelta(minutes=10)
OVERLOAD = "overload"
Due = tuple[datetime, str]


def next_due(order: ChargingOrder) -> Due | None:
    """The moment and the reason (`time`, `night`, `overload`) of an order that charges; None when nothing is due."""
    if order.started_at is None:
        return None
    found: list[Due] = []
    still = open_pause(order)
    seconds = order.targets.get("seconds")
    if seconds and still is None:
        found.append((order.started_at + timedelta(seconds=seconds) + paused_for(order), "time"))
    if still is not None and still[1] == OVERLOAD:
        found.append((still[0] + LONGEST_OVERLOAD, OVERLOAD))
    night = next_dark(order.pile, order.started_at)
    if night is not None:
        found.append((max(night[0], order.started_at), "night"))
    return min(found, default=None)


def due_at(order: ChargingOrder) -> datetime | None:
    """The moment of `next_due`, for `stop_due_at`."""
    due = next_due(order)
    return None if due is None else due[0]


def reason_now(order: ChargingOrder, now: datetime) -> str | None:
    """Why an order is to be stopped by the clock at a moment; None when it is not."""
    if order.stop_due_at is None or now < order.stop_due_at:
        return None
    due = next_due(order)
    return due[1] if due is not None and due[0] <= now else "time"


def open_pause(order: ChargingOrder) -> tuple[datetime, str] | None:
    """Since when the port stands still, and why; None when it charges."""
    if not order.pauses or order.pauses[-1][1] is not None:
        return None
    since, _until, reason = order.pauses[-1]
    return datetime.fromisoformat(since), reason


def pauses_of(order: ChargingOrder, until: datetime | None) -> tuple[tuple[datetime, datetime], ...]:
    """The pauses as the pricing engine takes them; one that lasts ends at `until`."""
    rows = []
    for since, end, _reason in order.pauses:
        begin = datetime.fromisoformat(since)
        finish = datetime.fromisoformat(end) if end else until
        if finish is not None and finish > begin:
            rows.append((begin, finish))
    return tuple(rows)


def paused_for(order: ChargingOrder) -> timedelta:
    """How long the port stood still in pauses that are over."""
    return sum((end - begin for begin, end in pauses_of(order, None)), timedelta())
