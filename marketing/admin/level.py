"""Member levels and their members in the console."""

from django.contrib import admin
from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from kernel.exports import Kind
from marketing.models import MemberLevel, Membership
from marketing.services import levels
from users.console.admin import FactAdmin, ScopedModelAdmin, actor_of
from users.console.display import chip
from users.console.filters import AutocompleteSelectFilter
from users.exports import ExportColumn


@admin.register(MemberLevel)
class MemberLevelAdmin(ScopedModelAdmin):
    list_display = ("tag", "operator", "asks", "rank", "members", "status")
    list_select_related = ("operator", "tag")
    search_fields = ("tag__name",)
    list_filter = (("operator", AutocompleteSelectFilter),)
    autocomplete_fields = ("operator", "tag")
    fields = ("operator", "tag", "measure", "least", "window_days", "is_active")

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(members_count=Count("memberships"))

    def get_readonly_fields(self, request, obj=None):
        return ("operator", "tag") if obj else ()

    @admin.display(description=_("asks for"))
    def asks(self, obj):
        return _("%(measure)s ≥ %(least)s in %(days)s days") % {
            "measure": obj.get_measure_display(),
            "least": obj.least,
            "days": obj.window_days,
        }

    @admin.display(description=_("rank"))
    def rank(self, obj):
        return obj.tag.rank

    @admin.display(description=_("members"))
    def members(self, obj):
        return obj.members_count

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(_("Valid now"), "green") if obj.is_active else chip(_("Off"), "grey")

    def save_through_service(self, request, obj, form, change):
        data = dict(form.cleaned_data)
        saved = levels.save_level(actor=actor_of(request), level_id=obj.pk if change else None, **data)
        if not change:
            self.adopt(obj, saved)


@admin.register(Membership)
class MembershipAdmin(FactAdmin):
    big_table = True
    search_kinds = {"driver__phone": "exact"}
    search_help_text = _("A whole phone number")
    list_display = ("driver", "level", "counted", "measure", "operator", "since", "looked_at")
    list_select_related = ("driver", "level__tag", "operator")
    list_filter = (("level", AutocompleteSelectFilter), ("operator", AutocompleteSelectFilter))
    fields = ("driver", "level", "counted", "measure", "operator", "since", "looked_at")
    export_columns = (
        ExportColumn("phone", _("phone"), "driver__phone", permission="users.view_personal_data"),
        ExportColumn("level", _("member level"), "level__tag__name"),
        ExportColumn("counted", _("counted"), "counted", Kind.INTEGER),
        ExportColumn("operator", _("operator"), "operator__name"),
        ExportColumn("since", _("member since"), "since", Kind.MOMENT),
    )

    @admin.display(description=_("counted by"))
    def measure(self, obj):
        return obj.level.get_measure_display()
