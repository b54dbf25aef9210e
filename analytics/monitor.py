"""Monitoring in three levels, operator, station, pile, with the same counters at each; and a station with its tabs.

Money and energy come from the facts that reports read, so that these pages and the reports agree.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alerts.models import Alert
from analytics import reports
from analytics.models import HourFact
from analytics.selectors import local_midnight
from billing.models import ChargingOrder
from kernel import clock
from kernel.actor import Actor
from stations.admin.chips import state_bar
from stations.models import Connector, Pile, Station
from stations.models.station import Amenity
from users.console.admin import actor_of
from users.console.display import fen
from users.models import Operator

PERMISSION = "stations.view_station"
MOST_ROWS, MOST_LINES, DAYS = 500, 50, 30
LEVELS = {"operator": "operator_id", "station": "station_id", "pile": "pile_id"}
TABS = {
    "info": (gettext_lazy("Station"), "stations.view_station"),
    "piles": (gettext_lazy("Piles"), "stations.view_pile"),
    "orders": (gettext_lazy("Charging records"), "billing.view_chargingorder"),
    "income": (gettext_lazy("Income"), reports.PERMISSION),
    "energy": (gettext_lazy("Energy"), reports.PERMISSION),
    "faults": (gettext_lazy("Fault records"), "alerts.view_alert"),
}


@dataclass
class Counters:
    """What every level counts. Money and energy are those of today; None where the reader may not see them."""

    piles: int = 0
    online: int = 0
    states: Counter = field(default_factory=Counter)
    alerts: int = 0
    energy_kwh: Decimal | None = None
    income_fen: int | None = None

    @property
    def bar(self) -> Any:
        return state_bar(self.states)

    @property
    def income(self) -> str:
        return fen(self.income_fen)


def counters(*, actor: Actor, level: str, money: bool, **inside: int) -> dict[int, Counters]:
    """Counters per operator, station or pile (`level`) inside the actor's scope.

    `inside` narrows them by `operator_id` or `station_id`.
    """
    column = LEVELS[level]
    found: dict[int, Counters] = {}

    def at(key: int) -> Counters:
        return found.setdefault(key, Counters(energy_kwh=Decimal(0), income_fen=0) if money else Counters())

    def rows(model: Any) -> QuerySet:
        return model.objects.for_actor(actor).filter(**inside).order_by()

    key = "pk" if level == "pile" else column
    for row in rows(Pile).values(key).annotate(n=Count("pk"), up=Count("pk", filter=Q(online=True))):
        one = at(row[key])
        one.piles, one.online = row["n"], row["up"]
    for row in rows(Connector).values(column, "state").annotate(n=Count("pk")):
        at(row[column]).states[row["state"]] = row["n"]
    for row in rows(Alert).filter(closed_at__isnull=True).values(column).annotate(n=Count("pk")):
        at(row[column]).alerts = row["n"]
    if money:
        today = rows(HourFact).filter(hour__gte=local_midnight(clock.now()), **{f"{column}__isnull": False})
        names = ("energy_kwh", "electricity_fen", "service_fen", "fees_fen", "discount_fen")
        for row in today.values(column).annotate(**{f"sum_{name}": Sum(name) for name in names}):
            one = at(row[column])
            one.energy_kwh = row["sum_energy_kwh"]
            plus = row["sum_electricity_fen"] + row["sum_service_fen"] + row["sum_fees_fen"]
            one.income_fen = plus - row["sum_discount_fen"]
    return found


def page(request: HttpRequest, site: Any) -> HttpResponse:
    """Operators; with `?operator=` its stations; with `?station=` its tabs, among them its piles."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    actor, money = actor_of(request), request.user.has_perm(reports.PERMISSION)
    context: dict[str, Any] = {"money": money}
    if request.GET.get("station"):
        station = _found(
            Station.objects.for_actor(actor).select_related("operator", "group"), request, "station"
        )
        context |= _station(request, actor, station, money)
    elif request.GET.get("operator"):
        operator = _found(Operator.objects.for_actor(actor), request, "operator")
        stations = Station.objects.for_actor(actor).filter(operator=operator).order_by("code")[:MOST_ROWS]
        numbers = counters(actor=actor, level="station", money=money, operator_id=operator.pk)
        context |= {
            "trail": [(_("All operators"), "?"), (operator.name, "")],
            "rows": [(f"?station={one.pk}", one.name, numbers.get(one.pk, Counters())) for one in stations],
            "what": _("Stations"),
        }
    else:
        numbers = counters(actor=actor, level="operator", money=money)
        operators = Operator.objects.for_actor(actor).order_by("code")[:MOST_ROWS]
        context |= {
            "trail": [(_("All operators"), "")],
            "rows": [(f"?operator={one.pk}", one.name, numbers.get(one.pk, Counters())) for one in operators],
            "what": _("Operators"),
        }
    context |= {**site.each_context(request), "title": _("Three-level monitoring"), "is_fullwidth": "1"}
    request.current_app = site.name
    return TemplateResponse(request, "analytics/monitor.html", context)


def _found(rows: QuerySet, request: HttpRequest, name: str) -> Any:
    text = request.GET[name]
    row = rows.filter(pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None
    if row is None:
        raise Http404(_("There is no such object, or it is outside your scope."))
    return row


def _station(request: HttpRequest, actor: Actor, station: Station, money: bool) -> dict[str, Any]:
    allowed = {name: words for name, (words, permission) in TABS.items() if request.user.has_perm(permission)}
    tab = request.GET.get("tab", "piles" if "piles" in allowed else "info")
    if tab not in TABS:
        raise Http404
    if tab not in allowed:
        raise PermissionDenied
    whole = counters(actor=actor, level="station", money=money, station_id=station.pk)
    return {
        "station": station,
        "whole": whole.get(station.pk, Counters()),
        "trail": [
            (_("All operators"), "?"),
            (station.operator.name, f"?operator={station.operator_id}"),
            (station.name, ""),
        ],
        "tabs": [(name, words, name == tab) for name, words in allowed.items()],
        "tab": tab,
        **_TABS[tab](actor, station, money),
    }


def _info(actor: Actor, station: Station, money: bool) -> dict[str, Any]:
    title = lambda name: Station._meta.get_field(name).verbose_name  # noqa: E731
    facts = [(title(name), getattr(station, name)) for name in ("code", "address", "region_code")]
    facts += [
        (title("scene"), station.get_scene_display()),
        (title("amenities"), "、".join(str(Amenity(one).label) for one in station.amenities)),
    ]
    facts += [
        (title(name), getattr(station, name))
        for name in ("surroundings", "opening_hours", "parking_note", "service_phone", "time_zone")
    ]
    if station.longitude is not None:
        facts.append((_("on Chinese maps (GCJ-02)"), f"{station.longitude}, {station.latitude}"))
    return {
        "facts": [(name, value) for name, value in facts if value],
        "change": reverse("admin:stations_station_change", args=[station.pk]),
    }


def _piles(actor: Actor, station: Station, money: bool) -> dict[str, Any]:
    numbers = counters(actor=actor, level="pile", money=money, station_id=station.pk)
    piles = Pile.objects.for_actor(actor).filter(station=station).order_by("code")[:MOST_ROWS]
    return {
        "what": _("Piles"),
        "rows": [
            (reverse("admin:stations_pile_change", args=[one.pk]), f"{one.name} {one.code}", numbers[one.pk])
            for one in piles
        ],
    }


def _orders(actor: Actor, station: Station, money: bool) -> dict[str, Any]:
    rows = ChargingOrder.objects.for_actor(actor).filter(station=station).select_related("pile", "connector")
    return {"orders": rows.order_by("-pk")[:MOST_LINES]}


def _facts(actor: Actor, station: Station, money: bool) -> dict[str, Any]:
    """Thirty days by day, from the facts of the reports."""
    last = timezone.localdate(clock.now())
    query = reports.Query("station", "day", last - timedelta(days=DAYS - 1), last)
    rows = HourFact.objects.for_actor(actor).filter(
        station=station, hour__gte=query.start, hour__lt=query.end
    )
    days: dict[Any, Counter] = {}
    names = (
        "orders", "energy_kwh", "sharp_kwh", "peak_kwh", "flat_kwh", "valley_kwh", "deep_valley_kwh", "duration_s",
        "electricity_fen", "service_fen", "fees_fen", "discount_fen",
    )  # fmt: skip
    for row in rows.values("hour", *names):
        day = days.setdefault(timezone.localtime(row["hour"]).date(), Counter())
        for name in names:
            day[name] += row[name]
    total: Counter = Counter()
    for day in days.values():
        for name in names:
            total[name] += day[name]
    lines = [(day.isoformat(), _income(values)) for day, values in sorted(days.items(), reverse=True)]
    return {"lines": lines, "total": _income(total)}


def _income(values: Counter) -> dict[str, Any]:
    """A line's sums, money as it is written."""
    income = values["electricity_fen"] + values["service_fen"] + values["fees_fen"] - values["discount_fen"]
    money = {
        name: fen(values[name]) for name in ("electricity_fen", "service_fen", "fees_fen", "discount_fen")
    }
    return {
        **{name: value for name, value in values.items() if not name.endswith("_fen")},
        "hours": Decimal(values["duration_s"]) / 3600,
        **money,
        "income": fen(income),
    }


def _faults(actor: Actor, station: Station, money: bool) -> dict[str, Any]:
    rows = Alert.objects.for_actor(actor).filter(station=station).select_related("pile").order_by("-pk")
    return {"faults": rows[:MOST_LINES]}


_TABS: dict[str, Callable[[Actor, Station, bool], dict[str, Any]]] = {
    "info": _info,
    "piles": _piles,
    "orders": _orders,
    "income": _facts,
    "energy": _facts,
    "faults": _faults,
}
