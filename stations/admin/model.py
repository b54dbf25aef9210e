"""Pile models in the console."""

from django.contrib import admin

from stations.models import PileModel
from stations.services.models import save_pile_model
from users.console.admin import ScopedModelAdmin, actor_of


@admin.register(PileModel)
class PileModelAdmin(ScopedModelAdmin):
    shared_reason = "a catalogue of makes and models, without any operator's data"
    list_display = ("brand", "name", "current_type", "rated_power_kw", "register_kind", "heartbeat_s")
    list_display_links = ("brand", "name")
    search_fields = ("brand", "name")
    ordering = ("brand", "name")
    fields = (
        "brand",
        "name",
        "current_type",
        "rated_power_kw",
        "register_kind",
        "heartbeat_s",
        "missed_heartbeats",
    )

    def save_through_service(self, request, obj, form, change):
        saved = save_pile_model(
            actor=actor_of(request),
            model=obj if change else None,
            changes={name: form.cleaned_data[name] for name in self.fields},
        )
        if not change:
            self.adopt(obj, saved)
