"""Who an order's invoice is for, and over how much: what their own money paid, and nothing else."""

from collections.abc import Sequence

from django.db.models import Q

from billing.models import ChargingOrder
from billing.pricing import allocate
from billing.services import bonuses
from billing.services.clearing.order_refunds import income_left_of
from billing.services.invoices.terms import DEFAULT_LINES
from users.models import Driver, Enterprise

P = ChargingOrder.PayerKind
# The account of a card belongs to who holds the card: its enterprise, else its driver.
PAID_BY_DRIVER = Q(payer_kind=P.WALLET) | Q(payer_kind=P.CARD, enterprise=None)
PAID_BY_ENTERPRISE = Q(payer_kind__in=[P.ENTERPRISE, P.CARD])


def payer_of(order: ChargingOrder) -> tuple[int | None, int | None]:
    """(driver id, enterprise id) of who may have the invoice of an order: one of them, or nobody."""
    by_enterprise = order.payer_kind in (P.ENTERPRISE, P.CARD) and order.enterprise_id is not None
    return (None, order.enterprise_id) if by_enterprise else (order.driver_id, None)


def is_for(order: ChargingOrder, owner: Driver | Enterprise) -> bool:
    """Whether this is who an order's invoice is for."""
    driver_id, enterprise_id = payer_of(order)
    return owner.pk == (enterprise_id if isinstance(owner, Enterprise) else driver_id)


def paid_by_kind(order: ChargingOrder) -> dict[str, int]:
    """What was paid for an order by kind of fee, in fen; what a bonus paid and kinds that cost nothing are left out."""
    return paid_by_kinds([order])[order.pk]


def paid_by_kinds(orders: Sequence[ChargingOrder]) -> dict[int, dict[str, int]]:
    """`paid_by_kind` of many orders by their ids, in two looks at the ledger."""
    by_bonus = bonuses.bonus_paid_of([order.pk for order in orders])
    return {
        order_id: _own(left, by_bonus.get(order_id, 0)) for order_id, left in income_left_of(orders).items()
    }


def _own(left: dict[str, int], bonus_fen: int) -> dict[str, int]:
    paid = {kind: fen for kind, fen in left.items() if fen > 0 and kind in DEFAULT_LINES}
    bonus = min(bonus_fen, sum(paid.values()))
    if bonus <= 0:
        return paid
    taken = allocate(bonus, list(paid.values()))
    return {kind: fen - part for (kind, fen), part in zip(paid.items(), taken, strict=True) if fen > part}
