from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AdminConfig):
    """Django Admin with the console's own site."""

    default_site = "ev_platform.console.ConsoleSite"


class PlatformConfig(AppConfig):
    name = "ev_platform"
    label = "platform"
    verbose_name = _("Platform")

    def ready(self) -> None:
        from ev_platform.gauges import ground_gauges, money_gauges
        from kernel.metrics import register_gauges

        register_gauges(ground_gauges)
        register_gauges(money_gauges)
