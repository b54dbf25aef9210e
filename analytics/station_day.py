"""One day of one station: whose charges were settled, what each came to, and how the day went by the hour.

A charge belongs to the day on which it was settled, as in every report. Past days say as well what was booked beside
the bills (fees after the charge, corrections), so that the day adds up to the report of the station.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import ExtractHour
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics import reports
from analytics.models import HourFact
from billing.admin.exports import ORDER_COLUMNS
from billing.admin.order_page import lasted
from billing.models import ChargingOrder
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.exports import Column, register_exporter
from kernel.services import exports
from stations.models import Station
from users import policy
from users.console.admin import actor_of
from users.console.display import EMPTY, fen, quantity
from users.exports import column_rows

PERMISSION = "billing.view_chargingorder"
PAGE = 100
MOST_STATIONS = 500
MONEY = ("electricity_fen", "service_fen", "fees_fen", "discount_fen", "total_fen")


@dataclass(frozen=True, slots=True)
class Day:
    station: Station
    day: date

    @property
    def start(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.day, time.min))

    @property
    def end(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.day + timedelta(days=1), time.min))


def parse(values: Mapping[str, Any], *, actor: Actor) -> Day | None:
    """The station and day of an address: the first station in scope and today by default; None without a station.

    DomainError `not_found` for a station outside the scope, `report_query` for a day that is none.
    """
    stations = Station.objects.for_actor(actor).order_by("code")
    text = str(values.get("station") or "")
    if text:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
        station = stations.filter(pk=number).first()
        if station is None:
            raise DomainError("not_found", field="station")
    else:
        station = stations.first()
    day = reports.day_of(values, "day", timezone.localdate(clock.now()))
    return None if station is None else Day(station, day)


def orders_of(actor: Actor, day: Day) -> QuerySet:
    """The day's settled orders inside the actor's scope, the newest first."""
    rows = ChargingOrder.objects.for_actor(actor).filter(
        station=day.station, settled_at__gte=day.start, settled_at__lt=day.end
    )
    return rows.order_by("-settled_at", "-id")


def totals_of(orders: QuerySet) -> dict[str, Any]:
    """Sums over orders: how many, of how many users, energy and money."""
    sums = {name: Sum(name) for name in ("energy_kwh", *MONEY)}
    found = orders.order_by().aggregate(orders=Count("pk"), users=Count("driver", distinct=True), **sums)
    return {name: value or 0 for name, value in found.items()}


def beside_fen(actor: Actor, day: Day, total_fen: int) -> int | None:
    """What the ledger booked that day beside the bills; None while the day runs and its facts are being made."""
    if day.end > clock.now():
        return None
    facts = HourFact.objects.for_actor(actor).filter(
        station=day.station, hour__gte=day.start, hour__lt=day.end
    )
    income = facts.aggregate(fen=Sum(reports.NET_INCOME))["fen"]
    return None if income is None else income - total_fen


def by_hour(orders: QuerySet) -> dict[str, list[Any]]:
    """The day in 24 hours, for a chart: energy and fees of what was settled in each."""
    hours = orders.order_by().annotate(at=ExtractHour("settled_at", tzinfo=timezone.get_default_timezone()))
    rows = hours.values("at").annotate(**{name: Sum(name) for name in ("energy_kwh", *MONEY)})
    found = {row["at"]: row for row in rows}
    empty = {"energy_kwh": Decimal(0), **dict.fromkeys(MONEY, 0)}
    day = [found.get(hour, empty) for hour in range(24)]
    return {
        "labels": [f"{hour:02d}:00" for hour in range(24)],
        "energy": [float(round(row["energy_kwh"], 2)) for row in day],
        "electricity": [row["electricity_fen"] / 100 for row in day],
        "service": [(row["service_fen"] + row["fees_fen"]) / 100 for row in day],
    }


def page(request: HttpRequest, site: Any) -> HttpResponse:
    """GET shows the day; POST with `file_format` takes it out as a file."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    values = request.POST if request.method == "POST" else request.GET
    actor, refusal = actor_of(request), None
    try:
        day = parse(values, actor=actor)
        if request.method == "POST" and day is not None:
            job = exports.request_export(
                actor=actor,
                exporter="station_day",
                file_format=values.get("file_format", ""),
                params={"station": str(day.station.pk), "day": day.day.isoformat()},
            )
            return HttpResponseRedirect(reverse(f"{site.name}:kernel_exportjob_change", args=[job.pk]))
    except DomainError as error:
        if error.code == "not_found":
            raise Http404(_("There is no such object, or it is outside your scope.")) from None
        refusal = error.message
        day = parse({"station": values.get("station")}, actor=actor)
    context = {
        **site.each_context(request),
        "title": _("Day of a station"),
        "refusal": refusal,
        "stations": Station.objects.for_actor(actor).order_by("code").only("id", "name")[:MOST_STATIONS],
        "is_fullwidth": "1",
        **({} if day is None else _content(actor, day, request.GET.get("page"))),
    }
    request.current_app = site.name
    return TemplateResponse(request, "analytics/station_day.html", context)


def _content(actor: Actor, day: Day, page_number: str | None) -> dict[str, Any]:
    orders = orders_of(actor, day)
    totals = totals_of(orders)
    shown = orders.select_related("connector", "pile", "driver", "card", "enterprise").defer(
        "tariff_snapshot", "held_snapshot", "bill", "evidence", "segments"
    )
    rows = Paginator(shown, PAGE).get_page(page_number)
    beside = beside_fen(actor, day, totals["total_fen"])
    one = timedelta(days=1)
    today = timezone.localdate(clock.now())
    return {
        "day": day,
        "rows": rows,
        "lines": [
            (order, order.driver or order.card or order.enterprise or EMPTY, lasted(order)) for order in rows
        ],
        "figures": [
            (_("Orders"), f"{totals['orders']:,}", _("%(users)s users") % {"users": totals["users"]}),
            (_("Energy"), quantity(totals["energy_kwh"], "kWh", 2), ""),
            (_("Electricity fee"), fen(totals["electricity_fen"]), ""),
            (_("Service fee"), fen(totals["service_fen"]), ""),
            (_("Further fees"), fen(totals["fees_fen"]), ""),
            (_("Discounts"), fen(-totals["discount_fen"]), ""),
            (_("Amount"), fen(totals["total_fen"]), ""),
            (
                _("Booked beside the bills"),
                EMPTY if beside is None else fen(beside),
                _("fees after the charge, corrections"),
            ),
        ],
        "chart": by_hour(orders) if totals["orders"] else {},
        "before": (day.day - one).isoformat(),
        "after": (day.day + one).isoformat() if day.day < today else "",
        "today": "" if day.day == today else today.isoformat(),
    }


class StationDayExport:
    """A day of a station as a file: the columns of the order list."""

    title = gettext_lazy("Day of a station")

    def columns(self) -> list[Column]:
        return [Column(column.code, column.title, column.kind) for column in ORDER_COLUMNS]

    def check(self, actor: Actor) -> None:
        policy.require(actor, "kernel.add_exportjob")
        policy.require(actor, PERMISSION)

    def clean(self, params: Mapping[str, Any]) -> dict[str, str]:
        return {
            "station": str(params.get("station") or ""),
            "day": reports.day_of(params, "day", timezone.localdate(clock.now())).isoformat(),
        }

    def total(self, actor: Actor, params: Mapping[str, Any]) -> int | None:
        day = parse(params, actor=actor)
        return 0 if day is None else orders_of(actor, day).count()

    def rows(self, actor: Actor, params: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
        day = parse(params, actor=actor)
        return iter(()) if day is None else column_rows(orders_of(actor, day), actor, ORDER_COLUMNS)


def register() -> None:
    register_exporter("station_day", StationDayExport())
