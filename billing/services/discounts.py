"""Who may have which discount: decided when an order starts, reserved where a budget is limited, booked at its end."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext

from billing.locks import lock_discounts
from billing.models import ChargingOrder, Discount, DiscountUse
from billing.pricing import Bill, DiscountRule, PricingError
from billing.services import order_coupons, tariffs
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile
from users import policy
from users.models import Driver, Operator
from users.scope import grants_of


def code_of(discount: Discount) -> str:
    """The name under which an order freezes the rule."""
    return f"discount-{discount.pk}"


def rule_of(discount: Discount) -> DiscountRule:
    """The rule as the pricing engine applies it."""
    return DiscountRule(
        code=code_of(discount),
        name=discount.name,
        off_bp=discount.off_bp,
        off_fen=discount.off_fen,
        fees=tuple(discount.fees),
        window=None if discount.from_slot is None else (discount.from_slot, discount.to_slot),
        bearer=discount.bearer,
        cap_fen=discount.cap_fen,
        stack=discount.stack,
    )


def discounts_for(
    *, pile: Pile, driver: Driver | None, groups: Sequence[str], at: datetime
) -> list[Discount]:
    """The discounts that a driver would have at a pile, oldest first; budgets that are used up are left out."""
    rows = Discount.objects.unscoped("what holds at a pile").filter(
        Q(operator=None) | Q(operator_id=pile.operator_id),
        Q(station=None) | Q(station_id=pile.station_id),
        Q(pile=None) | Q(pile_id=pile.pk),
        Q(driver=None) | Q(driver=driver) if driver is not None else Q(driver=None),
        Q(valid_to=None) | Q(valid_to__gt=at),
        is_active=True,
        valid_from__lte=at,
        group__in=["", *groups],
    )
    found = [
        discount
        for discount in rows.order_by("pk")
        if discount.first_orders is None or _orders_before(discount, driver) < discount.first_orders
    ]
    return [discount for discount in found if _affords(discount)]


def freeze(order: ChargingOrder, discounts: Iterable[Discount]) -> list[Discount]:
    """Keep discounts for a new order and reserve their budgets; those that can no longer afford it are left out.

    Call it in the transaction that creates the order, before its snapshot is written.
    """
    discounts = list(discounts)
    if not discounts:
        return []
    limited = lock_discounts([one.pk for one in discounts if one.budget_fen is not None])
    kept = []
    for discount in discounts:
        reserved = 0
        if discount.budget_fen is not None:
            current = limited[discount.pk]
            if not _affords(current):
                continue
            reserved = current.cap_fen
            Discount.objects.unscoped("the discount of an order").filter(pk=discount.pk).update(
                reserved_fen=F("reserved_fen") + reserved
            )
        DiscountUse.objects.create(discount=discount, order=order, reserved_fen=reserved)
        kept.append(discount)
    return kept


def book_all(billed: Iterable[tuple[ChargingOrder, Bill]]) -> None:
    """Note what the frozen discounts of orders took off, and give back what budgets had reserved beyond that."""
    reduced = [(order, bill) for order, bill in billed if order.tariff_snapshot.get("discounts")]
    if len(reduced) > 1:  # all of them at once, so that two bursts cannot wait for each other
        uses = DiscountUse.objects.filter(order__in=[order for order, _bill in reduced], reserved_fen__gt=0)
        lock_discounts(uses.values_list("discount_id", flat=True))
    for order, bill in reduced:
        taken = {line.code: line.fen for line in bill.discounts}
        _finish(order, taken)
        order_coupons.book(order, taken)


def give_back(order: ChargingOrder) -> None:
    """Release the budgets, and the coupon, of an order that ended without a bill."""
    _finish(order, {})
    order_coupons.give_back(order)


def save_discount(
    *, actor: Actor, operator: Operator | None, discount_id: int | None = None, **fields: Any
) -> Discount:
    """Create a discount, or change one; orders that froze it keep what they froze.

    `fields` are the columns of `Discount`. Needs `billing.change_discount`; a platform-wide one (no operator) needs
    scope on the whole platform. Raises `discount_invalid` naming what is wrong, `not_found`, `permission_denied`.
    """
    policy.require(actor, "billing.change_discount")
    if operator is None and not grants_of(actor).everything:
        raise DomainError("permission_denied", {"permission": "billing.change_discount"})
    before = None
    if discount_id is None:
        discount = Discount(operator=operator, bearer=fields.pop("bearer", Discount.Bearer.OPERATOR))
    else:
        found = Discount.objects.for_actor(actor).filter(pk=discount_id).first()
        if found is None:
            raise DomainError("not_found")
        discount = found
        before = {name: str(getattr(discount, name)) for name in fields}
    for name, value in fields.items():
        setattr(discount, name, value)
    if operator is None:
        discount.bearer = Discount.Bearer.PLATFORM
    _check(discount, actor)
    with transaction.atomic():
        try:
            with transaction.atomic():
                discount.save()
        except IntegrityError:
            reason = gettext("the budget is below what is used and reserved, or a limit contradicts another")
            raise DomainError("discount_invalid", {"reason": reason}) from None
        audit.record(
            actor=actor,
            action="billing.save_discount",
            target=discount,
            before=before,
            after={name: str(value) for name, value in fields.items()},
        )
    return discount


def _check(discount: Discount, actor: Actor) -> None:
    def refuse(reason: str, field: str) -> None:
        raise DomainError("discount_invalid", {"reason": reason}, field=field)

    if not discount.name.strip():
        refuse(gettext("it needs a name"), "name")
    if (discount.from_slot is None) != (discount.to_slot is None):
        refuse(gettext("give both ends of the time of day, or none"), "from_slot")
    if discount.valid_to is not None and discount.valid_to <= discount.valid_from:
        refuse(gettext("it ends before it begins"), "valid_to")
    if discount.budget_fen is not None and not discount.cap_fen:
        refuse(gettext("a budget needs a limit per order"), "cap_fen")
    if discount.bearer == Discount.Bearer.PLATFORM and not grants_of(actor).everything:
        refuse(gettext("only the platform decides what the platform bears"), "bearer")
    for field in ("station", "pile"):
        place = getattr(discount, field)
        if discount.operator_id is not None and place and place.operator_id != discount.operator_id:
            raise DomainError("not_found", field=field)
    try:
        rule_of(discount)
    except PricingError as error:
        raise tariffs.invalid(error, "discount_invalid") from None


def _finish(order: ChargingOrder, taken: dict[str, int]) -> None:
    if not order.tariff_snapshot.get("discounts"):
        return
    uses = list(DiscountUse.objects.filter(order=order, used_fen=None).select_related("discount"))
    lock_discounts([use.discount_id for use in uses if use.reserved_fen])
    for use in uses:
        use.used_fen = taken.get(code_of(use.discount), 0)
        use.save(update_fields=["used_fen"])
        if use.reserved_fen:
            Discount.objects.unscoped("the discount of an order").filter(pk=use.discount_id).update(
                reserved_fen=F("reserved_fen") - use.reserved_fen, used_fen=F("used_fen") + use.used_fen
            )


def _affords(discount: Discount) -> bool:
    if discount.budget_fen is None:
        return True
    return discount.used_fen + discount.reserved_fen + (discount.cap_fen or 0) <= discount.budget_fen


def _orders_before(discount: Discount, driver: Driver | None) -> int:
    """How many charges the driver has had, with the operator whose discount it is or anywhere."""
    if driver is None:
        return 0
    orders = ChargingOrder.objects.unscoped("how new a driver is").filter(driver=driver)
    if discount.operator_id is not None:
        orders = orders.filter(operator_id=discount.operator_id)
    return orders.exclude(state=ChargingOrder.State.CLOSED).count()
