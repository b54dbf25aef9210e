"""Recharge bonuses: given with a recharge, spent after the driver's own money, never paid out.

The bonus lies on an account of its own. Paying a recharge back takes its bonus back in proportion, as far as it is
still there; an order that is paid back returns the driver's own money first and what the bonus paid to the bonus. An
account that ends gives what is left of it back to the platform, which gave it.
"""

from collections.abc import Collection

from django.db.models import Sum

from billing import payers
from billing.locks import lock_accounts
from billing.models import (
    Account,
    ChargingOrder,
    Entry,
    Journal,
    PaidStart,
    Payment,
    RechargeBonus,
    RefundPart,
)
from billing.models.payment import SCORE_WAY
from billing.services import ledger
from billing.services.payments import on_booked
from kernel import clock
from kernel.actor import Actor, system
from kernel.services import audit
from marketing.services import recharge_offers
from users.models import Driver

JOB = system("recharge bonus")


def bonus_of(driver: Driver) -> Account:
    """The driver's bonus account, opened at first use."""
    return ledger.account_of(Account.Kind.BONUS, driver=driver)


def give(payment: Payment) -> RechargeBonus | None:
    """Give the best bonus that a booked recharge has a right to, once, in the transaction that books it.

    What was paid for one charge (pay and start, pay score) gets none, and nobody whose account has ended: money that
    comes late is theirs, a bonus would be nobody's.
    """
    if payment.way == SCORE_WAY or _has_left(payment.driver):
        return None
    if PaidStart.objects.unscoped("the payment's own").filter(payment=payment).exists():
        return None
    mine = RechargeBonus.objects.unscoped("the driver's own").filter(driver_id=payment.driver_id)
    if mine.filter(payment=payment).exists():
        return None
    times: dict[int, int] = {}
    for offer_id in mine.values_list("offer_id", flat=True):
        times[offer_id] = times.get(offer_id, 0) + 1
    others = (
        Payment.objects.unscoped("the driver's own")
        .filter(driver_id=payment.driver_id, state=Payment.State.SUCCEEDED, paid_start=None)
        .exclude(way=SCORE_WAY)
    )
    offer = recharge_offers.take_offer(
        amount_fen=payment.paid_fen,
        at=clock.now(),
        is_first=not others.exclude(pk=payment.pk).exists(),
        times=times,
    )
    if offer is None:
        return None
    given = RechargeBonus.objects.create(
        payment=payment,
        offer=offer,
        driver_id=payment.driver_id,
        nth=times.get(offer.pk, 0) + 1,
        bonus_fen=offer.bonus_fen,
        given_at=clock.now(),
    )
    ledger.post(
        key=f"bonus:{payment.out_trade_no}",
        kind=Journal.Kind.BONUS,
        lines=[
            (ledger.account_of(Account.Kind.PLATFORM_BONUS), -offer.bonus_fen),
            (bonus_of(payment.driver), offer.bonus_fen),
        ],
        actor=JOB,
        memo=offer.name,
    )
    return given


def take_back(part: RefundPart, actor: Actor) -> int:
    """Take a recharge's bonus back in proportion to what is paid back of it; the fen that were still there.

    Under the locks of its refund, its payment and the driver's wallet.
    """
    given = _given(part)
    if given is None:
        return 0
    paid = part.payment.paid_fen
    due = -(-given.bonus_fen * part.amount_fen // paid)
    bonus = bonus_of(part.payment.driver)
    platform = ledger.account_of(Account.Kind.PLATFORM_BONUS)
    free = lock_accounts([bonus.pk, platform.pk])[bonus.pk].available_fen
    fen = max(min(due, given.bonus_fen - given.taken_back_fen, free), 0)
    if not fen:
        return 0
    _move(part, given, fen, f"refund:{part.out_refund_no}:bonus", actor)
    part.bonus_fen = fen
    part.save(update_fields=["bonus_fen"])
    return fen


def restore(part: RefundPart, actor: Actor) -> None:
    """A refund did not happen: what `take_back` took is the driver's again."""
    given = _given(part)
    if given is not None and part.bonus_fen:
        _move(part, given, -part.bonus_fen, f"refund:{part.out_refund_no}:bonus-returned", actor)


def give_back_rest(*, driver: Driver, key: str, actor: Actor, reason: str) -> int:
    """Give what is left of a driver's bonus back to its giver, once per `key`; returns the fen.

    Under the lock of the driver's wallet. Of the recharges it came with the newest ones lose it first.
    """
    bonus = ledger.bonus_account(payers.of_driver(driver))
    if bonus is None:
        return 0
    platform = ledger.account_of(Account.Kind.PLATFORM_BONUS)
    fen = left = lock_accounts([bonus.pk, platform.pk])[bonus.pk].available_fen
    if fen <= 0:
        return 0
    for given in RechargeBonus.objects.unscoped("the driver's own").filter(driver=driver).order_by("-pk"):
        part = min(left, given.bonus_fen - given.taken_back_fen)
        if part > 0:
            given.taken_back_fen += part
            given.save(update_fields=["taken_back_fen"])
            left -= part
    ledger.post(
        key=key,
        kind=Journal.Kind.BONUS_TAKEN_BACK,
        lines=[(bonus, -fen), (platform, fen)],
        actor=actor,
        memo=reason,
    )
    audit.record(
        actor=actor,
        action="billing.give_back_bonus",
        target=driver,
        reason=reason,
        before={"bonus_fen": fen},
        after={"bonus_fen": 0},
    )
    return fen


def give_back_of_left(*, driver: Driver | None, key: str, actor: Actor, reason: str) -> int:
    """`give_back_rest` of a driver whose account has ended, for a bonus that comes back to it later; else nothing."""
    if driver is None or not _has_left(driver):
        return 0
    return give_back_rest(driver=driver, key=key, actor=actor, reason=reason)


def split_return(order: ChargingOrder, amount_fen: int) -> tuple[int, int]:
    """How an amount paid back on an order parts into (the driver's own money, bonus): own money first."""
    lines = Entry.objects.unscoped("the order's own ledger").filter(journal__order=order)
    paid = {Account.Kind.WALLET: 0, Account.Kind.ARREARS: 0, Account.Kind.BONUS: 0}
    for kind, fen in lines.filter(account__kind__in=paid).values_list("account__kind", "amount_fen"):
        paid[kind] -= fen
    bonus = max(paid[Account.Kind.BONUS], 0)
    own = paid[Account.Kind.WALLET] + paid[Account.Kind.ARREARS]
    to_bonus = min(bonus, max(amount_fen - max(own, 0), 0))
    return amount_fen - to_bonus, to_bonus


def bonus_paid_of(order_ids: Collection[int]) -> dict[int, int]:
    """{order id: fen} of what bonuses paid of some orders: no money ever came in for it. Orders without are left out."""
    lines = Entry.objects.unscoped("the orders' own ledger").filter(
        journal__order__in=order_ids, account__kind=Account.Kind.BONUS
    )
    rows = lines.values_list("journal__order_id").annotate(total=Sum("amount_fen")).order_by()
    return {order_id: -total for order_id, total in rows}


def _has_left(driver: Driver) -> bool:
    """Whether the account has ended by now, whatever was read of it before a lock."""
    rows = Driver.objects.unscoped("the bonus's own driver").filter(pk=driver.pk)
    return rows.filter(cancelled_at__isnull=False).exists()


def _given(part: RefundPart) -> RechargeBonus | None:
    rows = RechargeBonus.objects.unscoped("the payment's own").filter(payment_id=part.payment_id)
    return rows.first()


def _move(part: RefundPart, given: RechargeBonus, fen: int, key: str, actor: Actor) -> None:
    given.taken_back_fen += fen
    given.save(update_fields=["taken_back_fen"])
    ledger.post(
        key=key,
        kind=Journal.Kind.BONUS_TAKEN_BACK,
        lines=[
            (bonus_of(part.payment.driver), -fen),
            (ledger.account_of(Account.Kind.PLATFORM_BONUS), fen),
        ],
        actor=actor,
        memo=part.out_refund_no,
    )


def register() -> None:
    on_booked(lambda payment: give(payment) and None)
