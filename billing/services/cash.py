"""Coins and offline cards of e-bike boxes in the books: what a counter rose by, once, on the box's day.

The money is in the box and so with its operator already; the platform owes nobody of it. Both sides are the
operator's: cash it holds, and income that no order asked for.
"""

from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F

from billing.models import Account, BoxCashDay, Journal
from billing.services import ledger
from devices.events import CashReported
from kernel.actor import Actor
from stations.models import Pile


def book_cash(*, actor: Actor, event: CashReported) -> BoxCashDay | None:
    """Book what came in since the box's last report; once per box and moment, None when it is booked already.

    The floor below publishes only differences, in the transaction that moves its counters, so that no report is
    counted twice and none is lost.
    """
    pile = Pile.objects.unscoped("a box reports its own cash").select_related("operator", "station")
    box = pile.get(pk=event.pile.id)
    key = f"cash:{box.pk}:{event.at.timestamp():.3f}"
    taken = event.coins_fen + event.cards_fen
    with transaction.atomic():
        if Journal.objects.filter(idempotency_key=key).exists():
            return None
        if taken:
            held = ledger.account_of(Account.Kind.OPERATOR_CASH, operator=box.operator)
            income = ledger.account_of(Account.Kind.OPERATOR_BOX_INCOME, operator=box.operator)
            ledger.post(
                key=key,
                kind=Journal.Kind.BOX_CASH,
                lines=[(held, -taken), (income, taken)],
                actor=actor,
                memo=box.code,
            )
        day = event.at.astimezone(ZoneInfo(box.station.time_zone)).date()
        row, _created = BoxCashDay.objects.get_or_create(
            pile=box, day=day, defaults={"operator_id": box.operator_id, "station_id": box.station_id}
        )
        BoxCashDay.objects.unscoped("the row of this box and day").filter(pk=row.pk).update(
            coins_fen=F("coins_fen") + event.coins_fen,
            cards_fen=F("cards_fen") + event.cards_fen,
            coins=F("coins") + event.coins,
            swipes=F("swipes") + event.cards,
        )
        row.refresh_from_db()
    return row
