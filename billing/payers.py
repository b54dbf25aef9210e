"""Who pays for an order, as the ledger names them: a driver's wallet, an enterprise's or a card's account."""

from dataclasses import dataclass

from billing.models import Account, ChargingOrder
from users.models import Card, Driver, Enterprise


@dataclass(frozen=True, slots=True)
class Payer:
    """The owner of an account that pays for charging; `column` and `id` find their accounts.

    `operator_id` is the tenant of an enterprise or a card, None for a driver.
    """

    kind: str
    column: str
    id: int
    operator_id: int | None = None

    @property
    def owner(self) -> dict[str, int]:
        return {self.column: self.id}


def of_driver(driver: Driver) -> Payer:
    return Payer(Account.Kind.WALLET, "driver_id", driver.pk)


def of_enterprise(enterprise: Enterprise) -> Payer:
    return Payer(Account.Kind.ENTERPRISE, "enterprise_id", enterprise.pk, enterprise.operator_id)


def of_card(card: Card) -> Payer:
    return Payer(Account.Kind.CARD, "card_id", card.pk, card.operator_id)


def of(owner: Driver | Enterprise | Card) -> Payer:
    """The payer that an owner of money is."""
    if isinstance(owner, Enterprise):
        return of_enterprise(owner)
    return of_card(owner) if isinstance(owner, Card) else of_driver(owner)


def owner_of(order: ChargingOrder) -> Driver | Enterprise | Card | None:
    """Whose money an order is paid with; None when nobody pays."""
    return {
        ChargingOrder.PayerKind.ENTERPRISE: order.enterprise,
        ChargingOrder.PayerKind.CARD: order.card,
    }.get(order.payer_kind, order.driver)


def of_order(order: ChargingOrder) -> Payer | None:
    """Who pays for an order; None when nobody does (a driver's order without a driver)."""
    match order.payer_kind:
        case ChargingOrder.PayerKind.ENTERPRISE:
            # An enterprise pays at stations of its own operator only.
            return Payer(Account.Kind.ENTERPRISE, "enterprise_id", order.enterprise_id, order.operator_id)
        case ChargingOrder.PayerKind.CARD:
            return Payer(Account.Kind.CARD, "card_id", order.card_id, order.operator_id)
    if order.driver_id is None:
        return None
    return Payer(Account.Kind.WALLET, "driver_id", order.driver_id)
