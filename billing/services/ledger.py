"""Money moves here and nowhere else: balanced journals, balances kept under lock, holds on what pays.

Every amount is integer fen. Balances and entries are written in one transaction; the database adds its own
guards (entries never change, a journal sums to zero, a payer's account covers its holds).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from billing import payers
from billing.locks import lock_accounts, lock_accounts_of
from billing.models import Account, ChargingOrder, Entry, Hold, Journal, Payee
from billing.payers import Payer
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.runtime.rows import append_rows
from kernel.services import audit
from users import policy
from users.models import Card, Driver, Enterprise, Operator
from users.services import edits

MAX_TOP_UP_FEN = 10_000_000
MAX_CREDIT_FEN = 1_000_000_000
Lines = list[tuple[Account, int]]


def account_of(
    kind: Account.Kind,
    *,
    driver: Driver | None = None,
    operator: Operator | None = None,
    payer: Payer | None = None,
) -> Account:
    """The one account of this kind and owner, opened at first use."""
    if payer is not None and payer.column != "driver_id":
        account, _created = Account.objects.get_or_create(
            kind=kind, **payer.owner, defaults={"operator_id": payer.operator_id}
        )
        return account
    owner = payer.owner if payer is not None else {"driver": driver}
    account, _created = Account.objects.get_or_create(
        kind=kind, operator=operator, payee=None, enterprise=None, card=None, **owner
    )
    return account


def payable_of(payee_id: int, kind: Account.Kind = Account.Kind.PAYABLE) -> Account:
    """The account of what a payee is owed (or of its payouts under way), opened at first use."""
    account = Account.objects.unscoped("a payee's own account").filter(kind=kind, payee_id=payee_id).first()
    if account is None:
        operator_id = Payee.objects.unscoped("a payee's own account").get(pk=payee_id).operator_id
        account, _created = Account.objects.get_or_create(
            kind=kind, payee_id=payee_id, defaults={"operator_id": operator_id}
        )
    return account


def wallet_of(driver: Driver) -> Account:
    """The driver's wallet."""
    return account_of(Account.Kind.WALLET, driver=driver)


def arrears_account(driver: Driver) -> Account:
    """Where the driver's debt stands."""
    return account_of(Account.Kind.ARREARS, driver=driver)


def paying_account(payer: Payer) -> Account:
    """The account a payer pays from."""
    return account_of(payer.kind, payer=payer)


def arrears_fen(driver: Driver) -> int:
    """What the driver owes beyond the wallet, as a positive number of fen."""
    return owed_fen(payers.of_driver(driver))


def owed_fen(payer: Payer) -> int:
    """What a payer owes beyond their account, as a positive number of fen."""
    rows = Account.objects.unscoped("one payer's own account").filter(
        kind=Account.Kind.ARREARS, **payer.owner
    )
    return -(rows.values_list("balance_fen", flat=True).first() or 0)


def post(
    *,
    key: str,
    kind: str,
    lines: Lines,
    actor: Actor,
    order: ChargingOrder | None = None,
    memo: str = "",
) -> Journal:
    """Post one balanced journal, once per `key`; a repeat with the same lines returns the first.

    Lines of 0 fen are dropped. Raises `idempotency_conflict` when the key was used for other lines or another
    kind, ValueError for lines that do not sum to zero or name an account twice, and IntegrityError (a database
    check) when a wallet would fall below its holds.
    """
    lines = [(account, amount) for account, amount in lines if amount]
    if sum(amount for _account, amount in lines) != 0 or not lines:
        raise ValueError("a journal needs lines that sum to zero")
    if len({account.pk for account, _amount in lines}) != len(lines):
        raise ValueError("a journal names each account once")
    with transaction.atomic():
        accounts = lock_accounts(account.pk for account, _amount in lines)
        return _post(key, kind, lines, accounts, actor, order, memo)


def _post(
    key: str,
    kind: str,
    lines: Lines,
    accounts: Mapping[int, Account],
    actor: Actor,
    order: ChargingOrder | None,
    memo: str,
) -> Journal:
    """The journal of checked lines on locked accounts; what the caller changed in their holds is saved with it."""
    try:
        with transaction.atomic():
            journal = new_journal(key, kind, actor, order=order, memo=memo)
            journal.save(force_insert=True)
    except IntegrityError:
        existing = Journal.objects.filter(idempotency_key=key).first()
        if existing is None:
            raise
        posted = dict(existing.entries.values_list("account_id", "amount_fen"))
        if existing.kind != kind or posted != {account.pk: amount for account, amount in lines}:
            raise DomainError("idempotency_conflict") from None
        for account in accounts.values():
            account.save(update_fields=["held_fen"])
        return existing
    entries = []
    for given, amount in lines:
        account = accounts[given.pk]
        account.balance_fen += amount
        account.save(update_fields=["balance_fen", "held_fen"])
        given.balance_fen = account.balance_fen
        entries.append(new_entry(journal, account, amount))
    append_rows(Entry, entries)
    return journal


def new_journal(key: str, kind: str, actor: Actor, *, order: ChargingOrder | None, memo: str = "") -> Journal:
    """A journal of this moment, unsaved."""
    return Journal(
        idempotency_key=key,
        kind=kind,
        order_id=None if order is None else order.pk,
        memo=memo[:255],
        actor_key=actor.key[:96],
        actor_name=actor.name[:128],
        at=clock.now(),
    )


@dataclass(slots=True)
class EntryRow:
    """A row of `Entry`, as `append_rows` takes it once its journal is stored."""

    journal: Journal
    account_id: int
    amount_fen: int
    balance_after_fen: int
    at: datetime
    driver_id: int | None
    operator_id: int | None
    enterprise_id: int | None

    @property
    def journal_id(self) -> int:
        return self.journal.pk


def new_entry(journal: Journal, account: Account, amount_fen: int) -> EntryRow:
    """A line of a journal on a locked account whose balance has it already, unsaved."""
    return EntryRow(
        journal=journal,
        account_id=account.pk,
        amount_fen=amount_fen,
        balance_after_fen=account.balance_fen,
        at=journal.at,
        driver_id=account.driver_id,
        operator_id=account.operator_id,
        enterprise_id=account.enterprise_id,
    )


def top_up(
    *,
    actor: Actor,
    driver: Driver | Enterprise | Card,
    amount_fen: int,
    reason: str,
    idempotency_key: str,
) -> Journal:
    """Put money on a payer's account by hand; what they owe is paid from it at once, as a second journal.

    `driver` is whose account it is: a driver, an enterprise or a card. Needs `billing.top_up` (a card:
    `billing.top_up_card`), the owner in scope and a reason. Raises `amount_invalid`, `reason_required`,
    `permission_denied`, `not_found`.
    """
    policy.require(actor, "billing.top_up_card" if isinstance(driver, Card) else "billing.top_up")
    edits.in_scope(actor, driver)
    check_amount(amount_fen)
    if not reason.strip():
        raise DomainError("reason_required", field="reason")
    payer = payers.of(driver)
    owner = f"{driver.pk}" if isinstance(driver, Driver) else f"{payer.kind}-{driver.pk}"
    return credit(
        key=f"topup:{owner}:{idempotency_key}"[:88],
        kind=Journal.Kind.TOPUP,
        source=account_of(Account.Kind.MANUAL_TOPUP),
        driver=driver,
        amount_fen=amount_fen,
        actor=actor,
        memo=reason,
        audited=("billing.top_up", reason),
    )


def check_amount(amount_fen: int, field: str = "amount_fen") -> None:
    """Raise `amount_invalid` unless this is an amount that a person may book at once."""
    if (
        isinstance(amount_fen, bool)
        or not isinstance(amount_fen, int)
        or not 1 <= amount_fen <= MAX_TOP_UP_FEN
    ):
        raise DomainError("amount_invalid", {"amount": amount_fen, "maximum": MAX_TOP_UP_FEN}, field=field)


def set_credit(*, actor: Actor, enterprise: Enterprise, credit_fen: int, reason: str) -> Account:
    """How far an enterprise's account may fall below zero.

    Needs `billing.set_credit` and a reason. Raises `credit_too_low` when more than that is used already.
    """
    policy.require(actor, "billing.set_credit")
    edits.in_scope(actor, enterprise)
    reason = edits.require_reason(reason)
    if (
        isinstance(credit_fen, bool)
        or not isinstance(credit_fen, int)
        or not 0 <= credit_fen <= MAX_CREDIT_FEN
    ):
        raise DomainError("credit_invalid", {"maximum_yuan": MAX_CREDIT_FEN // 100}, field="credit_fen")
    account_id = paying_account(payers.of_enterprise(enterprise)).pk
    with transaction.atomic():
        account = lock_accounts([account_id])[account_id]
        before = account.credit_fen
        if account.balance_fen + credit_fen < account.held_fen:
            used = account.held_fen - account.balance_fen
            raise DomainError("credit_too_low", {"used_yuan": f"{used / 100:.2f}"}, field="credit_fen")
        account.credit_fen = credit_fen
        account.save(update_fields=["credit_fen"])
        Enterprise.objects.unscoped("scope is checked above").filter(pk=enterprise.pk).update(
            credit_fen=credit_fen
        )
        audit.record(
            actor=actor,
            action="billing.set_credit",
            target=enterprise,
            reason=reason,
            before={"credit_fen": before},
            after={"credit_fen": credit_fen},
        )
    return account


def credit(
    *,
    key: str,
    kind: str,
    source: Account,
    driver: Driver | Enterprise | Card,
    amount_fen: int,
    actor: Actor,
    order: ChargingOrder | None = None,
    memo: str = "",
    audited: tuple[str, str] | None = None,
) -> Journal:
    """Move money from `source` to a payer's account, and from there pay what they owe.

    Once per `key`; a repeat returns the first journal. `audited` is (action, reason) of the audit event, if one
    is wanted. Raises as `post` does.
    """
    payer = payers.of(driver)
    wallet = paying_account(payer)
    arrears = account_of(Account.Kind.ARREARS, payer=payer)
    with transaction.atomic():
        locked = lock_accounts([wallet.pk, arrears.pk, source.pk])
        repeated = Journal.objects.filter(idempotency_key=key).exists()
        before = {
            "balance_fen": locked[wallet.pk].balance_fen,
            "arrears_fen": -locked[arrears.pk].balance_fen,
        }
        journal = post(
            key=key,
            kind=kind,
            lines=[(source, -amount_fen), (wallet, amount_fen)],
            actor=actor,
            order=order,
            memo=memo,
        )
        if repeated:
            return journal
        owed = min(before["arrears_fen"], amount_fen)
        if owed:
            post(
                key=f"{key}:arrears",
                kind=Journal.Kind.ARREARS_PAYMENT,
                lines=[(wallet, -owed), (arrears, owed)],
                actor=actor,
                memo=memo,
            )
        if audited is not None:
            action, reason = audited
            audit.record(
                actor=actor,
                action=action,
                target=driver,
                reason=reason,
                before=before,
                after={
                    "balance_fen": before["balance_fen"] + amount_fen - owed,
                    "arrears_fen": before["arrears_fen"] - owed,
                    "amount_fen": amount_fen,
                },
            )
        return journal


@dataclass(slots=True)
class Purse:
    """What a payer pays from, locked: their account, and for a driver with one the bonus beside it.

    `owed_fen` is what they owe beyond it, as a positive number of fen.
    """

    account: Account
    bonus: Account | None = None
    owed_fen: int = 0

    @property
    def available_fen(self) -> int:
        return self.account.available_fen + (self.bonus.available_fen if self.bonus else 0)


def lock_purse(payer: Payer, *, also: Collection[int] = ()) -> Purse:
    """Lock what a payer pays from, opened at first use, and the accounts `also` beside it."""
    kinds = (payer.kind, Account.Kind.ARREARS, Account.Kind.BONUS)
    locked: dict[str, Account] = {}
    while payer.kind not in locked:
        found = lock_accounts_of({payer.column: ([payer.id], kinds)}, also=also)
        locked = {one.kind: one for one in found if getattr(one, payer.column) == payer.id}
        if payer.kind not in locked:
            paying_account(payer)
    arrears = locked.get(Account.Kind.ARREARS)
    owed_fen = 0 if arrears is None else -arrears.balance_fen
    return Purse(locked[payer.kind], locked.get(Account.Kind.BONUS), owed_fen)


def bonus_account(payer: Payer) -> Account | None:
    """The bonus account of a driver, None for other payers and for a driver who never had a bonus."""
    if payer.column != "driver_id":
        return None
    rows = Account.objects.unscoped("a driver's own account").filter(kind=Account.Kind.BONUS, **payer.owner)
    return rows.first()


def hold(*, order: ChargingOrder, amount_fen: int, purse: Purse | None = None) -> Hold:
    """Reserve money of the order's payer, bonus last; raises `insufficient_balance` when that much is not free.

    `purse` is the payer's, when the caller holds its locks.
    """
    with transaction.atomic(savepoint=purse is None):
        if purse is None:
            purse = lock_purse(payers.of_order(order))
        if amount_fen <= 0 or purse.available_fen < amount_fen:
            raise insufficient(purse.available_fen, amount_fen)
        own = min(amount_fen, max(purse.account.available_fen, 0))
        purse.account.held_fen += own
        purse.account.save(update_fields=["held_fen"])
        if own < amount_fen:
            purse.bonus.held_fen += amount_fen - own
            purse.bonus.save(update_fields=["held_fen"])
        return Hold.objects.create(
            account=purse.account,
            order=order,
            amount_fen=own,
            bonus_account=purse.bonus if own < amount_fen else None,
            bonus_fen=amount_fen - own,
            created_at=clock.now(),
        )


def raise_hold(*, order: ChargingOrder, amount_fen: int, least_fen: int) -> int:
    """Reserve more for a running order, as much of `amount_fen` as is free but at least `least_fen`.

    Returns the fen reserved; raises `insufficient_balance`. Call it under the order's lock.
    """
    with transaction.atomic(savepoint=False):
        active = Hold.objects.filter(order=order, state=Hold.State.ACTIVE).first()
        if active is None:
            return 0  # nothing stands behind this order but its payer's word (credit, month card)
        account = lock_accounts([active.account_id])[active.account_id]
        if account.available_fen < least_fen:
            raise insufficient(account.available_fen, least_fen)
        more = max(min(amount_fen, account.available_fen), least_fen)
        account.held_fen += more
        account.save(update_fields=["held_fen"])
        active.amount_fen += more
        active.save(update_fields=["amount_fen"])
        return more


def release_hold(*, order: ChargingOrder) -> int:
    """Release the order's hold if it is active; returns the fen released. Call it under the order's lock."""
    with transaction.atomic(savepoint=False):
        active = Hold.objects.filter(order=order, state=Hold.State.ACTIVE).first()
        if active is None:
            return 0
        locked = lock_accounts([active.account_id, *([active.bonus_account_id] if active.bonus_fen else [])])
        purse = Purse(locked[active.account_id], locked.get(active.bonus_account_id))
        released = _release(active, purse)
        purse.account.save(update_fields=["held_fen"])
        if active.bonus_fen:
            purse.bonus.save(update_fields=["held_fen"])
        return released


def _release(active: Hold, purse: Purse) -> int:
    """Take a hold off a locked purse, which the caller saves."""
    released = Hold.objects.filter(pk=active.pk, state=Hold.State.ACTIVE).update(
        state=Hold.State.RELEASED, released_at=clock.now()
    )
    if not released:
        return 0
    purse.account.held_fen -= active.amount_fen
    if active.bonus_fen:
        purse.bonus.held_fen -= active.bonus_fen
    return active.total_fen


def insufficient(available_fen: int, needed_fen: int) -> DomainError:
    """The refusal that names both amounts in yuan."""
    return DomainError(
        "insufficient_balance",
        {"available_yuan": f"{available_fen / 100:.2f}", "needed_yuan": f"{needed_fen / 100:.2f}"},
    )
