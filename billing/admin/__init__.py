from billing.admin import account, driver, entry, order, payment, pile, refund, review, tariff, version  # noqa: F401
