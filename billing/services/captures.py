"""Settlements of many orders, booked with few statements: each is the journal that `ledger.capture` would post.

Only for the plain case: a driver without a bonus pays from the wallet, no discount, nothing covered.
"""

from collections.abc import Sequence

from django.db import OperationalError

from billing.locks import lock_wallet_settlements
from billing.models import Account, ChargingOrder, Entry, Hold, Journal
from billing.services import ledger
from kernel import clock
from kernel.actor import Actor
from kernel.runtime.rows import append_rows, insert_rows, update_rows

_K = Account.Kind
_CREDITED = (_K.OPERATOR_ELECTRICITY, _K.OPERATOR_SERVICE, _K.OPERATOR_FEES)


def capture_all(captures: Sequence[tuple[ChargingOrder, Actor]]) -> set[int]:
    """Debit the totals of locked orders whose amounts are written, and release their holds.

    Returns the ids of the orders that were captured; one whose driver lacks an account is left as it was.
    Raises IntegrityError, with nothing booked, when one of them was booked before.
    """
    if not captures:
        return set()
    accounts = _lock_accounts([order for order, _actor in captures])
    of_driver = {(one.kind, one.driver_id): one for one in accounts if one.operator_id is None}
    of_operator = {(one.kind, one.operator_id): one for one in accounts if one.operator_id is not None}
    orders = [order.pk for order, _actor in captures]
    holds = {one.order_id: one for one in Hold.objects.filter(order_id__in=orders, state=Hold.State.ACTIVE)}
    captured: set[int] = set()
    released: list[int] = []
    touched: set[int] = set()
    journals: list[Journal] = []
    entries: list[ledger.EntryRow] = []
    for order, actor in captures:
        wallet = of_driver.get((_K.WALLET, order.driver_id))
        arrears = of_driver.get((_K.ARREARS, order.driver_id))
        lines = [
            (of_operator.get((kind, order.operator_id)), fen)
            for kind, fen in ledger.credits_of(order).items()
            if fen
        ]
        with_bonus = (_K.BONUS, order.driver_id) in of_driver
        if wallet is None or arrears is None or with_bonus or any(account is None for account, _fen in lines):
            continue
        captured.add(order.pk)
        order.covered_fen = 0
        if (active := holds.get(order.pk)) is not None:
            wallet.held_fen -= active.amount_fen
            released.append(active.pk)
            touched.add(wallet.pk)
        if not lines:
            continue  # it costs nothing
        total = sum(fen for _account, fen in lines)
        paid = max(min(total, wallet.available_fen), 0)
        lines = [(wallet, -paid), (arrears, paid - total), *lines]
        journal = ledger.new_journal(
            ledger.settlement_key(order), Journal.Kind.SETTLEMENT, actor, order=order
        )
        journals.append(journal)
        for account, fen in lines:
            if fen:
                account.balance_fen += fen
                touched.add(account.pk)
                entries.append(ledger.new_entry(journal, account, fen))
    _write(accounts, touched, released, journals, entries)
    return captured


def _lock_accounts(orders: Sequence[ChargingOrder]) -> list[Account]:
    """All accounts of these settlements, locked; those of an operator are opened at its first."""

    def locked() -> list[Account]:
        return lock_wallet_settlements(
            driver_ids={order.driver_id for order in orders},
            operator_ids={order.operator_id for order in orders},
            operator_kinds=_CREDITED,
        )

    found = locked()
    known = {(account.kind, account.operator_id) for account in found}
    needed = {
        (kind, order.operator_id): order
        for order in orders
        for kind, fen in ledger.credits_of(order).items()
        if fen
    }
    missing = [key for key in needed if key not in known]
    for key in missing:
        ledger.account_of(key[0], operator=needed[key].operator)
    return locked() if missing else found


def _write(
    accounts: list[Account],
    touched: set[int],
    released: list[int],
    journals: list[Journal],
    entries: list[ledger.EntryRow],
) -> None:
    freed = Hold.objects.filter(pk__in=released, state=Hold.State.ACTIVE)
    if released and freed.update(state=Hold.State.RELEASED, released_at=clock.now()) != len(released):
        raise OperationalError("a hold of a locked order was released meanwhile")
    insert_rows(journals)
    update_rows([one for one in accounts if one.pk in touched], ("balance_fen", "held_fen"))
    append_rows(Entry, entries)
