"""Who has earned which member level: counted from the facts of drivers, hour by hour charged, operator by operator."""

from datetime import timedelta
from itertools import groupby

from django.db.models import Sum

from analytics.models import DriverFact
from analytics.reports import NET_INCOME
from kernel import clock
from kernel.actor import Actor
from marketing.models import MemberLevel
from marketing.services.levels import set_members

_COUNTED = {MemberLevel.Measure.ENERGY: "energy_kwh", MemberLevel.Measure.MONEY: NET_INCOME}


def assign_levels(*, actor: Actor) -> dict[int, tuple[int, int]]:
    """Look at every operator with levels; {operator: (drivers come or moved, left)}."""
    levels = MemberLevel.objects.unscoped("the job of every operator").select_related("tag")
    by_operator = groupby(levels.order_by("operator_id"), key=lambda level: level.operator_id)
    return {
        operator_id: set_members(
            actor=actor, operator_id=operator_id, reached=_reached(operator_id, list(mine))
        )
        for operator_id, mine in by_operator
    }


def _reached(operator_id: int, levels: list[MemberLevel]) -> dict[int, tuple[MemberLevel, int]]:
    """{driver: (the strongest level they have reached, what counted for it)}."""
    found: dict[int, tuple[MemberLevel, int]] = {}
    active = [level for level in levels if level.is_active]
    for level in sorted(active, key=lambda one: (one.tag.rank, one.least)):
        since = clock.now() - timedelta(days=level.window_days)
        rows = DriverFact.objects.unscoped("the job of every operator").filter(
            operator_id=operator_id, hour__gte=since, driver__cancelled_at__isnull=True
        )
        unit = 100 if level.measure == MemberLevel.Measure.MONEY else 1
        sums = rows.order_by().values_list("driver_id").annotate(sum=Sum(_COUNTED[level.measure]))
        for driver_id, value in sums.filter(sum__gte=level.least * unit):
            found[driver_id] = (level, int(value) // unit)
    return found
