"""Stations, with the page that sets up a whole one."""

from django.urls import path
from django.utils.translation import gettext_lazy as _

from billing.admin import station_wizard
from stations.admin.station import StationAdmin
from stations.models import Station
from users.console.admin import replace


@replace(Station)
class BillingStationAdmin(StationAdmin):
    list_links = (
        (_("Set up a station"), "stations_station_wizard", "stations.add_station"),
        *StationAdmin.list_links,
        (_("Three-level monitoring"), "monitor", "stations.view_station"),
    )

    def get_urls(self):
        view = self.admin_site.admin_view(self.wizard_view)
        return [path("wizard/", view, name="stations_station_wizard"), *super().get_urls()]

    def wizard_view(self, request):
        return station_wizard.view(self, request)
