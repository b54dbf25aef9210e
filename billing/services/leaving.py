"""What the money has against somebody leaving: asked by the floor of people before it lets them go."""

from django.db.models import Exists, OuterRef, Q

from billing import payers
from billing.locks import lock_accounts
from billing.models import Account, ChargingOrder
from billing.models.order import OPEN_STATES
from billing.services import bonuses, ledger
from billing.services.paying import UNSETTLED_STATES, unsettled_of_card
from kernel.actor import Actor
from kernel.errors import DomainError
from users.models import Card, Driver, Vehicle
from users.selectors import register_driver_relation
from users.services import guards

_DRIVERS_MONEY = (Account.Kind.WALLET, Account.Kind.REFUNDS_IN_TRANSIT)


def may_cancel_driver(driver: Driver) -> None:
    """No session under way, nothing owed, no money left; the accounts stay locked until the account is closed.

    What is left of a bonus is no money of the driver's: `give_back_bonus` returns it with the step.

    Raises `driver_unsettled`, `driver_in_arrears`, `driver_has_money`.
    """
    ledger.wallet_of(driver)  # opened, so that whatever books money for the driver meets the lock
    cards = [payers.of_card(card) for card in Card.objects.unscoped("the driver's own").filter(driver=driver)]
    accounts = _locked([payers.of_driver(driver), *cards])
    orders = ChargingOrder.objects.unscoped("one driver's own").filter(
        driver=driver, state__in=UNSETTLED_STATES
    )
    if (order_no := orders.values_list("order_no", flat=True).first()) is not None:
        raise DomainError("driver_unsettled", {"order_no": order_no})
    owed = -sum(row.balance_fen for row in accounts if row.kind == Account.Kind.ARREARS)
    if owed:
        raise DomainError("driver_in_arrears", {"yuan": f"{owed / 100:.2f}"})
    money = sum(row.balance_fen for row in accounts if row.kind in (*_DRIVERS_MONEY, Account.Kind.CARD))
    if money:
        raise DomainError("driver_has_money", {"yuan": f"{money / 100:.2f}"})


def give_back_bonus(driver: Driver, actor: Actor, reason: str) -> None:
    """What is left of a bonus goes back to its giver with the account that ends."""
    bonuses.give_back_rest(driver=driver, key=f"cancel:{driver.pk}:bonus", actor=actor, reason=reason)


def may_unbind_card(card: Card) -> None:
    """No session of the card runs. Raises `card_busy`."""
    orders = ChargingOrder.objects.unscoped("one card's own").filter(card=card, state__in=OPEN_STATES)
    if (order_no := orders.values_list("order_no", flat=True).first()) is not None:
        raise DomainError("card_busy", {"number": card.logical_no, "order_no": order_no})


def may_return_card(card: Card) -> None:
    """Nothing unsettled, nothing owed, no money left on it. Raises `card_busy`, `card_in_arrears`, `card_has_money`."""
    accounts = _locked([payers.of_card(card)])
    if (order_no := unsettled_of_card(card)) is not None:
        raise DomainError("card_busy", {"number": card.logical_no, "order_no": order_no})
    owed = -sum(row.balance_fen for row in accounts if row.kind == Account.Kind.ARREARS)
    if owed:
        raise DomainError("card_in_arrears", {"yuan": f"{owed / 100:.2f}"})
    money = sum(row.balance_fen for row in accounts)
    if money:
        raise DomainError("card_has_money", {"yuan": f"{money / 100:.2f}"})


def may_remove_vehicle(vehicle: Vehicle) -> None:
    """No session of the vehicle runs. Raises `vehicle_busy`."""
    if not vehicle.vin:
        return
    orders = ChargingOrder.objects.unscoped("one vehicle's own").filter(
        vin=vehicle.vin, state__in=OPEN_STATES
    )
    if (order_no := orders.values_list("order_no", flat=True).first()) is not None:
        raise DomainError("vehicle_busy", {"order_no": order_no})


def _locked(owners: list[payers.Payer]) -> list[Account]:
    accounts = Account.objects.unscoped("of the one who leaves")
    ids = [pk for owner in owners for pk in accounts.filter(**owner.owner).values_list("pk", flat=True)]
    return list(lock_accounts(ids).values())


def drivers_who_charged(actor: Actor) -> Q:
    """Drivers with an order that the actor sees: an operator knows who charged at its stations."""
    # One probe of an index per driver that is looked at; the orders as a whole are never gathered.
    return Q(Exists(ChargingOrder.objects.for_actor(actor).filter(driver=OuterRef("pk"))))


def register() -> None:
    register_driver_relation(drivers_who_charged)
    guards.register_guard(guards.CANCEL_DRIVER, may_cancel_driver)
    guards.register_with_step(guards.CANCEL_DRIVER, give_back_bonus)
    guards.register_guard(guards.UNBIND_CARD, may_unbind_card)
    guards.register_guard(guards.RETURN_CARD, may_return_card)
    guards.register_guard(guards.REMOVE_VEHICLE, may_remove_vehicle)
