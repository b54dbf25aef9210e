"""The running orders as they stand now: one page of them as plain values, for a page and for its live line.

However many orders run, a page reads its own rows alone: the newest `PAGE` inside the reader's scope, by an index
that holds running orders only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.admin.order import TONES
from billing.admin.order_page import lasted
from billing.models import ChargingOrder
from billing.models.order import RUNNING_STATES
from kernel import clock
from kernel.actor import Actor
from stations.models import Station
from users.console.admin import actor_of
from users.console.display import EMPTY, fen, quantity
from users.console.paging import capped_count

PERMISSION = "billing.view_chargingorder"
PAGE = 50
MOST_STATIONS = 500
# What a row shows; the bill, the tariff and the evidence of an order are large and stay where they are.
_SHOWN = (
    "id", "order_no", "start_method", "state", "started_at", "ended_at", "energy_kwh", "power_kw", "soc_pct",
    "total_fen", "station__name", "pile__code", "pile__name", "connector__number", "driver__phone", "driver__name",
    "card__logical_no", "enterprise__name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """Which running orders: those of one station, of one way of starting, older than `before` (an order's id)."""

    station: int | None = None
    method: str = ""
    before: int | None = None

    def address(self, **change: Any) -> str:
        values = {"station": self.station, "method": self.method, "before": self.before} | change
        return "?" + "&".join(f"{name}={value}" for name, value in values.items() if value)


def parse(values: Mapping[str, str]) -> Query:
    """A query from an address; what cannot be read narrows nothing."""

    def number(name: str) -> int | None:
        text = values.get(name) or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    method = values.get("method") or ""
    known = method in ChargingOrder.StartMethod.values
    return Query(number("station"), method if known else "", number("before"))


def rows_of(actor: Actor, query: Query) -> QuerySet:
    """The running orders of a query inside the actor's scope, newest first."""
    rows = ChargingOrder.objects.for_actor(actor).filter(state__in=RUNNING_STATES)
    if query.station is not None:
        rows = rows.filter(station_id=query.station)
    if query.method:
        rows = rows.filter(start_method=query.method)
    return rows.order_by("-id")


def page_of(actor: Actor, query: Query) -> tuple[list[ChargingOrder], bool, int]:
    """The orders of one page, whether older ones follow, and how many run in all (capped)."""
    every = rows_of(actor, query)
    older = every if query.before is None else every.filter(id__lt=query.before)
    found = list(_shown(older)[: PAGE + 1])
    return found[:PAGE], len(found) > PAGE, capped_count(every)


def some_of(actor: Actor, query: Query, order_nos: Iterable[str]) -> list[ChargingOrder]:
    """Those of these orders that still run and are inside the actor's scope."""
    return list(_shown(rows_of(actor, query).filter(order_no__in=list(order_nos))))


def _shown(rows: QuerySet) -> QuerySet:
    return rows.select_related("station", "pile", "connector", "driver", "card", "enterprise").only(*_SHOWN)


def row_json(order: ChargingOrder) -> dict[str, Any]:
    """A row as words, in the reader's language."""
    who = order.driver or order.card or order.enterprise
    return {
        "order_no": order.order_no,
        "url": reverse("admin:billing_chargingorder_change", args=[order.pk]),
        "method": order.get_start_method_display(),
        "user": str(who) if who else EMPTY,
        "station": order.station.name,
        "pile": f"{order.pile} · {order.connector.number}",
        "state": order.get_state_display(),
        "tone": TONES.get(order.state, "grey"),
        "power": quantity(order.power_kw, "kW", 1),
        "energy": quantity(order.energy_kwh, "kWh", 2),
        "amount": fen(order.total_fen),
        "soc": EMPTY if order.soc_pct is None else f"{order.soc_pct}%",
        "lasted": lasted(order),
    }


def page(request: HttpRequest, site: Any) -> HttpResponse:
    """The list as HTML; its script keeps it so by `/ws/console/orders/`, or by reading it again."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    actor, query = actor_of(request), parse(request.GET)
    orders, more, running = page_of(actor, query)
    stations = Station.objects.for_actor(actor).order_by("code").only("id", "name")[:MOST_STATIONS]
    context = {
        **site.each_context(request),
        "title": _("Running orders"),
        "is_fullwidth": "1",
        "rows": [row_json(order) for order in orders],
        "running": running,
        "query": query,
        "stations": stations,
        "methods": ChargingOrder.StartMethod.choices,
        "older": query.address(before=orders[-1].pk) if more else "",
        "newest": query.address(before=None) if query.before is not None else "",
        "as_of": timezone.localtime(clock.now()),
    }
    request.current_app = site.name
    return TemplateResponse(request, "analytics/live_orders.html", context)
