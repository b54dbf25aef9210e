"""Notices of piles: security events, monitors, progress of updates."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from devices.admin.places import PileFactAdmin, date_window
from devices.models import PileNotice
from users.console.display import chip
from users.console.filters import choice_filter
from users.templatetags.console import pretty_json


@admin.register(PileNotice)
class PileNoticeAdmin(PileFactAdmin):
    list_display = ("happened_at", "pile_page", "kind", "weight", "code", "detail", "connector_no")
    list_filter = (
        date_window("received_at", _("Time")),
        choice_filter("kind", _("Kind"), PileNotice.Kind.choices),
    )
    fields = (*list_display, "received_at", "content")

    @admin.display(description=_("weight"))
    def weight(self, obj):
        return chip(_("Critical"), "red") if obj.critical else chip(_("Ordinary"), "grey")

    @admin.display(description=_("what it says"))
    def content(self, obj):
        return pretty_json(obj.data)
