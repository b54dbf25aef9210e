"""Cash of e-bike boxes: they report running totals, and only the difference to the last total is income."""

from datetime import datetime

from django.db import transaction

from devices import events
from devices.locks import lock_pile
from devices.models import CashCounter
from stations.models import Pile

_TOTALS = {
    "coins_fen_total": "coins_fen",
    "cards_fen_total": "cards_fen",
    "coins_total": "coins",
    "cards_total": "cards",
}
MOST_FEN_AT_ONCE = 10_000_000  # a difference above is no day's cash but a broken counter


def report_income(
    *,
    pile: events.PileRef,
    at: datetime,
    coins_fen_total: int | None = None,
    cards_fen_total: int | None = None,
    coins_total: int | None = None,
    cards_total: int | None = None,
) -> events.CashReported | None:
    """Take the running totals of a box at a moment and publish what came in since the last ones.

    The first report is the base: what was in the box before the platform knew it is not its income. A report that
    is not newer than the last is dropped. A total that fell is a new base; a leap no box can take in one go is
    one too. A total that is left out stays as it was.

    Returns what was published; None when nothing came in.
    """
    totals = {
        "coins_fen_total": coins_fen_total,
        "cards_fen_total": cards_fen_total,
        "coins_total": coins_total,
        "cards_total": cards_total,
    }
    with transaction.atomic():
        lock_pile(pile.id)
        counter = CashCounter.objects.filter(pile_id=pile.id).first()
        if counter is None:
            CashCounter.objects.create(
                operator_id=pile.operator_id,
                station_id=pile.station_id,
                pile_id=pile.id,
                reported_at=at,
                **totals,
            )
            return None
        if at <= counter.reported_at:
            return None
        came_in: dict[str, int] = {}
        fell = False
        for name, total in totals.items():
            before = getattr(counter, name)
            if total is None:
                continue
            setattr(counter, name, total)
            if before is None:
                continue
            if total < before or total - before > MOST_FEN_AT_ONCE:
                fell = True
            elif total > before:
                came_in[_TOTALS[name]] = total - before
        counter.reported_at, counter.resets = at, counter.resets + fell
        counter.save()
        if not came_in:
            return None
        event = events.CashReported(pile=pile, at=at, **came_in)
        events.publish(event)
    return event


def counter_of(pile: Pile) -> CashCounter | None:
    """The running totals of a box, as it reported them last."""
    return CashCounter.objects.unscoped("the pile is in scope of the caller").filter(pile=pile).first()
