"""Stations in the console, with a bar of their connectors' states."""

from collections import Counter, defaultdict

from django import forms
from django.contrib import admin
from django.db.models import Count
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from stations.admin import qr_sheet
from stations.admin.chips import state_bar
from stations.models import Connector, Station
from stations.models.station import Amenity, Scene
from stations.services import stations
from stations.services.imports import StationImporter
from users.console.actions import operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip
from users.console.filters import AutocompleteSelectFilter, choice_filter
from users.console.importing import import_view


class StationForm(forms.ModelForm):
    """Coordinates as they were measured; the others follow from them."""

    amenities = forms.MultipleChoiceField(
        label=_("amenities"),
        choices=Amenity.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Station
        fields = stations.FORM_FIELDS

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        station = self.instance
        if station.measured_longitude is not None:
            self.initial |= {
                "longitude": station.measured_longitude,
                "latitude": station.measured_latitude,
            }


@admin.register(Station)
class StationAdmin(ScopedModelAdmin):
    form = StationForm
    list_links = ((_("Import stations"), "stations_station_import", "stations.add_station"),)
    list_display = ("code", "name", "operator", "connectors_bar", "status", "scene", "address")
    list_display_links = ("code", "name")
    list_select_related = ("operator",)
    search_fields = ("code", "name", "address")
    ordering = ("code",)
    sortable_by = ("code",)
    list_filter = (
        choice_filter("is_open", _("State"), (("1", _("Open to drivers")), ("0", _("Closed")))),
        choice_filter("scene", _("Kind of place"), Scene.choices),
        ("operator", AutocompleteSelectFilter),
        ("group", AutocompleteSelectFilter),
    )
    autocomplete_fields = ("operator", "group")
    actions_detail = ("open_station", "close_station")
    change_fields = (
        "name", "operator", "group", "scene", "address", "region_code", "datum", "longitude", "latitude",
        "time_zone", "service_phone", "duty_phone", "opening_hours", "amenities", "surroundings", "parking_note",
    )  # fmt: skip

    def get_urls(self):
        wrap = self.admin_site.admin_view
        return [
            path("import/", wrap(self.import_view), name="stations_station_import"),
            path("<path:object_id>/qr-sheet/", wrap(self.qr_sheet_view), name="stations_station_qr_sheet"),
            *super().get_urls(),
        ]

    def import_view(self, request):
        return import_view(
            self,
            request,
            StationImporter(),
            permission="stations.add_station",
            back=reverse("admin:stations_station_changelist"),
        )

    def qr_sheet_view(self, request, object_id):
        return qr_sheet.view(self, request, object_id)

    def get_fieldsets(self, request, obj=None):
        if obj is None:
            return (
                (None, {"fields": ("operator", "code", *(f for f in self.change_fields if f != "operator"))}),
            )
        return (
            (None, {"fields": ("code", "status", "connectors_bar", "map_place", "labels")}),
            (_("Details"), {"fields": self.change_fields}),
        )

    def get_readonly_fields(self, request, obj=None):
        return ("code", "operator", "status", "connectors_bar", "map_place", "labels") if obj else ()

    @admin.display(description=_("on Chinese maps (GCJ-02)"))
    def map_place(self, obj):
        if obj.longitude is None:
            return "–"
        measured = ""
        if obj.measured_longitude is not None:
            measured = f"← {obj.get_datum_display()} {obj.measured_longitude}, {obj.measured_latitude}"
        return f"{obj.longitude}, {obj.latitude} {measured}"

    @admin.display(description=_("QR codes"))
    def labels(self, obj):
        address = reverse("admin:stations_station_qr_sheet", args=[obj.pk])
        return format_html('<a href="{}" target="_blank">{}</a>', address, _("Sheet to print"))

    @admin.display(description=_("connectors"))
    def connectors_bar(self, obj):
        return state_bar(getattr(obj, "_states", None) or connector_states([obj.pk])[obj.pk])

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(_("Open to drivers"), "green") if obj.is_open else chip(_("Closed"), "grey")

    def get_changelist_instance(self, request):
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        states = connector_states([row.pk for row in rows])
        for row in rows:
            row._states = states[row.pk]
        changelist.result_list = rows
        return changelist

    def save_through_service(self, request, obj, form, change):
        if change:
            stations.update_station(
                actor=actor_of(request),
                station=obj,
                changes={name: form.cleaned_data[name] for name in form.changed_data},
            )
            return
        data = dict(form.cleaned_data)
        archive = {name: data.pop(name) for name in stations.ARCHIVE if name in data}
        self.adopt(obj, stations.create_station(actor=actor_of(request), archive=archive, **data))

    @operator_action(
        title=_("Open station"),
        permission="stations.change_station",
        available=lambda station: not station.is_open,
        icon="play_circle",
    )
    def open_station(self, request, obj, form):
        stations.set_open(
            actor=actor_of(request), station=obj, is_open=True, reason=form.cleaned_data["reason"]
        )
        return _("The station is open.")

    @operator_action(
        title=_("Close station"),
        text=_("Nobody can start charging at a closed station. Running sessions go on."),
        permission="stations.change_station",
        available=lambda station: station.is_open,
        icon="pause_circle",
    )
    def close_station(self, request, obj, form):
        stations.set_open(
            actor=actor_of(request), station=obj, is_open=False, reason=form.cleaned_data["reason"]
        )
        return _("The station is closed.")


def connector_states(station_ids: list[int]) -> dict[int, Counter]:
    """Connector states per station, in one grouped read of an index."""
    states: dict[int, Counter] = defaultdict(Counter)
    rows = Connector.objects.unscoped("the stations were scoped by the caller").filter(
        station_id__in=station_ids
    )
    for station_id, state, number in (
        rows.values_list("station_id", "state").annotate(n=Count("pk")).order_by()
    ):
        states[station_id][state] = number
    return states
