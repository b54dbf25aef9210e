"""The frame log: raw frames with their decoding."""

import json

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from devices.admin.places import ProtocolColumn, date_window
from devices.models import FrameLog
from devices.protocols.offline import decoding_of
from devices.services import frames
from devices.words import frame_title
from kernel.errors import DomainError
from kernel.exports import Kind
from kernel.services import audit
from stations.admin.pile import pile_by_code
from stations.selectors import pile_get
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip
from users.console.filters import QuickFilter, choice_filter
from users.exports import ExportColumn, choice_words
from users.templatetags.console import pretty_json


def compact_json(value) -> str:
    """A decoding in one line."""
    return json.dumps(value, ensure_ascii=False)


class Unreadable(QuickFilter):
    """Frames that were kept although they could not be read."""

    title = _("Frames")
    parameter_name = "unreadable"

    def lookups(self, request, model_admin):
        return (("1", _("Not readable")),)

    def queryset(self, request, queryset):
        return queryset.exclude(error="") if self.value() == "1" else queryset


@admin.register(FrameLog)
class FrameLogAdmin(ProtocolColumn, FactAdmin):
    big_table = True
    search_kinds = {"pile_code": "exact"}
    search_help_text = _("A whole pile code, or a YKC transaction number")
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
        Unreadable,
    )
    export_columns = (
        ExportColumn("at", _("at"), "at", Kind.MOMENT),
        ExportColumn("pile_code", _("pile code"), "pile_code"),
        ExportColumn("protocol", _("protocol"), "protocol"),
        ExportColumn(
            "direction", _("direction"), "direction", convert=choice_words(FrameLog.Direction.choices)
        ),
        ExportColumn("name", _("message"), "name"),
        ExportColumn("connector_no", _("connector"), "connector_no"),
        ExportColumn("transaction_ref", _("transaction no."), "transaction_ref"),
        ExportColumn("raw", _("raw"), "raw"),
        ExportColumn("decoded", _("decoded"), "decoded", convert=compact_json),
        ExportColumn("error", _("error"), "error"),
    )
    fields = (
        "at", "pile_code", "protocol_name", "arrow", "title", "connector_no", "transaction_ref", "finding",
        "decoded_text", "raw_text",
    )  # fmt: skip

    def search_condition(self, request, term):
        condition = pile_by_code(term) | Q(pile_id__isnull=True, pile_code=term)
        # A YKC transaction number begins with its pile's 14 digits, so that the index of the pile serves.
        if len(term) == 32 and term.isdigit():
            condition |= pile_by_code(term[:14]) & Q(transaction_ref=term)
        return condition

    def get_urls(self):
        view = self.admin_site.admin_view(self.download)
        return [path("download/", view, name="devices_framelog_download"), *super().get_urls()]

    def download(self, request: HttpRequest) -> HttpResponseBase:
        """GET ?pile=<code>&day=2026-11-26: every frame of that pile and day, a JSON object per line, streamed."""
        if not self.may_export(request):
            raise PermissionDenied
        actor = actor_of(request)
        try:
            pile = pile_get(actor=actor, code=request.GET.get("pile", ""))
            day = frames.day_of(request.GET.get("day", ""))
            rows = frames.frames_of(actor=actor, pile=pile, day=day)
        except DomainError as error:
            if error.field != "day":
                raise Http404 from None
            return HttpResponseBadRequest(error.message, content_type="text/plain; charset=utf-8")
        audit.record(
            actor=actor, action="devices.download_frames", target=pile, after={"day": day.isoformat()}
        )
        response = StreamingHttpResponse(frames.lines_of(rows), content_type="application/x-ndjson")
        name = f"frames-{pile.code}-{day.isoformat()}.jsonl"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

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
        said = decoding_of(
            protocol=obj.protocol, raw=obj.raw, direction=obj.direction, decoded=obj.decoded, error=obj.error
        )
        return format_html("<pre>{}</pre>", pretty_json(said))
