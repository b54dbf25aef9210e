"""Transactions that are lawful one by one and strange together: rules that look at orders and payments as a whole.

They accuse nobody and change nothing; each finding names what to look at.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, DurationField, ExpressionWrapper, F, Max, Q

from billing.models import ChargingOrder, PaidStart
from billing.services.checks import Problem
from kernel.actor import Actor

S = ChargingOrder.State
PAID_TOO_LONG = timedelta(minutes=5)
NO_POWER_FOR = timedelta(minutes=30)
NO_ENERGY_KWH = Decimal("0.0100")
SHORT = timedelta(minutes=3)
OFTEN = 4


def abnormal_transactions(*, actor: Actor, since: datetime, until: datetime) -> Iterator[Problem]:
    """What an actor may see of a span of time, by rule.

    `paid_not_started`: money came for a charge that did not begin, and is not on its way back either.
    `no_power`: half an hour of charging and hardly any energy.
    `short_sessions`: one payer ended four or more charges within three minutes at one pile in this time.
    """
    yield from _paid_not_started(actor, since, until)
    yield from _no_power(actor, since, until)
    yield from _short_sessions(actor, since, until)


def _paid_not_started(actor: Actor, since: datetime, until: datetime) -> Iterator[Problem]:
    rows = PaidStart.objects.for_actor(actor).filter(
        payment__paid_at__gte=since, payment__paid_at__lt=until - PAID_TOO_LONG, order=None
    )
    open_states = (PaidStart.State.WAITING, PaidStart.State.DUE, PaidStart.State.REFUNDING)
    for row in rows.filter(state__in=open_states).select_related("payment", "pile").order_by("pk"):
        data = {"pile": row.pile.code, "paid_fen": row.payment.paid_fen, "state": row.state}
        yield Problem("paid_not_started", f"payment {row.payment.out_trade_no}", data)


def _no_power(actor: Actor, since: datetime, until: datetime) -> Iterator[Problem]:
    rows = ChargingOrder.objects.for_actor(actor).filter(
        started_at__gte=since, started_at__lt=until, energy_kwh__lt=NO_ENERGY_KWH
    )
    running = Q(state=S.CHARGING, started_at__lt=until - NO_POWER_FOR)
    ended = Q(ended_at__gte=F("started_at") + NO_POWER_FOR)
    for order in rows.filter(running | ended).select_related("pile").order_by("pk"):
        data = {"pile": order.pile.code, "energy_kwh": str(order.energy_kwh), "state": order.state}
        yield Problem("no_power", f"order {order.order_no}", data)


def _short_sessions(actor: Actor, since: datetime, until: datetime) -> Iterator[Problem]:
    lasted = ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField())
    rows = ChargingOrder.objects.for_actor(actor).filter(
        state=S.SETTLED, settled_at__gte=since, settled_at__lte=until, driver__isnull=False
    )
    grouped = (
        rows.annotate(lasted=lasted)
        .filter(lasted__lt=SHORT)
        .order_by()
        .values("driver_id", "pile__code")
        .annotate(times=Count("pk"), last=Max("order_no"))
        .filter(times__gte=OFTEN)
        .order_by("driver_id", "pile__code")
    )
    for row in grouped:
        data = {"pile": row["pile__code"], "times": row["times"], "last_order": row["last"]}
        yield Problem("short_sessions", f"driver {row['driver_id']}", data)
