"""The console site: Django Admin in Unfold's clothes, with the overview as its home page."""

from typing import Any

from django.http import HttpRequest
from django.urls import path
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite


class ConsoleSite(UnfoldAdminSite):
    site_header = _("EV charging operations")
    site_title = _("EV charging operations")
    index_title = _("Overview")
    index_template = "analytics/overview.html"

    def get_urls(self):
        from analytics import live_orders, monitor, station_day
        from analytics.views import board_json, pivot_page, report_page

        return [
            path("board.json", self.admin_view(board_json), name="board"),
            path("monitor/", self.admin_view(lambda request: monitor.page(request, self)), name="monitor"),
            path(
                "running-orders/",
                self.admin_view(lambda request: live_orders.page(request, self)),
                name="running_orders",
            ),
            path(
                "station-day/",
                self.admin_view(lambda request: station_day.page(request, self)),
                name="station_day",
            ),
            path(
                "statistics/",
                self.admin_view(lambda request: pivot_page(request, self)),
                name="order_statistics",
            ),
            path("reports/", self.admin_view(lambda request: report_page(request, self)), name="reports"),
            *super().get_urls(),
        ]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """What Django lists of one app; the list of all, which no page shows beside the menu, costs every page."""
        return super().get_app_list(request, app_label) if app_label else []

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None):
        from analytics import board

        context = {"board": board.read(request), "is_fullwidth": "1", **(extra_context or {})}
        return super().index(request, context)
