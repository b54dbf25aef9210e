"""Stations, with the page that sets up a whole one."""

from django.contrib import admin
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from billing.admin import station_wizard
from billing.services import card_lists
from stations.admin.station import StationAdmin
from stations.models import Pile, Station
from users.console.actions import operator_action
from users.console.admin import actor_of, replace

REFUSALS_SHOWN = 10


@replace(Station)
class BillingStationAdmin(StationAdmin):
    list_links = (
        (_("Set up a station"), "stations_station_wizard", "stations.add_station"),
        *StationAdmin.list_links,
        (_("Three-level monitoring"), "monitor", "stations.view_station"),
    )

    actions_detail = (*StationAdmin.actions_detail, "sync_cards")

    def get_fieldsets(self, request, obj=None):
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not request.user.has_perm("billing.view_chargingorder"):
            return fieldsets
        (name, first), *rest = fieldsets
        return ((name, {"fields": (*first["fields"], "transactions")}), *rest)

    def get_readonly_fields(self, request, obj=None):
        return (*super().get_readonly_fields(request, obj), "transactions")

    @admin.display(description=_("transactions"))
    def transactions(self, obj):
        links = [
            (_("Today"), f"{reverse('admin:station_day')}?station={obj.pk}"),
            (_("Running orders"), f"{reverse('admin:running_orders')}?station={obj.pk}"),
        ]
        return format_html_join(" · ", '<a href="{1}">{0}</a>', links)

    def get_urls(self):
        view = self.admin_site.admin_view(self.wizard_view)
        return [path("wizard/", view, name="stations_station_wizard"), *super().get_urls()]

    def wizard_view(self, request):
        return station_wizard.view(self, request)

    @operator_action(
        title=_("Send card lists"),
        text=_("Every pile here that cards start without the platform is sent the cards it should accept."),
        permission="users.sync_card",
        available=lambda station: station.piles.exists(),
        unavailable=_("The station has no piles."),
        icon="contactless",
    )
    def sync_cards(self, request, obj, form):
        piles = Pile.objects.for_actor(actor_of(request)).filter(station=obj).select_related("station")
        results = card_lists.sync_piles(
            actor=actor_of(request), piles=piles.order_by("code"), reason=form.cleaned_data["reason"]
        )
        refused = [f"{result.pile.code}: {result.words}" for result in results if not result.sent]
        words = _("Sent to %(sent)d of %(all)d piles; each answers by itself.") % {
            "sent": sum(result.sent for result in results),
            "all": len(results),
        }
        return " ".join([str(words), *refused[:REFUSALS_SHOWN]])
