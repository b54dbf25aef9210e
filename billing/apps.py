from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = _("Orders and money")

    def ready(self) -> None:
        from billing import errors, handlers, ports  # noqa: F401

        # These register what approved changes do, and what the outbox delivers.
        from billing.services import bonuses, reviews  # noqa: F401
        from billing.services.clearing import order_refunds, rules  # noqa: F401
        from billing.services.invoices import requests  # noqa: F401
        from billing.services.payouts import contracts, decisions, items, terms  # noqa: F401
        from billing.services.reconciliation import day_close  # noqa: F401

        bonuses.register()
        handlers.register()
        ports.register()
