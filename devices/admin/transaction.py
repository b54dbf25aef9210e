"""Transactions of OCPP piles."""

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.admin.places import PileFactAdmin, date_window
from devices.models import DeviceTransaction
from devices.words import stop_reason_text


@admin.register(DeviceTransaction)
class DeviceTransactionAdmin(PileFactAdmin):
    list_display = ("number", "pile_page", "connector_no", "id_tag", "started_at", "ended_at", "stopped")
    list_filter = (date_window("started_at", _("Time")),)
    fields = (
        "number", "pile_page", "connector_no", "id_tag", "authorization", "started_at", "start_known",
        "meter_start_kwh", "ended_at", "meter_end_kwh", "stopped",
    )  # fmt: skip

    @admin.display(description=_("transaction no."), ordering="id")
    def number(self, obj):
        return obj.ref

    def search_condition(self, request, term):
        condition = super().search_condition(request, term)
        condition |= Q(station_ref=term)
        return condition | Q(pk=int(term)) if term.isdigit() and len(term) < 19 else condition

    @admin.display(description=_("stop reason"))
    def stopped(self, obj):
        return stop_reason_text(obj.pile.protocol, obj.stop_reason) or "–"
