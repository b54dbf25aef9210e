"""How regions and station groups become stations in the data scope."""

from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_

from django.db.models import Q

from kernel.actor import Actor
from stations.models import Pile, Station, StationGroup
from users.scope import register_expander
from users.services.staff import register_scope_check


def _stations_of_groups(keys: Iterable[str]) -> list[int]:
    rows = Station.objects.unscoped("scope expansion itself")
    return list(rows.filter(group_id__in=[int(key) for key in keys]).values_list("id", flat=True))


def _stations_of_regions(keys: Iterable[str]) -> list[int]:
    condition = reduce(or_, (Q(region_code__startswith=key) for key in keys), Q(pk__in=()))
    rows = Station.objects.unscoped("scope expansion itself")
    return list(rows.filter(condition).values_list("id", flat=True))


def _visible(model: type) -> Callable[[Actor, str], bool]:
    def check(actor: Actor, key: str) -> bool:
        return key.isdigit() and model.objects.for_actor(actor).filter(pk=int(key)).exists()

    return check


def register() -> None:
    register_expander("group", _stations_of_groups)
    register_expander("region", _stations_of_regions)
    register_scope_check("group", _visible(StationGroup))
    register_scope_check("station", _visible(Station))
    register_scope_check("pile", _visible(Pile))
