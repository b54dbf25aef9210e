"""Commands to piles: what was asked, by whom, and what came back."""

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from devices.admin.places import PileFactAdmin, date_window
from devices.models import DeviceCommand
from devices.words import answer_text
from users.console.display import chip
from users.console.filters import choice_filter
from users.templatetags.console import pretty_json

TONES = {
    DeviceCommand.State.QUEUED: "grey",
    DeviceCommand.State.SENT: "blue",
    DeviceCommand.State.ACCEPTED: "green",
    DeviceCommand.State.REJECTED: "red",
    DeviceCommand.State.EXPIRED: "amber",
    DeviceCommand.State.FAILED: "red",
}


def command_chip(command):
    return chip(command.get_state_display(), TONES.get(command.state, "grey"))


@admin.register(DeviceCommand)
class DeviceCommandAdmin(PileFactAdmin):
    list_display = (
        "created_at",
        "kind",
        "status",
        "pile_page",
        "connector_no",
        "reference",
        "actor_name",
        "words",
    )
    list_filter = (
        date_window("created_at", _("Time")),
        choice_filter("state", _("State"), DeviceCommand.State.choices),
    )
    fields = (
        "kind", "status", "pile_page", "connector_no", "reference", "actor_name", "created_at", "sent_at",
        "answered_at", "expires_at", "words", "asked", "answered",
    )  # fmt: skip
    search_kinds = {"pile__code": "exact", "reference": "exact"}
    search_help_text = _("A whole pile code or order number")

    def search_condition(self, request, term):
        return super().search_condition(request, term) | Q(reference=term)

    @admin.display(description=_("state"))
    def status(self, obj):
        return command_chip(obj)

    @admin.display(description=_("answer"))
    def words(self, obj):
        return answer_text(obj.pile.protocol, obj.reason) or "–"

    @admin.display(description=_("parameters"))
    def asked(self, obj):
        return format_html("<pre>{}</pre>", pretty_json(obj.params))

    @admin.display(description=_("result"))
    def answered(self, obj):
        return format_html("<pre>{}</pre>", pretty_json(obj.result))
