"""Where an enterprise pays, and what it paid for in a month."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from billing.models import ChargingOrder, EnterpriseStation
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Station
from users import policy
from users.models import Enterprise, Vehicle
from users.services import edits
from users.services.enterprises import lock_enterprise

ZONE = ZoneInfo("Asia/Shanghai")  # a statement is of a month of the operator's books


def set_stations(
    *, actor: Actor, enterprise: Enterprise, stations: Iterable[Station], reason: str
) -> list[Station]:
    """Say at which stations an enterprise's account pays; stations outside the actor's scope stay as they are.

    Needs `users.change_enterprise`. Raises `permission_denied`, `not_found`, `reason_required`, `station_foreign`.
    """
    policy.require(actor, "users.change_enterprise")
    edits.in_scope(actor, enterprise)
    reason = edits.require_reason(reason)
    wanted = {station.pk: station for station in stations}
    for station in wanted.values():
        edits.in_scope(actor, station)
        if station.operator_id != enterprise.operator_id:
            raise DomainError("station_foreign", {"station": station.name, "name": enterprise.name})
    with transaction.atomic():
        lock_enterprise(enterprise)
        rows = EnterpriseStation.objects.filter(enterprise=enterprise)
        seen = Station.objects.for_actor(actor).filter(operator_id=enterprise.operator_id)
        before = set(rows.filter(station__in=seen).values_list("station_id", flat=True))
        rows.filter(station_id__in=before - wanted.keys()).delete()
        for station_id in sorted(wanted.keys() - before):
            EnterpriseStation.objects.create(enterprise=enterprise, station_id=station_id)
        if before != set(wanted):
            audit.record(
                actor=actor,
                action="billing.set_enterprise_stations",
                target=enterprise,
                reason=reason,
                before={"stations": sorted(before)},
                after={"stations": sorted(wanted)},
            )
    return list(wanted.values())


@dataclass(slots=True)
class Sums:
    """Sessions, kWh and fen of one line of a statement."""

    name: str
    orders: int = 0
    energy_kwh: Decimal = Decimal(0)
    electricity_fen: int = 0
    service_fen: int = 0
    total_fen: int = 0
    paid_fen: int = 0

    def add(self, order: ChargingOrder) -> None:
        self.orders += 1
        self.energy_kwh += order.energy_kwh
        self.electricity_fen += order.electricity_fen
        self.service_fen += order.service_fen
        self.total_fen += order.total_fen
        self.paid_fen += order.payable_fen


@dataclass(slots=True)
class EnterpriseStatement:
    """One month of an enterprise; orders count in the month they were settled in."""

    month: str
    first: datetime
    until: datetime
    orders: list[ChargingOrder] = field(default_factory=list)
    whole: Sums = field(default_factory=lambda: Sums(""))
    by_user: list[Sums] = field(default_factory=list)
    by_station: list[Sums] = field(default_factory=list)


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """(first moment, first moment after) of a month `yyyy-mm`; raises `month_invalid`."""
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=ZONE)
        until = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    except ValueError:
        raise DomainError("month_invalid", {"month": month[:20]}, field="month") from None
    return first, until


def statement_of(*, actor: Actor, enterprise: Enterprise, month: str) -> EnterpriseStatement:
    """What an enterprise paid for in a month: each order, and sums by member, card or vehicle and by station.

    Raises `month_invalid`, `not_found`, `permission_denied` (needs `billing.view_chargingorder`).
    """
    policy.require(actor, "billing.view_chargingorder")
    edits.in_scope(actor, enterprise)
    first, until = month_bounds(month)
    rows = ChargingOrder.objects.for_actor(actor).filter(
        Q(payer_kind=ChargingOrder.PayerKind.ENTERPRISE),
        enterprise=enterprise,
        state=ChargingOrder.State.SETTLED,
        settled_at__gte=first,
        settled_at__lt=until,
    )
    rows = rows.select_related("station", "connector", "driver", "card").defer("bill", "evidence")
    found = EnterpriseStatement(month, first, until)
    plates = _plates(enterprise)
    users: dict[str, Sums] = defaultdict(lambda: Sums(""))
    places: dict[str, Sums] = defaultdict(lambda: Sums(""))
    for order in rows.order_by("settled_at", "pk"):
        order.user_name = user_of(order, plates)
        found.orders.append(order)
        for sums, name in ((users, order.user_name), (places, order.station.name)):
            sums[name].name = name
            sums[name].add(order)
        found.whole.add(order)
    found.by_user = sorted(users.values(), key=lambda one: (-one.paid_fen, one.name))
    found.by_station = sorted(places.values(), key=lambda one: (-one.paid_fen, one.name))
    return found


def user_of(order: ChargingOrder, plates: dict[str, str]) -> str:
    """Who of the enterprise charged: the plate of the vehicle, the card's number, or the member."""
    if order.vin:
        return plates.get(order.vin) or f"VIN …{order.vin[-6:]}"
    if order.card is not None:
        return order.card.logical_no
    return str(order.driver) if order.driver is not None else "–"


def _plates(enterprise: Enterprise) -> dict[str, str]:
    rows = Vehicle.objects.unscoped("of an enterprise in scope").filter(enterprise=enterprise)
    return dict(rows.exclude(vin="").values_list("vin", "plate"))
