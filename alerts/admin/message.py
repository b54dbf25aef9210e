"""Text messages about alerts: to whom, about what, and whether they went."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from alerts.models import AlertMessage
from users.console.admin import FactAdmin
from users.console.display import chip
from users.console.filters import AutocompleteSelectFilter, choice_filter

S = AlertMessage.State
TONES = {S.QUEUED: "amber", S.SENT: "green", S.FAILED: "red"}


@admin.register(AlertMessage)
class AlertMessageAdmin(FactAdmin):
    big_table = True
    search_kinds = {"phone": "exact"}
    search_help_text = _("A whole phone number")
    list_display = (
        "created_at",
        "status",
        "phone_masked",
        "what",
        "station",
        "attempts",
        "sent_at",
        "reason",
    )
    list_select_related = ("alert__pile", "station")
    list_filter = (choice_filter("state", _("State"), S.choices), ("station", AutocompleteSelectFilter))
    fields = (
        "status", "phone_masked", "what", "station", "attempts", "created_at", "sent_at", "provider_no", "reason",
    )  # fmt: skip

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES[obj.state])

    @admin.display(description=_("phone"))
    def phone_masked(self, obj):
        return obj.masked_phone

    @admin.display(description=_("what"))
    def what(self, obj):
        return str(obj.alert)
