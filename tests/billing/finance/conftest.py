"""The sandbox of payments also pays out, bills a day and issues invoices."""

from tests.billing.payments.conftest import channels, sandbox, sandbox_keys

__all__ = ["channels", "sandbox", "sandbox_keys"]
