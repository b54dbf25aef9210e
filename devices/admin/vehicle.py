"""Vehicles as piles know them, and what they report while they charge."""

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from devices.admin.places import PileFactAdmin, date_window
from devices.models import ReportedVehicle, VehicleReport
from devices.vehicle_words import flag_lines, vehicle_lines, vehicle_sentence
from stations.admin.pile import pile_by_code, pile_link
from stations.models import Pile
from users.console.admin import FactAdmin
from users.console.display import quantity
from users.console.filters import choice_filter
from users.templatetags.console import pretty_json


@admin.register(ReportedVehicle)
class ReportedVehicleAdmin(PileFactAdmin):
    search_kinds = {"vin": "exact"}
    search_help_text = _("A whole VIN or pile code")
    list_display = ("vin", "battery_type", "rated", "charges", "pile_page", "last_seen_at")
    list_filter = (date_window("last_seen_at", _("Last seen")),)
    fields = (
        "vin", "battery_type", "capacity_ah", "rated_voltage_v", "energy_kwh", "maker", "produced_on", "cycles",
        "max_voltage_v", "max_current_a", "max_cell_v", "max_temperature_c", "charges", "pile_page",
        "first_seen_at", "last_seen_at", "last_reports",
    )  # fmt: skip

    def search_condition(self, request, term):
        return super().search_condition(request, term) | Q(vin=term.upper())

    @admin.display(description=_("rated energy"))
    def rated(self, obj):
        return quantity(obj.energy_kwh, "kWh", 1)

    @admin.display(description=_("last charges"))
    def last_reports(self, obj):
        rows = (
            VehicleReport.objects.unscoped("charges of a vehicle in scope, of its operator")
            .filter(vin=obj.vin, operator_id=obj.operator_id, kind=VehicleReport.Kind.HANDSHAKE)
            .order_by("-at")[:20]
        )
        lines = [(row.at.strftime("%Y-%m-%d %H:%M"), row.transaction_ref) for row in rows]
        return format_html_join("", '<p class="ev-line">{} <code>{}</code></p>', lines) or "–"


@admin.register(VehicleReport)
class VehicleReportAdmin(FactAdmin):
    big_table = True
    search_kinds = {"vin": "exact"}
    search_help_text = _("A whole pile code, VIN or transaction number")
    list_display = ("at", "kind", "vin", "gist", "connector_no", "transaction_ref")
    list_filter = (
        date_window("at", _("Time"), default="today"),
        choice_filter("kind", _("Report"), VehicleReport.Kind.choices),
    )
    fields = (
        "at",
        "kind",
        "vin",
        "pile_page",
        "connector_no",
        "transaction_ref",
        "figures",
        "raised",
        "content",
    )

    def search_condition(self, request, term):
        condition = pile_by_code(term) | Q(vin=term.upper(), kind=VehicleReport.Kind.HANDSHAKE)
        if len(term) == 32 and term.isdigit():
            condition |= pile_by_code(term[:14]) & Q(transaction_ref=term)
        return condition

    @admin.display(description=_("pile"))
    def pile_page(self, obj):
        return pile_link(Pile.objects.unscoped("of a row in scope").filter(pk=obj.pile_id).first())

    @admin.display(description=_("gist"))
    def gist(self, obj):
        return vehicle_sentence(obj.kind, obj.vin, obj.data) or "–"

    @admin.display(description=_("figures"))
    def figures(self, obj):
        return format_html_join("", '<p class="ev-line">{}: {}</p>', vehicle_lines(obj.data)) or "–"

    @admin.display(description=_("raised"))
    def raised(self, obj):
        lines = [(line,) for line in flag_lines(obj.kind, obj.data)]
        return format_html_join("", '<p class="ev-line">{}</p>', lines) or "–"

    @admin.display(description=_("decoded"))
    def content(self, obj):
        return format_html("<pre>{}</pre>", pretty_json(obj.data))
