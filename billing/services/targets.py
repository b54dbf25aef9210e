"""Limits of a session: what the driver asked for and what the place allows, and whether they are reached.

Money is held and guarded by the hold (`stop_at_fen`); energy, time and SoC are the order's `targets`. A reading
comes every so often, so energy stops at the reading nearest to the target: what flows until half way to the next
one counts as delivered. SoC and time stop at the first moment that reaches them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext

from billing.models import ChargingOrder, ChargingStrategy, StrategyAssignment
from billing.services.deadlines import reason_now
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile, Station
from users import policy
from users.models import Operator

MOST_ENERGY_KWH = Decimal(1000)
MOST_SECONDS = 7 * 24 * 3600
MOST_FEN = 10_000_000
METHODS = ChargingOrder.StartMethod.values


@dataclass(frozen=True, slots=True)
class Targets:
    """Limits of one session; None is no limit. Energy in kWh, money in fen, time in seconds, power in kW."""

    energy_kwh: Decimal | None = None
    fen: int | None = None
    seconds: int | None = None
    soc_pct: int | None = None
    power_kw: Decimal | None = None

    def to_json(self) -> dict[str, Any]:
        """The limits that are set, Decimals as text."""
        names = ("energy_kwh", "fen", "seconds", "soc_pct", "power_kw")
        values = {name: getattr(self, name) for name in names}
        return {
            name: str(value) if isinstance(value, Decimal) else value
            for name, value in values.items()
            if value is not None
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Targets":
        """The limits that `to_json` wrote, or a door gave; raises `target_invalid` naming the field."""
        unknown = set(data) - {"energy_kwh", "fen", "seconds", "soc_pct", "power_kw"}
        if unknown:
            raise _refused(sorted(unknown)[0], "energy_kwh, fen, seconds, soc_pct, power_kw")
        return cls(
            energy_kwh=_quantity(data, "energy_kwh", MOST_ENERGY_KWH, 4),
            fen=_whole(data, "fen", MOST_FEN),
            seconds=_whole(data, "seconds", MOST_SECONDS),
            soc_pct=_whole(data, "soc_pct", 100),
            power_kw=_quantity(data, "power_kw", Decimal(5000), 1),
        )


def _refused(field: str, accepted: str) -> DomainError:
    return DomainError("target_invalid", {"target": field, "accepted": accepted}, field=field)


def _whole(data: Mapping[str, Any], name: str, most: int) -> int | None:
    value = data.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise _refused(name, f"1–{most}")
    return value


def _quantity(data: Mapping[str, Any], name: str, most: Decimal, places: int) -> Decimal | None:
    if data.get(name) is None:
        return None
    accepted = gettext("a number above 0 up to %(most)s with at most %(places)s decimals") % {
        "most": most,
        "places": places,
    }
    try:
        value = Decimal(str(data[name]))
    except InvalidOperation:
        raise _refused(name, accepted) from None
    if not value.is_finite() or not 0 < value <= most or value != round(value, places):
        raise _refused(name, accepted)
    return value


def strategy_at(pile: Pile) -> ChargingStrategy | None:
    """The strategy of a pile: its own, else its station's."""
    rows = StrategyAssignment.objects.unscoped("what holds at a pile").select_related("strategy")
    found = {
        row.pile_id: row for row in rows.filter(Q(pile_id=pile.pk) | Q(station_id=pile.station_id, pile=None))
    }
    row = found.get(pile.pk) or found.get(None)
    return row.strategy if row is not None else None


def within(strategy: ChargingStrategy | None, wanted: Targets, *, method: str) -> Targets:
    """The lower of what is wanted and what a strategy allows; raises `strategy_refuses` for the way of starting."""
    if strategy is None:
        return wanted
    if strategy.methods and method not in strategy.methods:
        names = dict(ChargingOrder.StartMethod.choices)
        accepted = ", ".join(str(names.get(one, one)) for one in strategy.methods)
        raise DomainError("strategy_refuses", {"strategy": strategy.name, "accepted": accepted})
    return replace(
        wanted,
        energy_kwh=_lower(wanted.energy_kwh, strategy.max_energy_kwh),
        fen=_lower(wanted.fen, strategy.max_fen),
        seconds=_lower(wanted.seconds, strategy.max_seconds),
        soc_pct=_lower(wanted.soc_pct, strategy.max_soc_pct),
        power_kw=_lower(wanted.power_kw, strategy.max_power_kw),
    )


def _lower(one: Any, other: Any) -> Any:
    return min((value for value in (one, other) if value is not None), default=None)


def reached(order: ChargingOrder, *, period: timedelta, now: datetime) -> str | None:
    """Why an order is to be stopped: `energy`, `soc`, or by the clock (`deadlines`); None. Money is the balance guard's."""
    if by_clock := reason_now(order, now):
        return by_clock
    if not order.targets:
        return None
    targets = Targets.from_json(order.targets)
    if targets.soc_pct is not None and order.soc_pct is not None and order.soc_pct >= targets.soc_pct:
        return "soc"
    if targets.energy_kwh is not None:
        ahead = (order.power_kw or Decimal(0)) * Decimal(period.total_seconds()) / 7200
        if order.energy_kwh + ahead >= targets.energy_kwh:
            return "energy"
    return None


def save_strategy(
    *,
    actor: Actor,
    operator: Operator,
    name: str,
    limits: Targets,
    methods: list[str],
    strategy_id: int | None = None,
) -> ChargingStrategy:
    """Create a strategy, or change one; running orders keep what they froze.

    Needs `billing.change_chargingstrategy`. Raises `strategy_name_taken`, `choice_invalid`, `target_invalid`,
    `not_found`.
    """
    policy.require(actor, "billing.change_chargingstrategy")
    limits = Targets.from_json(limits.to_json())
    name = name.strip()
    if not 1 <= len(name) <= 64:
        reason = gettext("a name has 1 to 64 characters")
        raise DomainError("invalid", {"field": "name", "reason": reason}, field="name")
    for method in methods:
        if method not in METHODS:
            raise DomainError(
                "choice_invalid", {"value": method, "accepted": ", ".join(METHODS)}, field="methods"
            )
    fields = {
        "name": name,
        "max_energy_kwh": limits.energy_kwh,
        "max_fen": limits.fen,
        "max_seconds": limits.seconds,
        "max_soc_pct": limits.soc_pct,
        "max_power_kw": limits.power_kw,
        "methods": sorted(set(methods)),
    }
    with transaction.atomic():
        before = None
        if strategy_id is not None:
            found = ChargingStrategy.objects.for_actor(actor).filter(pk=strategy_id).first()
            if found is None:
                raise DomainError("not_found")
            before = {field: str(getattr(found, field)) for field in fields}
        try:
            with transaction.atomic():
                if strategy_id is None:
                    strategy = ChargingStrategy.objects.create(operator=operator, **fields)
                else:
                    for field, value in fields.items():
                        setattr(found, field, value)
                    found.save(update_fields=list(fields))
                    strategy = found
        except IntegrityError:
            raise DomainError("strategy_name_taken", {"name": name}, field="name") from None
        audit.record(
            actor=actor,
            action="billing.save_strategy",
            target=strategy,
            before=before,
            after={field: str(value) for field, value in fields.items()},
        )
    return strategy


def assign_strategy(
    *, actor: Actor, strategy: ChargingStrategy | None, station: Station, pile: Pile | None = None
) -> None:
    """Let a strategy hold at a station or one of its piles; None takes it away. Raises `not_found`."""
    policy.require(actor, "billing.change_chargingstrategy")
    if (strategy is not None and strategy.operator_id != station.operator_id) or (
        pile is not None and pile.station_id != station.pk
    ):
        raise DomainError("not_found")
    lookup = {"pile": pile} if pile is not None else {"station": station, "pile": None}
    with transaction.atomic():
        rows = StrategyAssignment.objects.unscoped("what holds at a place in scope")
        previous = rows.filter(**lookup).select_related("strategy").first()
        if strategy is None:
            rows.filter(**lookup).delete()
        else:
            StrategyAssignment.objects.update_or_create(
                **lookup, defaults={"strategy": strategy, "station": station}
            )
        audit.record(
            actor=actor,
            action="billing.assign_strategy",
            target=pile or station,
            before={"strategy": previous.strategy.name if previous else None},
            after={"strategy": strategy.name if strategy else None},
        )
