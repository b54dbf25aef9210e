"""Operators in the console."""

from django.contrib import admin

from users.console.admin import ScopedModelAdmin, actor_of
from users.models import Operator
from users.services import operators


@admin.register(Operator)
class OperatorAdmin(ScopedModelAdmin):
    list_display = ("code", "name", "contact", "contact_phone", "is_active", "created_at")
    list_display_links = ("code", "name")
    search_fields = ("code", "name")
    ordering = ("code",)
    sortable_by = ("code",)
    fields = ("code", "name", "contact", "contact_phone", "is_active")

    def get_readonly_fields(self, request, obj=None):
        return ("code",) if obj else ()

    def get_fields(self, request, obj=None):
        return self.fields if obj else self.fields[:-1]

    def save_through_service(self, request, obj, form, change):
        if change:
            operators.update_operator(
                actor=actor_of(request),
                operator=obj,
                changes={name: form.cleaned_data[name] for name in form.changed_data},
            )
        else:
            self.adopt(obj, operators.create_operator(actor=actor_of(request), **form.cleaned_data))
