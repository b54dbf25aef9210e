"""What runs out on a pile: its data plan, its insurance, its warranty. Looked at every day; the floors above warn."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import F, Q
from django.utils import timezone

from stations.models import Pile

WARN_DAYS = 30
SIM_WARN_PCT = 80


@dataclass(frozen=True, slots=True)
class Due:
    """Something of a pile that needs a person: `kind` is sim_usage, sim_expiry or insurance; `figure` says how far."""

    pile: Pile
    kind: str
    figure: str


def days_left(until: date | None) -> int | None:
    """Whole days from today to `until`, negative when it is over; None when there is no date."""
    return None if until is None else (until - timezone.localdate()).days


def sim_share(pile: Pile) -> int | None:
    """How much of the month's data plan is used, in per cent; None without a plan or a figure."""
    if not pile.sim_plan_mb or pile.sim_used_mb is None:
        return None
    return 100 * pile.sim_used_mb // pile.sim_plan_mb


def due_piles() -> Iterator[Due]:
    """Everything that is past its threshold today."""
    soon = timezone.localdate() + timedelta(days=WARN_DAYS)
    piles = Pile.objects.unscoped("a sweep over every pile").select_related("station")
    used = Q(sim_plan_mb__gt=0, sim_used_mb__gte=F("sim_plan_mb") * SIM_WARN_PCT / 100)
    for pile in piles.filter(used | Q(sim_expires_on__lte=soon) | Q(insured_until__lte=soon)).order_by("pk"):
        share = sim_share(pile)
        if share is not None and share >= SIM_WARN_PCT:
            yield Due(pile, "sim_usage", f"{share}")
        for kind, until in (("sim_expiry", pile.sim_expires_on), ("insurance", pile.insured_until)):
            if until is not None and until <= soon:
                yield Due(pile, kind, until.isoformat())
