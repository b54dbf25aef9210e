"""The gateway processes in the console: which of them live, and how many piles each holds."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from devices.models import GatewayNode
from devices.services.nodes import is_alive
from users.console.admin import FactAdmin
from users.console.display import chip


@admin.register(GatewayNode)
class GatewayNodeAdmin(FactAdmin):
    platform_only = True
    list_display = ("name", "status", "piles", "host", "pid", "started_at", "alive_at")
    search_fields = ("name",)
    ordering = ("name",)
    fields = list_display

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(_("Alive"), "green") if is_alive(obj) else chip(_("Silent"), "red")
