"""What of an order its payer does not pay: a month card's allowance of the day, or all of it.

The bill is the full price either way; only who pays it differs.
"""

from datetime import datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from billing.models import ChargingOrder
from billing.pricing.tariff import zone_of
from users.models import Card

C = ChargingOrder.Cover


def covered_fen(order: ChargingOrder) -> int:
    """The fen of a priced order that its cover pays; call it under the lock of the payer's account."""
    match order.cover:
        case C.FREE:
            return order.total_fen
        case C.MONTH_CARD:
            paid = (order.total_fen * (1 - covered_share(order))).quantize(Decimal(1), ROUND_HALF_UP)
            return order.total_fen - int(paid)
    return 0


def covered_share(order: ChargingOrder) -> Decimal:
    """The share of an order inside its month card's daily limits, from 0 to 1.

    Times, minutes and energy count per day of the station on which charging began; what is above a limit is paid
    at the normal price (the narrowest limit decides).
    """
    card, begun = order.card, order.started_at or order.created_at
    if card is None:
        return Decimal(0)
    used_times, used_minutes, used_kwh = used_of_day(card, begun, _zone(order), leave_out=order.pk)
    if card.daily_times is not None and used_times >= card.daily_times:
        return Decimal(0)
    share = Decimal(1)
    minutes = minutes_between(begun, order.ended_at)
    if card.daily_minutes is not None and minutes > 0:
        share = min(share, max(card.daily_minutes - used_minutes, Decimal(0)) / minutes)
    if card.daily_energy_kwh is not None and order.energy_kwh > 0:
        share = min(share, max(card.daily_energy_kwh - used_kwh, Decimal(0)) / order.energy_kwh)
    return share


def used_of_day(
    card: Card, at: datetime, zone: str, *, leave_out: int | None = None
) -> tuple[int, Decimal, Decimal]:
    """(times, minutes, kWh) that a card has charged on the local day of a moment, settled orders only."""
    start = datetime.combine(at.astimezone(zone_of(zone)).date(), time.min, zone_of(zone))
    orders = ChargingOrder.objects.unscoped("one card's own day").filter(
        card=card,
        state=ChargingOrder.State.SETTLED,
        started_at__gte=start,
        started_at__lt=start + timedelta(days=1),
        energy_kwh__gt=0,
    )
    rows = orders.exclude(pk=leave_out).values_list("started_at", "ended_at", "energy_kwh")
    found = list(rows)
    minutes = sum((minutes_between(started, ended) for started, ended, _kwh in found), Decimal(0))
    return len(found), minutes, sum((kwh for _started, _ended, kwh in found), Decimal(0))


def has_allowance(card: Card, at: datetime, zone: str) -> bool:
    """Whether a month card covers anything of a charge that begins now."""
    times, minutes, kwh = used_of_day(card, at, zone)
    return (
        (card.daily_times is None or times < card.daily_times)
        and (card.daily_minutes is None or minutes < card.daily_minutes)
        and (card.daily_energy_kwh is None or kwh < card.daily_energy_kwh)
    )


def minutes_between(started: datetime | None, ended: datetime | None) -> Decimal:
    """Minutes from one moment to another; 0 when one is not known or they are the wrong way round."""
    if started is None or ended is None or ended <= started:
        return Decimal(0)
    return Decimal((ended - started).total_seconds()) / 60


def _zone(order: ChargingOrder) -> str:
    return order.tariff_snapshot.get("zone", "Asia/Shanghai")
