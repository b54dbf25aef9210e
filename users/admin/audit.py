"""The audit trail in the console: read only, inside the tenant."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from kernel.models import AuditEvent
from users.console.admin import FactAdmin
from users.console.filters import choice_filter, date_window
from users.scope import ScopePaths


@admin.register(AuditEvent)
class AuditEventAdmin(FactAdmin):
    scope_paths = ScopePaths(operator="tenant_id")
    big_table = True
    search_kinds = {"target_id": "exact", "actor_name": "exact", "action": "startswith"}
    search_help_text = _("Object id, name of the actor, or the beginning of an action")
    list_display = ("at", "actor_name", "action", "target", "reason", "ip")
    list_filter = (
        date_window("at", _("Time")),
        choice_filter(
            "actor_kind",
            _("By"),
            (
                ("staff", _("Staff")),
                ("account", _("Driver")),
                ("device", _("Device")),
                ("system", _("System")),
            ),
        ),
    )
    fields = (
        "at", "actor_kind", "actor_name", "action", "target", "reason", "before", "after", "ip", "request_id",
    )  # fmt: skip

    @admin.display(description=_("object"))
    def target(self, obj):
        return f"{obj.target_name or obj.target_id} ({obj.target_type})"
