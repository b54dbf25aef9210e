"""The frame log: raw frames with their decoding."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from devices.admin.places import ProtocolColumn, date_window
from devices.models import FrameLog
from devices.words import frame_title
from stations.admin.pile import pile_by_code
from users.console.admin import FactAdmin
from users.console.display import chip
from users.console.filters import choice_filter
from users.templatetags.console import pretty_json


@admin.register(FrameLog)
class FrameLogAdmin(ProtocolColumn, FactAdmin):
    big_table = True
    search_kinds = {"pile_code": "exact"}
    search_help_text = _("A whole pile code")
    list_display = (
        "at",
        "pile_code",
        "arrow",
        "title",
        "connector_no",
        "transaction_ref",
        "finding",
        "raw_start",
    )
    list_filter = (
        date_window("at", _("Time"), default="today"),
        choice_filter("direction", _("Direction"), FrameLog.Direction.choices),
    )
    fields = (
        "at", "pile_code", "protocol_name", "arrow", "title", "connector_no", "transaction_ref", "finding",
        "decoded_text", "raw_text",
    )  # fmt: skip

    def search_condition(self, request, term):
        return pile_by_code(term)

    @admin.display(description=_("direction"))
    def arrow(self, obj):
        if obj.direction == FrameLog.Direction.IN:
            return chip(f"↑ {obj.get_direction_display()}", "blue")
        return chip(f"↓ {obj.get_direction_display()}", "violet")

    @admin.display(description=_("message"))
    def title(self, obj):
        return frame_title(obj.protocol, obj.name)

    @admin.display(description=_("error"))
    def finding(self, obj):
        return chip(obj.error, "red") if obj.error else "–"

    @admin.display(description=_("raw"))
    def raw_start(self, obj):
        return format_html(
            '<code class="ev-raw">{}</code>', obj.raw[:64] + ("…" if len(obj.raw) > 64 else "")
        )

    @admin.display(description=_("raw"))
    def raw_text(self, obj):
        return format_html('<pre class="ev-raw">{}</pre>', obj.raw)

    @admin.display(description=_("decoded"))
    def decoded_text(self, obj):
        return format_html("<pre>{}</pre>", pretty_json(obj.decoded))
