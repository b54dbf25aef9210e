"""Sensors and what they measured; running totals of cash and of the meters in front of piles."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from devices.admin.places import PileFactAdmin, date_window
from devices.models import CashCounter, PileMeterDay, Sensor, SensorReading
from users.console.display import chip, fen

LAST_READINGS = 50


@admin.register(Sensor)
class SensorAdmin(PileFactAdmin):
    list_display = (
        "code",
        "kind",
        "pile_page",
        "station",
        "measured",
        "status",
        "battery_pct",
        "reported_at",
    )
    list_filter = ("kind", "alarm")
    fields = (*list_display, "last_readings")
    search_kinds = {"pile__code": "exact", "code": "exact"}
    search_help_text = _("A whole pile code or sensor code")

    def search_condition(self, request, term):
        from django.db.models import Q

        return super().search_condition(request, term) | Q(code=term)

    @admin.display(description=_("value"))
    def measured(self, obj):
        return "–" if obj.value is None else f"{obj.value.normalize():f} {obj.unit}".strip()

    @admin.display(description=_("state"), ordering="alarm")
    def status(self, obj):
        return chip(_("Alarm"), "red") if obj.alarm else chip(_("Quiet"), "green")

    @admin.display(description=_("last readings"))
    def last_readings(self, obj):
        from django.utils.formats import localize
        from django.utils.timezone import localtime

        rows = SensorReading.objects.unscoped("the sensor is in scope").filter(sensor_id=obj.pk)
        lines = [
            (
                localize(localtime(row.at)),
                "–" if row.value is None else f"{row.value.normalize():f} {obj.unit}".strip(),
                _("Alarm") if row.alarm else "",
            )
            for row in rows.order_by("-at")[:LAST_READINGS]
        ]
        table = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", lines)
        return format_html("<table>{}</table>", table) if lines else "–"


@admin.register(CashCounter)
class CashCounterAdmin(PileFactAdmin):
    list_display = (
        "pile_page",
        "station",
        "coins",
        "cards",
        "coins_total",
        "cards_total",
        "resets",
        "reported_at",
    )
    fields = list_display

    @admin.display(description=_("coins (yuan)"), ordering="coins_fen_total")
    def coins(self, obj):
        return "–" if obj.coins_fen_total is None else fen(obj.coins_fen_total)

    @admin.display(description=_("cards (yuan)"), ordering="cards_fen_total")
    def cards(self, obj):
        return "–" if obj.cards_fen_total is None else fen(obj.cards_fen_total)


@admin.register(PileMeterDay)
class PileMeterDayAdmin(PileFactAdmin):
    """Each day of a pile's meter beside what its ports delivered that day."""

    list_display = ("day", "pile_page", "station", "counted", "first_kwh", "last_kwh", "readings", "last_at")
    list_filter = (date_window("last_at", _("Time")),)
    fields = (*list_display, "first_at", "ports", "difference")

    @admin.display(description=_("counted (kWh)"))
    def counted(self, obj):
        return obj.last_kwh - obj.first_kwh

    @admin.display(description=_("sum of its ports (kWh)"))
    def ports(self, obj):
        return self._compared(obj).ports_kwh

    @admin.display(description=_("difference (kWh)"))
    def difference(self, obj):
        return self._compared(obj).difference_kwh

    def _compared(self, obj):
        from devices.services.meters import compare

        return compare(obj)
