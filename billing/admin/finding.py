"""What the nightly checks found in the books: the platform's own."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing.check_words import figure_lines, sentence
from billing.models import CheckFinding, CheckRun
from kernel.exports import Kind
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip
from users.console.filters import choice_filter
from users.exports import ExportColumn
from users.scope import grants_of

RUNS_SHOWN = 14
OPEN = (("1", _("Open")), ("0", _("Gone")))


@admin.register(CheckFinding)
class CheckFindingAdmin(FactAdmin):
    platform_only = True
    list_before_template = "billing/check_runs.html"
    list_display = ("first_seen_at", "status", "problem", "subject", "last_seen_at", "gone_at")
    list_filter = (choice_filter("gone_at__isnull", _("State"), OPEN, default="1"),)
    search_fields = ("=code", "subject")
    search_help_text = _("A code, or part of what it is about")
    fields = ("problem", "subject", "status", "figures", "first_seen_at", "last_seen_at", "gone_at")
    export_columns = (
        ExportColumn("code", _("code"), "code"),
        ExportColumn("subject", _("about"), "subject"),
        ExportColumn("first_seen", _("first seen"), "first_seen_at", Kind.MOMENT),
        ExportColumn("gone", _("gone at"), "gone_at", Kind.MOMENT),
    )

    def changelist_view(self, request, extra_context=None):
        seen = grants_of(actor_of(request)).everything
        runs = CheckRun.objects.order_by("-day")[:RUNS_SHOWN] if seen else ()
        return super().changelist_view(request, {"runs": runs, **(extra_context or {})})

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(_("Open"), "red") if obj.gone_at is None else chip(_("Gone"), "green")

    @admin.display(description=_("what does not fit"))
    def problem(self, obj):
        return format_html('{}<br><code class="ev-sub">{}</code>', sentence(obj.code), obj.code)

    @admin.display(description=_("figures"))
    def figures(self, obj):
        return format_html("<pre>{}</pre>", "\n".join(figure_lines(obj.data)))
