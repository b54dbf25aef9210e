"""Public holidays and the weekend days worked for them: one list for every operator."""

from django.contrib import admin
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from billing.models import SpecialDay
from billing.services import calendars
from users.console.actions import ActionForm, operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip
from users.console.importing import import_view


@admin.register(SpecialDay)
class SpecialDayAdmin(ScopedModelAdmin):
    shared_reason = "public holidays are the same for everybody"
    list_display = ("date", "weekday", "status", "name")
    ordering = ("-date",)
    fields = ("date", "kind", "name")
    list_links = ((_("Import special days"), "billing_specialday_import", "billing.change_specialday"),)
    actions_detail = ("clear",)

    def get_urls(self):
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="billing_specialday_import"), *super().get_urls()]

    def import_view(self, request):
        return import_view(
            self,
            request,
            calendars.SpecialDayImporter(),
            permission="billing.change_specialday",
            back=reverse("admin:billing_specialday_changelist"),
        )

    @operator_action(
        title=_("Nothing special"),
        text=_("The date is an ordinary day again; orders that began before keep what they froze."),
        permission="billing.change_specialday",
        form=ActionForm,
        icon="event_busy",
    )
    def clear(self, request, obj, form):
        day = obj.date
        calendars.clear_special_day(actor=actor_of(request), day=day)
        return _("%(date)s is an ordinary day again.") % {"date": day.isoformat()}

    def get_readonly_fields(self, request, obj=None):
        return ("date",) if obj else ()

    @admin.display(description=_("weekday"))
    def weekday(self, obj):
        return calendars.WEEKDAYS[obj.date.isoweekday() - 1]

    @admin.display(description=_("kind"))
    def status(self, obj):
        return chip(obj.get_kind_display(), "red" if obj.kind == SpecialDay.Kind.HOLIDAY else "blue")

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        saved = calendars.set_special_day(
            actor=actor_of(request),
            day=obj.date if change else data["date"],
            kind=data["kind"],
            name=data["name"],
        )
        if not change:
            self.adopt(obj, saved)
