"""The figures of the overview, each read inside the actor's scope.

Costs are bounded: states come from one grouped read of the connectors, sums from an index range of two days, lists
are cut, and the day's curve is kept for some seconds per scope.
"""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone

from alerts.models import Alert
from analytics.models import DriverFact, DriverVisit
from billing.models import ChargingOrder, ReviewItem
from billing.models.order import RUNNING_STATES
from kernel import clock
from kernel.actor import Actor
from stations.models import Connector, Pile, Station
from stations.models.mode import Edition
from users.console.paging import capped_count
from users.scope import grants_of

CURVE_CACHE_S = 15
CURVE_ORDERS = 20_000
BADGE_CAP = 99


@dataclass(frozen=True, slots=True)
class DayTotals:
    """Settled energy and money of today, of yesterday up to the same time, and of all yesterday."""

    energy_kwh: Decimal
    energy_then_kwh: Decimal
    energy_yesterday_kwh: Decimal
    amount_fen: int
    amount_then_fen: int
    amount_yesterday_fen: int
    orders: int
    orders_then: int
    orders_yesterday: int


def connector_states(*, actor: Actor) -> Counter:
    """Number of connectors per state; those of piles without a network have no link to lose."""
    rows = Connector.objects.for_actor(actor).exclude(
        state=Connector.State.OFFLINE, pile__edition=Edition.OFFLINE
    )
    rows = rows.order_by().values_list("state").annotate(n=Count("pk"))
    return Counter(dict(rows))


def pile_counts(*, actor: Actor) -> dict[str, int]:
    """Piles with a network in all, online, and out of service."""
    return (
        Pile.objects.for_actor(actor)
        .exclude(edition=Edition.OFFLINE)
        .aggregate(
            total=Count("pk"),
            online=Count("pk", filter=Q(online=True)),
            out_of_service=Count("pk", filter=Q(in_service=False)),
        )
    )


def charging_now(*, actor: Actor, limit: int = 12) -> tuple[list[ChargingOrder], int]:
    """The newest running orders, and how many run (capped)."""
    rows = ChargingOrder.objects.for_actor(actor).filter(state__in=RUNNING_STATES)
    newest = rows.select_related("station", "pile", "connector", "driver").order_by("-id")
    return list(newest[:limit]), capped_count(rows.order_by())


def power_now_kw(*, actor: Actor) -> Decimal:
    """What all running orders draw together, by their last samples."""
    rows = ChargingOrder.objects.for_actor(actor).filter(state__in=("charging", "stopping"))
    return rows.aggregate(total=Sum("power_kw"))["total"] or Decimal(0)


def day_totals(*, actor: Actor) -> DayTotals:
    """Totals of settled orders, today against yesterday, by the console's clock."""
    now = clock.now()
    midnight = local_midnight(now)
    yesterday = local_midnight(midnight - timedelta(hours=1))
    rows = ChargingOrder.objects.for_actor(actor).filter(settled_at__gte=yesterday, settled_at__lte=now)
    today, before = Q(settled_at__gte=midnight), Q(settled_at__lt=midnight)
    then = before & Q(settled_at__lte=yesterday + (now - midnight))
    spans = {"": today, "_then": then, "_yesterday": before}
    sums = rows.aggregate(
        **{f"energy{name}": Sum("energy_kwh", filter=span) for name, span in spans.items()},
        **{f"amount{name}": Sum("total_fen", filter=span) for name, span in spans.items()},
        **{f"orders{name}": Count("pk", filter=span) for name, span in spans.items()},
    )
    return DayTotals(
        **{f"energy{name}_kwh": sums[f"energy{name}"] or Decimal(0) for name in spans},
        **{f"amount{name}_fen": sums[f"amount{name}"] or 0 for name in spans},
        **{f"orders{name}": sums[f"orders{name}"] for name in spans},
    )


def energy_by_hour(*, actor: Actor) -> dict[str, list[Any]]:
    """Energy of the last 24 hours, kWh per clock hour, and the mean power of its half-hours, kW.

    Comes from the half-hours of the orders' live samples, so it counts running orders as well. Kept for
    `CURVE_CACHE_S` per scope.
    """
    key = f"analytics.energy_by_hour.{scope_key(actor)}"
    curve = cache.get(key)
    if curve is None:
        curve = _energy_by_hour(actor)
        cache.set(key, curve, CURVE_CACHE_S)
    return curve


def _energy_by_hour(actor: Actor) -> dict[str, list[Any]]:
    now = timezone.localtime(clock.now())
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    hours = [first + timedelta(hours=n) for n in range(24)]
    half_hours: dict[datetime, Decimal] = defaultdict(Decimal)
    rows = ChargingOrder.objects.for_actor(actor).filter(created_at__gte=first - timedelta(hours=24))
    for segments in rows.order_by("-created_at").values_list("segments", flat=True)[:CURVE_ORDERS]:
        for start, energy in segments.items():
            half_hours[datetime.fromisoformat(start)] += Decimal(energy)
    energy = [half_hours[hour] + half_hours[hour + timedelta(minutes=30)] for hour in hours]
    peaks = [max(half_hours[hour], half_hours[hour + timedelta(minutes=30)]) * 2 for hour in hours]
    return {
        "labels": [hour.strftime("%H:00") for hour in hours],
        "energy": [float(round(value, 2)) for value in energy],
        "power": [float(round(value, 2)) for value in peaks],
    }


def open_reviews(*, actor: Actor, limit: int = 8) -> tuple[list[ReviewItem], int]:
    """The newest items that wait for a person, and how many wait (capped)."""
    rows = ReviewItem.objects.for_actor(actor).filter(state=ReviewItem.State.OPEN)
    newest = rows.select_related("order", "pile", "station").order_by("-id")
    return list(newest[:limit]), capped_count(rows.order_by())


def open_review_badge(*, actor: Actor) -> int:
    """Open items for the badge of the menu, `BADGE_CAP + 1` for more."""
    rows = ReviewItem.objects.for_actor(actor).filter(state=ReviewItem.State.OPEN)
    return capped_count(rows.order_by(), BADGE_CAP)


def open_alerts(*, actor: Actor, limit: int = 8) -> tuple[list[Alert], int]:
    """The newest open alerts, and how many are open (capped)."""
    rows = Alert.objects.for_actor(actor).filter(closed_at__isnull=True)
    return list(rows.select_related("pile", "station").order_by("-id")[:limit]), capped_count(rows.order_by())


def station_bars(*, actor: Actor, limit: int = 10) -> list[tuple[Station, Counter]]:
    """Connector states per station: those with faults first, then the busiest."""
    states: dict[int, Counter] = defaultdict(Counter)
    rows = Connector.objects.for_actor(actor).order_by().values_list("station_id", "state")
    for station_id, state, number in rows.annotate(n=Count("pk")):
        states[station_id][state] = number
    first = sorted(states, key=lambda pk: (-states[pk]["fault"], -states[pk]["charging"], pk))[:limit]
    stations = Station.objects.unscoped("stations of connectors in scope").in_bulk(first)
    return [(stations[pk], states[pk]) for pk in first]


def board_operators(*, actor: Actor) -> list[int] | None:
    """Operators whose changes concern the actor's board; None for all of them."""
    grants = grants_of(actor)
    if grants.everything:
        return None
    piles = Pile.objects.for_actor(actor).order_by().values_list("operator_id", flat=True).distinct()
    return sorted({*grants.operator, *piles})


def with_charging(drivers: QuerySet, *, actor: Actor) -> QuerySet:
    """Drivers with `last_charge_at`, `charges`, `charged_kwh` and `charged_fen`, as far as the actor sees charges."""
    visits = DriverVisit.objects.for_actor(actor).filter(driver=OuterRef("pk")).order_by()
    facts = DriverFact.objects.for_actor(actor).filter(driver=OuterRef("pk")).order_by().values("driver")
    income = F("electricity_fen") + F("service_fen") + F("fees_fen") - F("discount_fen")
    return drivers.annotate(
        last_charge_at=Subquery(visits.values("driver").annotate(at=Max("last_at")).values("at")),
        charges=Subquery(facts.annotate(n=Sum("orders")).values("n")),
        charged_kwh=Subquery(facts.annotate(n=Sum("energy_kwh")).values("n")),
        charged_fen=Subquery(facts.annotate(n=Sum(income)).values("n")),
    )


def without_charge_since(drivers: QuerySet, *, actor: Actor, since: datetime) -> QuerySet:
    """Those who had an account at that moment and have not charged from then on where the actor sees charges."""
    charged = DriverVisit.objects.for_actor(actor).filter(driver=OuterRef("pk"), last_at__gte=since)
    return drivers.filter(~Exists(charged), created_at__lt=since, cancelled_at__isnull=True)


def scope_key(actor: Actor) -> str:
    """A short key of what an actor may see: equal for actors with equal scope."""
    grants = grants_of(actor)
    parts = [str(grants.everything)] + [
        ",".join(map(str, sorted(getattr(grants, level))))
        for level in ("operator", "station", "pile", "driver")
    ]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]


def local_midnight(moment: datetime) -> datetime:
    """The local midnight before a moment, aware."""
    return timezone.make_aware(datetime.combine(timezone.localtime(moment).date(), time.min))
