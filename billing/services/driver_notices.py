"""Telling drivers of their money: a charge that has ended, a wallet that is low.

A sweep over what was settled lately, so that nothing of it burdens a settlement and nothing is lost with a process.
"""

from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q
from django.utils import timezone

from billing.models import Account, ChargingOrder
from kernel import clock
from users.services.notices import News, Topic, tell

LOOK_BACK = timedelta(hours=2)  # older news are none
LATE = timedelta(minutes=1)  # a settlement is seen when its transaction ends, a moment after its time
PAGE = 500
_PLACE = "billing.driver_notices.up_to"


def tell_settled() -> int:
    """Tell of the charges that were settled since the last time; how many news there were.

    The place is kept in the cache: without it two hours are looked through again, and nothing is told twice.
    """
    now = clock.now()
    since = max(cache.get(_PLACE, now - LOOK_BACK) - LATE, now - LOOK_BACK)
    rows = ChargingOrder.objects.unscoped("the sweep of every driver").filter(
        settled_at__gte=since, settled_at__lte=now, driver__isnull=False
    )
    rows = rows.select_related("station").only(*_READ).order_by("settled_at", "pk")
    told, after = 0, (since, 0)
    while True:
        page = list(rows.filter(Q(settled_at__gt=after[0]) | Q(settled_at=after[0], pk__gt=after[1]))[:PAGE])
        told += tell([*(_ended(order) for order in page), *_low(page)])
        if len(page) < PAGE:
            break
        after = (page[-1].settled_at, page[-1].pk)
    cache.set(_PLACE, now, int(LOOK_BACK.total_seconds()))
    return told


def _ended(order: ChargingOrder) -> News:
    params = {
        "station": order.station.name,
        "energy_kwh": f"{order.energy_kwh:.2f}",
        "total_fen": order.payable_fen,
    }
    return News(order.driver_id, Topic.ORDER_ENDED, order.order_no, params)


_READ = (
    "order_no", "driver_id", "payer_kind", "energy_kwh", "total_fen", "covered_fen", "settled_at", "station__name",
)  # fmt: skip


def _low(orders: list[ChargingOrder]) -> list[News]:
    """Wallets that are low after these orders; each is told of once a day."""
    payers = {order.driver_id for order in orders if order.payer_kind == ChargingOrder.PayerKind.WALLET}
    accounts = Account.objects.unscoped("the payers of these orders").filter(
        driver__in=payers, kind__in=(Account.Kind.WALLET, Account.Kind.BONUS)
    )
    left: dict[int, int] = {}
    for driver_id, balance in accounts.values_list("driver_id", "balance_fen"):
        left[driver_id] = left.get(driver_id, 0) + balance
    day = timezone.localdate(clock.now()).isoformat()
    return [
        News(driver_id, Topic.BALANCE_LOW, day, {"balance_fen": balance})
        for driver_id, balance in left.items()
        if balance < settings.BALANCE_LOW_FEN
    ]
