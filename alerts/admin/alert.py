"""Alerts in the console: open ones first, each episode with its beginning and end."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from alerts.models import Alert
from devices.words import advice_text
from kernel import clock
from stations.admin.pile import pile_by_code, pile_link
from users.console.admin import FactAdmin
from users.console.display import chip, duration
from users.console.filters import AutocompleteSelectFilter, choice_filter

OPEN = (("1", _("Ongoing")), ("0", _("Ended")))


@admin.register(Alert)
class AlertAdmin(FactAdmin):
    big_table = True
    search_kinds = {"pile__code": "exact"}
    search_help_text = _("A whole pile code")
    list_display = ("opened_at", "kind", "status", "pile_page", "connector_no", "what", "station", "lasted")
    list_select_related = ("pile", "station")
    list_filter = (
        choice_filter("closed_at__isnull", _("State"), OPEN, default="1"),
        choice_filter("kind", _("Kind"), Alert.Kind.choices),
        ("station", AutocompleteSelectFilter),
    )
    fields = (
        "kind",
        "status",
        "what",
        "advice",
        "pile_page",
        "connector_no",
        "station",
        "opened_at",
        "closed_at",
        "lasted",
    )

    def search_condition(self, request, term):
        return pile_by_code(term)

    @admin.display(description=_("state"))
    def status(self, obj):
        if obj.closed_at is not None:
            return chip(_("Ended"), "green")
        return chip(_("Urgent"), "red") if obj.is_urgent else chip(_("Ongoing"), "amber")

    @admin.display(description=_("what"))
    def what(self, obj):
        return obj.text or "–"

    @admin.display(description=_("what to do"))
    def advice(self, obj):
        return advice_text(obj.pile.protocol, obj.code) or "–"

    @admin.display(description=_("duration"))
    def lasted(self, obj):
        return duration((obj.closed_at or clock.now()) - obj.opened_at)

    @admin.display(description=_("pile"))
    def pile_page(self, obj):
        return pile_link(obj.pile)
