"""Roles: groups of permissions. Only staff of the whole platform change them."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users.console.admin import ScopedModelAdmin, replace


@replace(Group)
class RoleAdmin(ScopedModelAdmin):
    """Read here; templates come from `ensure_roles`, so that a role means the same everywhere."""

    shared_reason = "role templates are the same for every operator and hold no tenant's data"
    list_display = ("role", "permission_count")
    ordering = ("name",)
    fields = ("role", "permission_list")
    readonly_fields = fields

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    @admin.display(description=_("role"))
    def role(self, obj):
        return gettext(obj.name)

    @admin.display(description=_("permissions"))
    def permission_count(self, obj):
        return obj.permissions.count()

    @admin.display(description=_("permissions"))
    def permission_list(self, obj):
        rows = obj.permissions.select_related("content_type").order_by("content_type__app_label", "codename")
        return "\n".join(f"{row.content_type.app_label}.{row.codename}" for row in rows)
