from billing.admin import account, driver, entry, order, pile, review, tariff, version  # noqa: F401
