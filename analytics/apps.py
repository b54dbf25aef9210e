from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnalyticsConfig(AppConfig):
    name = "analytics"
    verbose_name = _("Overview")

    def ready(self) -> None:
        from analytics import (
            errors,  # noqa: F401
            pivot,
            reports,
            station_day,
        )

        reports.register()
        pivot.register()
        station_day.register()
