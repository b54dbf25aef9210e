from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = _("Orders and money")

    def ready(self) -> None:
        from billing import errors, handlers, ports  # noqa: F401
        from billing.services.clearing import order_refunds, rules  # noqa: F401  (they register their proposals)

        handlers.register()
        ports.register()
