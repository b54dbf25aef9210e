"""Which invoice provider is on: from the settings, or the sandbox's."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings

from billing.invoicing.gateway import InvoiceGateway
from billing.invoicing.provider import InvoiceProvider
from billing.payments.merchants import SANDBOX_FILE, SANDBOX_FOLDER, ChannelOff


def provider() -> InvoiceProvider:
    """The provider that is on; raises `ChannelOff`."""
    values = settings.INVOICE_PROVIDER or _from_sandbox()
    if not values:
        raise ChannelOff("invoice")
    return InvoiceGateway(**values)


def _from_sandbox() -> dict[str, Any] | None:
    if not settings.PAYMENT_SANDBOX_URL:
        return None
    path = Path(settings.EV_DATA_DIR) / SANDBOX_FOLDER / SANDBOX_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))["invoice"]
    except (OSError, ValueError, KeyError):
        return None  # the sandbox has not been started yet
    return {**values, "url": f"{settings.PAYMENT_SANDBOX_URL}/invoice/v1"}
