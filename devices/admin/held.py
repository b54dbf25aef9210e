"""What piles hold by their own account: variables, charging profiles, card lists, smaller things. Read only."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from devices.admin.places import PileFactAdmin
from devices.models import DeviceVariable, HeldItem, HeldProfile, LocalList
from users.console.filters import choice_filter
from users.templatetags.console import pretty_json


@admin.register(DeviceVariable)
class DeviceVariableAdmin(PileFactAdmin):
    search_kinds = {"pile__code": "exact", "path": "startswith"}
    list_display = ("pile_page", "path", "attribute", "value", "unit", "mutability", "reported_at")
    fields = (*list_display, "more")

    @admin.display(description=_("characteristics"))
    def more(self, obj):
        return pretty_json(obj.characteristics)


@admin.register(HeldProfile)
class HeldProfileAdmin(PileFactAdmin):
    list_display = (
        "pile_page", "connector_no", "profile_id", "purpose", "stack_level", "profile_kind", "limits", "source",
        "set_at",
    )  # fmt: skip
    fields = (
        *list_display, "recurrency", "transaction_ref", "starts_at", "duration_s", "valid_from", "valid_to",
    )  # fmt: skip

    @admin.display(description=_("limits"))
    def limits(self, obj):
        parts = [f"{one.get('start_s', 0)} s: {one.get('limit')} {obj.unit}" for one in obj.periods[:6]]
        return ", ".join(parts) + (" …" if len(obj.periods) > 6 else "") or "–"


@admin.register(LocalList)
class LocalListAdmin(PileFactAdmin):
    list_display = ("pile_page", "version", "cards", "synced_at", "reported_version", "reported_at")
    fields = (*list_display, "content")

    @admin.display(description=_("cards"))
    def cards(self, obj):
        return len(obj.entries)

    @admin.display(description=_("cards of the list"))
    def content(self, obj):
        return pretty_json(obj.entries)


@admin.register(HeldItem)
class HeldItemAdmin(PileFactAdmin):
    list_display = ("pile_page", "kind", "key", "connector_no", "reported_at")
    list_filter = (choice_filter("kind", _("Kind"), HeldItem.Kind.choices),)
    fields = (*list_display, "content")

    @admin.display(description=_("what it says"))
    def content(self, obj):
        return pretty_json(obj.data)
