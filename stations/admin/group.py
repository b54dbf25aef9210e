"""Station groups in the console."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from stations.models import StationGroup
from stations.services import groups
from users.console.admin import ScopedModelAdmin, actor_of


@admin.register(StationGroup)
class StationGroupAdmin(ScopedModelAdmin):
    list_display = ("name", "operator", "station_count")
    list_select_related = ("operator",)
    search_fields = ("name",)
    ordering = ("operator", "name")
    autocomplete_fields = ("operator",)
    fields = ("operator", "name")

    def get_readonly_fields(self, request, obj=None):
        return ("operator",) if obj else ()

    @admin.display(description=_("stations"))
    def station_count(self, obj):
        return obj.stations.count()

    def save_through_service(self, request, obj, form, change):
        actor = actor_of(request)
        if change:
            groups.rename_group(actor=actor, group=obj, name=form.cleaned_data["name"])
        else:
            self.adopt(obj, groups.create_group(actor=actor, **form.cleaned_data))
