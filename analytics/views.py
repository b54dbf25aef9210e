"""Doors of the overview and the reports; the console site wraps them in its own login."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics import board, pivot, reports
from kernel.errors import DomainError
from kernel.exports import Kind
from kernel.services import exports
from stations.models import Station
from users.console.admin import actor_of
from users.console.display import fen

MOST_STATIONS = 500


def board_json(request: HttpRequest) -> JsonResponse:
    """The board of this staff member as JSON, never cached."""
    response = JsonResponse(board.read(request))
    response["Cache-Control"] = "no-store"
    return response


def report_page(request: HttpRequest, site: Any) -> HttpResponse:
    """GET shows a report; POST with `file_format` takes it out as a file."""
    if not request.user.has_perm(reports.PERMISSION):
        raise PermissionDenied
    values = request.POST if request.method == "POST" else request.GET
    refusal, report = None, None
    try:
        query = reports.parse(values)
        if request.method == "POST":
            job = exports.request_export(
                actor=actor_of(request),
                exporter="report",
                file_format=values.get("file_format", ""),
                params=query.to_json(),
                columns=[
                    "moment",
                    "label",
                    *(m.code for m in reports.measures_of(query.dimension, query.grain)),
                ],
            )
            return HttpResponseRedirect(reverse(f"{site.name}:kernel_exportjob_change", args=[job.pk]))
    except DomainError as error:
        refusal = error.message
        query = reports.parse({})
    report = reports.read(actor=actor_of(request), query=query)
    context = {
        **site.each_context(request),
        "title": _("Reports"),
        "report": report,
        "refusal": refusal,
        "dimensions": reports.DIMENSIONS.items(),
        "grains": reports.GRAINS.items(),
        "head": [
            _("Charging time") if measure is reports.DURATION else measure.title
            for measure in report.measures
        ],
        "rows": [
            (_moment(moment, query.grain), label, [_cell(values, m) for m in report.measures])
            for moment, label, values in report.lines
        ],
        "sums": [_cell(report.totals, measure) for measure in report.measures],
        "presets": _presets(query),
        "is_fullwidth": "1",
    }
    request.current_app = site.name
    return TemplateResponse(request, "analytics/report.html", context)


def pivot_page(request: HttpRequest, site: Any) -> HttpResponse:
    """GET shows orders by two of the five dimensions; POST with `file_format` takes them out as a file."""
    if not request.user.has_perm(reports.PERMISSION):
        raise PermissionDenied
    values = request.POST if request.method == "POST" else request.GET
    actor, refusal = actor_of(request), None
    try:
        query = pivot.parse(values)
        if request.method == "POST":
            job = exports.request_export(
                actor=actor,
                exporter="order_pivot",
                file_format=values.get("file_format", ""),
                params=query.to_json(),
            )
            return HttpResponseRedirect(reverse(f"{site.name}:kernel_exportjob_change", args=[job.pk]))
    except DomainError as error:
        refusal = error.message
        query = pivot.parse({})
    table = pivot.read(actor=actor, query=query)
    measure = pivot.MEASURES[query.measure]

    def cell(value: Any) -> str:
        return _cell({measure.code: value}, measure)

    context = {
        **site.each_context(request),
        "title": _("Order statistics"),
        "pivot": table,
        "refusal": refusal,
        "rows_by": pivot.DIMENSIONS.items(),
        "columns_by": pivot.COLUMNS.items(),
        "measures": [(code, one.title) for code, one in pivot.MEASURES.items()],
        "stations": Station.objects.for_actor(actor).order_by("code").only("id", "name")[:MOST_STATIONS],
        "lines": [
            (label, [cell(value) for value in cells], cell(whole[query.measure]), whole["orders"])
            for label, cells, whole in table.rows
        ],
        "column_totals": [cell(value) for value in table.column_totals],
        "total": cell(table.totals[query.measure]),
        "chart": pivot.chart(table),
        "is_fullwidth": "1",
    }
    request.current_app = site.name
    return TemplateResponse(request, "analytics/pivot.html", context)


def _moment(moment: Any, grain: str) -> str:
    if moment is None:
        return ""
    form = {"hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d", "month": "%Y-%m"}[grain]
    return timezone.localtime(moment).strftime(form)


def _cell(values: dict[str, Any], measure: reports.Measure) -> str:
    if measure.code not in values:
        return ""
    value = values[measure.code]
    if measure.kind is Kind.FEN:
        return fen(value)
    if measure.code == "duration_s":
        return f"{value / 3600:,.1f} h"
    return f"{value:,.2f}" if measure.kind is Kind.DECIMAL else f"{value:,}"


def _presets(query: reports.Query) -> list[tuple[str, str, bool]]:
    """(words, query string, chosen) of usual periods."""
    from datetime import timedelta

    today = timezone.localdate()
    month = today.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    spans = [
        (_("Today"), today, today, "hour"),
        (_("Yesterday"), today - timedelta(days=1), today - timedelta(days=1), "hour"),
        (_("Last 7 days"), today - timedelta(days=6), today, "day"),
        (_("This month"), month, today, "day"),
        (_("Last month"), before, month - timedelta(days=1), "day"),
        (_("This year"), today.replace(month=1, day=1), today, "month"),
    ]
    return [
        (
            words,
            f"?dimension={query.dimension}&grain={grain}&first={first}&last={last}",
            (first, last) == (query.first, query.last),
        )
        for words, first, last, grain in spans
    ]
