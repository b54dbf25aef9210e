"""The unpaid bill of a driver: what stands on the arrears, of which orders, and how it is paid off.

What is owed refuses the next start. A recharge pays it first; it can also be paid from the wallet, where money came in
another way, or by a payment of exactly what is owed.
"""

from dataclasses import dataclass

from django.db import transaction

from billing.locks import lock_accounts
from billing.models import Account, ChargingOrder, Journal, Payment
from billing.services import ledger, payments
from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.services import audit
from users.models import Driver


@dataclass(frozen=True, slots=True)
class Unpaid:
    """What is owed of one order; `order` is None for a line that belongs to none."""

    order: ChargingOrder | None
    fen: int


@dataclass(frozen=True, slots=True)
class OpenBill:
    """Everything a driver owes, newest first: payments cover the oldest first, so what is owed is what came last."""

    owed_fen: int
    wallet_fen: int
    lines: tuple[Unpaid, ...]


def open_bill(driver: Driver) -> OpenBill:
    """The driver's unpaid bill; `wallet_fen` is what the wallet could pay of it now."""
    owed = ledger.arrears_fen(driver)
    account = Account.objects.unscoped("a driver's own debt").filter(kind=Account.Kind.ARREARS, driver=driver)
    found: dict[int | None, Unpaid] = {}
    rest = owed
    if owed:
        entries = account.get().entries.filter(amount_fen__lt=0).select_related("journal__order")
        for entry in entries.order_by("-pk").iterator(chunk_size=50):
            order, fen = entry.journal.order, min(-entry.amount_fen, rest)
            key = order.pk if order is not None else None
            found[key] = Unpaid(order, fen + (found[key].fen if key in found else 0))
            rest -= fen
            if not rest:
                break
    available = max(ledger.wallet_of(driver).available_fen, 0)
    return OpenBill(owed, min(available, owed), tuple(found.values()))


def pay_from_wallet(*, actor: Actor, driver: Driver) -> int:
    """Pay what is owed from free money of the wallet, as far as it goes; returns the fen paid.

    Raises `bill_paid`, `insufficient_balance`, `permission_denied`.
    """
    _require_own(actor, driver)
    wallet, arrears = ledger.wallet_of(driver), ledger.arrears_account(driver)
    with transaction.atomic():
        locked = lock_accounts([wallet.pk, arrears.pk])
        owed, available = -locked[arrears.pk].balance_fen, locked[wallet.pk].available_fen
        if not owed:
            raise DomainError("bill_paid")
        fen = min(owed, available)
        if fen <= 0:
            raise ledger.insufficient(available, owed)
        ledger.post(
            key=f"bill:{driver.pk}:{clock.now().isoformat()}",
            kind=Journal.Kind.ARREARS_PAYMENT,
            lines=[(wallet, -fen), (arrears, fen)],
            actor=actor,
        )
        audit.record(
            actor=actor,
            action="billing.pay_bill",
            target=driver,
            before={"arrears_fen": owed},
            after={"arrears_fen": owed - fen, "amount_fen": fen},
        )
    return fen


def pay_by_channel(
    *,
    actor: Actor,
    driver: Driver,
    channel: str,
    way: str = "",
    openid: str = "",
    client_ip: str = "",
    idempotency_key: str = "",
) -> Payment:
    """Open a payment of exactly what is owed; once it is proven, the next start is free.

    Raises `bill_paid` and what `payments.create_payment` raises.
    """
    _require_own(actor, driver)
    found = payments.payment_of_key(driver, idempotency_key)
    owed = found.amount_fen if found is not None else ledger.arrears_fen(driver)
    if not owed:
        raise DomainError("bill_paid")
    return payments.create_payment(
        actor=actor,
        driver=driver,
        channel=channel,
        amount_fen=owed,
        way=way,
        openid=openid,
        client_ip=client_ip,
        idempotency_key=idempotency_key,
        least_fen=1,
    )


def _require_own(actor: Actor, driver: Driver) -> None:
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(driver.pk):
        raise DomainError("permission_denied", {"permission": "billing.add_payment"})
