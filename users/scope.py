"""Data scope: the one place that answers «which rows may this actor see».

A model says through `scope_paths` how its rows hang on the scope tree; `for_actor` turns the scope rows of a
staff member into one WHERE. No scope row means no rows. A scope kind that a model has no path for adds
nothing, so forgetting a path hides rows instead of leaking them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

from django.db import models
from django.db.models import Q

from kernel.actor import Actor, ActorKind

# Kinds whose objects are resolved to stations by an upper app (regions and station groups live there).
_EXPANDERS: dict[str, Callable[[Iterable[str]], list[int]]] = {}


@dataclass(frozen=True)
class ScopePaths:
    """Lookups from a model to the scope tree, `None` where the model does not hang on that level.

    Example: `ScopePaths(operator="operator_id", station="station_id", pile="pile_id", driver="driver_id")`.
    """

    operator: str | None = None
    station: str | None = None
    pile: str | None = None
    driver: str | None = None
    enterprise: str | None = None


@dataclass(frozen=True)
class Grants:
    """What an actor may see: everything, or the union of these ids."""

    everything: bool = False
    operator: frozenset[int] = frozenset()
    station: frozenset[int] = frozenset()
    pile: frozenset[int] = frozenset()
    driver: frozenset[int] = frozenset()
    enterprise: frozenset[int] = frozenset()

    @property
    def empty(self) -> bool:
        return not self.everything and not any(getattr(self, f.name) for f in fields(ScopePaths))


def register_expander(kind: str, expand: Callable[[Iterable[str]], list[int]]) -> None:
    """Register how the objects of a scope kind become station ids."""
    _EXPANDERS[kind] = expand


def grants_of(actor: Actor) -> Grants:
    """The grants of an actor; those of a staff member are read once per staff instance (one request)."""
    if actor.kind is ActorKind.SYSTEM:
        return Grants(everything=True)
    if actor.kind is ActorKind.ACCOUNT:
        return Grants(driver=frozenset({int(actor.id)}))
    if actor.kind is not ActorKind.STAFF or actor.party is None or not actor.party.is_active:
        return Grants()
    cached = getattr(actor.party, "_scope_grants", None)
    if cached is None:
        cached = actor.party._scope_grants = _read_staff_grants(actor.party)
    return cached


def _read_staff_grants(staff: Any) -> Grants:
    keys: dict[str, list[str]] = {}
    for kind, key in staff.scopes.values_list("kind", "object_key"):
        keys.setdefault(kind, []).append(key)
    if "platform" in keys:
        return Grants(everything=True)
    stations = {int(key) for key in keys.get("station", ())}
    for kind, expand in _EXPANDERS.items():
        if kind in keys:
            stations.update(expand(keys[kind]))
    return Grants(
        operator=frozenset(int(key) for key in keys.get("operator", ())),
        station=frozenset(stations),
        pile=frozenset(int(key) for key in keys.get("pile", ())),
        enterprise=frozenset(int(key) for key in keys.get("enterprise", ())),
    )


def scope_filter(actor: Actor, paths: ScopePaths) -> Q | None:
    """The WHERE of an actor on a model; `None` means every row."""
    grants = grants_of(actor)
    if grants.everything:
        return None
    condition = Q(pk__in=())
    for level in fields(ScopePaths):
        path, ids = getattr(paths, level.name), getattr(grants, level.name)
        if path and ids:
            condition |= Q(**{f"{path}__in": ids})
    return condition


class ScopedQuerySet(models.QuerySet):
    def for_actor(self, actor: Actor) -> "ScopedQuerySet":
        """Rows that `actor` may see."""
        condition = scope_filter(actor, self.model.scope_paths)
        return self if condition is None else self.filter(condition)

    def unscoped(self, reason: str) -> "ScopedQuerySet":
        """Every row, where scope does not apply; the reason is for the reader and counted by a test."""
        if not reason:
            raise ValueError("unscoped access needs a reason")
        return self.all()


class ScopedManager(models.Manager.from_queryset(ScopedQuerySet)):
    """Default manager of every model that belongs to a tenant."""
