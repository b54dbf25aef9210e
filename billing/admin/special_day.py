"""Public holidays and the weekend days worked for them: one list for every operator."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.models import SpecialDay
from billing.services import calendars
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip


@admin.register(SpecialDay)
class SpecialDayAdmin(ScopedModelAdmin):
    shared_reason = "public holidays are the same for everybody"
    list_display = ("date", "weekday", "status", "name")
    ordering = ("-date",)
    fields = ("date", "kind", "name")

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
