"""Reads of stations and connectors that several doors use.

Drivers see every open station of an active operator: the public map is not tenant data. Staff see their scope.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, QuerySet

from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from stations.models import Connector, FavouriteStation, Pile, Station

EARTH_RADIUS_KM = 6371.0088
KM_PER_DEGREE = math.pi * EARTH_RADIUS_KM / 180
_DEGREE = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class StationRow:
    """A station with its distance (metres, None without a place to measure from) and its connectors."""

    station: Station
    distance_m: int | None
    connectors_total: int
    connectors_idle: int

    @property
    def key(self) -> tuple[int, int]:
        """Where the row stands in the list: by distance, then by id."""
        return (self.distance_m if self.distance_m is not None else 0, self.station.pk)


def stations_visible(actor: Actor) -> QuerySet[Station]:
    """Stations that `actor` may see: the public ones for drivers, the scope of staff."""
    if actor.kind is ActorKind.ACCOUNT:
        public = Station.objects.unscoped("open stations are public to every driver")
        return public.filter(is_open=True, operator__is_active=True)
    return Station.objects.for_actor(actor)


def station_list(
    *,
    actor: Actor,
    longitude: Decimal | None = None,
    latitude: Decimal | None = None,
    radius_km: Decimal = Decimal(10),
    name: str = "",
    free: bool = False,
    standard: str = "",
    after: tuple[int, int] | None = None,
    limit: int = 20,
) -> list[StationRow]:
    """Stations around a place, nearest first; by id when no place is given.

    `standard` (of `PileModel.ConnectorStandard`) keeps stations with such connectors. `after` is the key of the last
    row of the page before. A box on the indexed coordinates chooses the
    candidates, the haversine formula measures them.
    """
    idle = Q(connectors__state=Connector.State.IDLE, connectors__pile__in_service=True)
    rows = stations_visible(actor).annotate(
        connectors_total=Count("connectors"), connectors_idle=Count("connectors", filter=idle)
    )
    if name:
        rows = rows.filter(Q(name__icontains=name) | Q(address__icontains=name))
    if free:
        rows = rows.filter(connectors_idle__gt=0)
    if standard:  # in a subquery, so that the counts stay those of the whole station
        fitting = Pile.objects.unscoped("narrows what is visible").filter(model__connector_standard=standard)
        rows = rows.filter(pk__in=fitting.values("station_id"))
    if longitude is None or latitude is None:
        if after:
            rows = rows.filter(pk__gt=after[1])
        return [_row(station, None) for station in rows.order_by("pk")[:limit]]
    measured = []
    for station in rows.filter(_box(longitude, latitude, radius_km)):
        distance_km = haversine_km(
            float(longitude), float(latitude), float(station.longitude), float(station.latitude)
        )
        if distance_km <= radius_km:
            measured.append(_row(station, round(distance_km * 1000)))
    measured.sort(key=lambda row: row.key)
    if after:
        measured = [row for row in measured if row.key > after]
    return measured[:limit]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """An idle connector near the driver, the best of its station."""

    row: StationRow
    connector: Connector


DETOUR_M_PER_FREE = 150  # a free connector more is worth this way
MOST_FREE_COUNTED = 10


def recommended(
    *,
    actor: Actor,
    longitude: Decimal,
    latitude: Decimal,
    radius_km: Decimal = Decimal(10),
    standard: str = "",
    limit: int = 10,
) -> list[Recommendation]:
    """Connectors to drive to now: idle, their pile online and in service, one per station.

    Stations are ranked by distance, each free connector (up to ten) making up for 150 m: where more are free, one
    is more likely to be free still on arrival. Of a station the most powerful connector is named.
    """
    near = station_list(
        actor=actor, longitude=longitude, latitude=latitude, radius_km=radius_km, free=True, limit=200
    )
    ready = Connector.objects.unscoped("connectors of stations that the driver may see").filter(
        station__in=[row.station for row in near],
        state=Connector.State.IDLE,
        pile__online=True,
        pile__in_service=True,
    )
    if standard:
        ready = ready.filter(pile__model__connector_standard=standard)
    by_station: dict[int, list[Connector]] = {}
    for connector in ready.select_related("pile__model").order_by("-pile__rated_power_kw", "code"):
        by_station.setdefault(connector.station_id, []).append(connector)
    found = []
    for row in near:
        free = by_station.get(row.station.pk)
        if free:
            bonus = DETOUR_M_PER_FREE * min(len(free), MOST_FREE_COUNTED)
            here = StationRow(row.station, row.distance_m, row.connectors_total, len(free))
            found.append(((row.distance_m or 0) - bonus, row.station.pk, Recommendation(here, free[0])))
    found.sort(key=lambda one: one[:2])
    return [one[2] for one in found[:limit]]


def favourites(*, actor: Actor, driver_id: int) -> list[StationRow]:
    """The driver's stations, the last kept first; one that closed is not shown until it opens again."""
    kept = FavouriteStation.objects.unscoped("the driver's own list").filter(driver_id=driver_id)
    order = list(kept.order_by("-pk").values_list("station_id", flat=True))
    idle = Q(connectors__state=Connector.State.IDLE, connectors__pile__in_service=True)
    rows = (
        stations_visible(actor)
        .filter(pk__in=order)
        .annotate(connectors_total=Count("connectors"), connectors_idle=Count("connectors", filter=idle))
    )
    return sorted((_row(one, None) for one in rows), key=lambda row: order.index(row.station.pk))


def station_get(*, actor: Actor, code: str) -> Station:
    """The station of this code; DomainError `station_unknown`, also when it is outside the scope."""
    station = stations_visible(actor).select_related("operator").filter(code=code).first()
    if station is None:
        raise DomainError("station_unknown", {"code": code[:40]})
    return station


def pile_get(*, actor: Actor, code: str) -> Pile:
    """The pile of this code inside the scope; DomainError `pile_unknown`."""
    pile = Pile.objects.for_actor(actor).select_related("station", "operator").filter(code=code).first()
    if pile is None:
        raise DomainError("pile_unknown", {"code": code[:40]})
    return pile


def connector_get(*, actor: Actor, code: str) -> Connector:
    """The connector of this code with its pile, station and operator; DomainError `connector_unknown`.

    A driver finds it at a closed station too, to read why it does not start.
    """
    rows = (
        Connector.objects.unscoped("connectors are public to every driver who stands before them")
        if actor.kind is ActorKind.ACCOUNT
        else Connector.objects.for_actor(actor)
    )
    connector = rows.select_related("pile__model", "station", "operator").filter(code=code).first()
    if connector is None:
        raise DomainError("connector_unknown", {"code": code[:40]})
    return connector


def connectors_of(station: Station) -> Sequence[Connector]:
    """The connectors of a station the caller has fetched in scope, in the order of their codes."""
    rows = Connector.objects.unscoped("children of a station that was fetched in scope")
    return list(rows.filter(station=station).select_related("pile__model").order_by("code"))


def haversine_km(longitude_a: float, latitude_a: float, longitude_b: float, latitude_b: float) -> float:
    """Great-circle distance in kilometres between two places in degrees."""
    phi_a, phi_b = math.radians(latitude_a), math.radians(latitude_b)
    half_phi = (phi_b - phi_a) / 2
    half_lambda = math.radians(longitude_b - longitude_a) / 2
    h = math.sin(half_phi) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lambda) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, h)))


def _row(station: Station, distance_m: int | None) -> StationRow:
    return StationRow(station, distance_m, station.connectors_total, station.connectors_idle)


def _box(longitude: Decimal, latitude: Decimal, radius_km: Decimal) -> Q:
    """The rectangle of coordinates that encloses the circle; near a pole or the date line, a band."""
    half_height = float(radius_km) / KM_PER_DEGREE
    low, high = float(latitude) - half_height, float(latitude) + half_height
    box = Q(latitude__gte=_six(max(low, -90)), latitude__lte=_six(min(high, 90)))
    widest = math.cos(math.radians(min(90.0, max(abs(low), abs(high)))))
    half_width = half_height / widest if widest > 1e-6 else 180.0
    west, east = float(longitude) - half_width, float(longitude) + half_width
    if west >= -180 and east <= 180:
        box &= Q(longitude__gte=_six(west), longitude__lte=_six(east))
    else:
        box &= Q(longitude__isnull=False)
    return box


def _six(degrees: float) -> Decimal:
    return Decimal(str(degrees)).quantize(_DEGREE)
