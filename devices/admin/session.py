"""Sessions of piles: which gateway holds which pile, and why a link ended."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from devices.admin.places import PileFactAdmin, date_window
from devices.models import PileSession
from devices.words import ending_text
from users.console.display import chip


@admin.register(PileSession)
class PileSessionAdmin(PileFactAdmin):
    list_display = (
        "opened_at",
        "pile_page",
        "status",
        "closed_at",
        "ending",
        "protocol_name",
        "remote_address",
        "node",
    )
    list_filter = (date_window("opened_at", _("Time")),)
    fields = list_display

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(_("Connected"), "green") if obj.closed_at is None else chip(_("Ended"), "grey")

    @admin.display(description=_("close reason"))
    def ending(self, obj):
        return ending_text(obj.close_reason) or "–"
