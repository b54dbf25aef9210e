"""Connectors in the console, with the QR code that a driver scans."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from stations.admin.chips import connector_chip
from stations.admin.pile import pile_link
from stations.models import Connector
from stations.qr import qr_svg
from users.console.admin import FactAdmin
from users.console.filters import AutocompleteSelectFilter, choice_filter


@admin.register(Connector)
class ConnectorAdmin(FactAdmin):
    list_display = ("code", "status", "station", "pile_page", "number", "state_changed_at")
    list_select_related = ("station", "pile")
    search_fields = ("code",)
    ordering = ("code",)
    sortable_by = ("code",)
    list_filter = (
        choice_filter("state", _("State"), Connector.State.choices),
        ("station", AutocompleteSelectFilter),
    )
    fields = ("code", "status", "state_changed_at", "station", "pile_page", "number", "plug", "qr")

    @admin.display(description=_("state"))
    def status(self, obj):
        return connector_chip(obj)

    @admin.display(description=_("pile"))
    def pile_page(self, obj):
        return pile_link(obj.pile)

    @admin.display(description=_("plug"))
    def plug(self, obj):
        return {True: _("Plugged in"), False: _("Not plugged in")}.get(
            obj.plugged, _("The pile does not say")
        )

    @admin.display(description=_("QR code"))
    def qr(self, obj):
        return format_html(
            '<figure class="ev-qr">{}<figcaption>{}</figcaption></figure>', qr_svg(obj.code), obj.code
        )
