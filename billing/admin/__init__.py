from billing.admin import (  # noqa: F401
    account,
    driver,
    entry,
    order,
    payment,
    pile,
    refund,
    review,
    station,
    tariff,
    unknown,
    version,
)
