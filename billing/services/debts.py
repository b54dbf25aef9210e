"""What orders and their fees cost, debited from who pays: the only way such a journal comes about.

Many debts are booked with as few statements as one, in the order in which they are given.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import OperationalError, transaction

from billing import payers
from billing.locks import lock_accounts_of
from billing.models import Account, ChargingOrder, Entry, Hold, Journal
from billing.payers import Payer
from billing.services import covers, ledger
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.runtime.rows import append_rows, insert_rows, update_rows

_K = Account.Kind
_ALWAYS = (_K.OPERATOR_ELECTRICITY, _K.OPERATOR_SERVICE)
_OF_PLATFORM = (_K.PLATFORM_DISCOUNTS,)
# Which of the operator's accounts pays what an order's payer does not.
_COVER_KINDS = {
    ChargingOrder.Cover.MONTH_CARD.value: _K.OPERATOR_MONTH_CARDS,
    ChargingOrder.Cover.FREE.value: _K.OPERATOR_FREE,
}
Key = tuple[str, str, int | None]  # kind, column of the owner, its id


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """The sum of `credits`, {account kind: fen}, which an order's payer owes.

    `keep_hold` leaves the order's hold alone: a fee after the charge is not what it was taken for. `covered` lets
    the order's cover pay its part of the order's total, worked out under the locks.
    """

    key: str
    kind: str
    order: ChargingOrder
    credits: Mapping[str, int]
    actor: Actor
    memo: str = ""
    keep_hold: bool = False
    covered: bool = False

    @property
    def needed(self) -> list[tuple[str, int]]:
        """(account kind, fen) of every account that it credits; none where it costs nothing."""
        if not any(self.credits.values()):
            return []
        return [(kind, fen) for kind, fen in self.credits.items() if fen or kind in _ALWAYS]


def of_order(order: ChargingOrder, actor: Actor) -> Debt:
    """The total of an order whose amounts are written: its own hold pays first, then free money, then the arrears.

    Electricity, service and further fees go to the operator in full; a discount is booked against whoever bears
    it, what a month card or the operator covers against the operator's account for it.
    """
    return Debt(
        key=f"settle:{order.order_no}",
        kind=Journal.Kind.SETTLEMENT,
        order=order,
        credits=_credits_of(order),
        actor=actor,
        covered=order.cover in _COVER_KINDS,
    )


def capture(*, actor: Actor, order: ChargingOrder) -> Journal | None:
    """Debit one order's total; see `of_order` and `settle_debts`. Call it under the order's lock."""
    return settle_debts([of_order(order, actor)])[0]


def settle_debts(debts: Sequence[Debt]) -> list[Journal | None]:
    """Debit debts of locked orders, each from its payer, and release the orders' holds.

    The payer's account pays what is free on it, then a driver's bonus; the rest goes onto the arrears. A settled
    order's `covered_fen` is set, for the caller to save. Returns the journals; None, and nothing booked, where
    every credit is zero. A debt that was booked before is not booked again: its first journal is returned, or
    `idempotency_conflict` raised when that one has other lines.

    Two debts that the same month card covers do not go together: the second reads what the first has used.
    """
    with transaction.atomic(savepoint=False):
        holds = _holds([debt.order for debt in debts if not debt.keep_hold])
        books = _Books(debts, holds.values())
        known = {}
        if len(debts) == 1:  # of several, one that is known fails them all, and each is looked at by itself
            rows = Journal.objects.filter(idempotency_key=debts[0].key)
            known = {one.idempotency_key: one for one in rows}
        journals: list[Journal | None] = []
        for debt in debts:
            hold = None if debt.keep_hold else holds.get(debt.order.pk)
            if hold is not None:
                books.release(hold)
            lines = _lines(debt, books)
            if debt.key in known:
                journals.append(_same(known[debt.key], debt, lines))
            else:
                journals.append(books.book(debt, lines) if lines else None)
        books.write()
        return journals


def lock(debts: Sequence[Debt]) -> None:
    """Lock what debts move money between, for a caller that settles them in several calls of one transaction."""
    _Books(debts, _holds([debt.order for debt in debts if not debt.keep_hold]).values())


def _lines(debt: Debt, books: "_Books") -> ledger.Lines:
    """Who pays what of a debt, its hold released; the operator's and platform's accounts get their credits."""
    order = debt.order
    settles = debt.kind == Journal.Kind.SETTLEMENT
    if settles:
        order.covered_fen = 0
    needed = debt.needed
    if not needed:
        return []
    payer = payers.of_order(order)
    account, arrears = books.of_payer(payer, payer.kind), books.of_payer(payer, _K.ARREARS)
    bonus = books.of_payer(payer, _K.BONUS)
    total = sum(fen for _kind, fen in needed)
    lines = [(books.of_operator(order, kind), fen) for kind, fen in needed]
    if debt.covered:
        order.covered_fen = covers.covered_fen(order)
        total -= order.covered_fen
        lines.append((books.of_operator(order, _COVER_KINDS[order.cover]), -order.covered_fen))
    by_score = order.cover == ChargingOrder.Cover.SCORE and settles
    from_account = 0 if by_score else max(min(total, account.available_fen), 0)
    from_bonus = 0
    if bonus is not None:
        from_bonus = 0 if by_score else max(min(total - from_account, bonus.available_fen), 0)
        lines.append((bonus, -from_bonus))
    lines = [(account, -from_account), (arrears, from_account + from_bonus - total), *lines]
    return [(one, fen) for one, fen in lines if fen]


def _credits_of(order: ChargingOrder) -> dict[str, int]:
    """{account kind: fen} of an order whose amounts are written."""
    credits = {
        _K.OPERATOR_ELECTRICITY: order.electricity_fen,
        _K.OPERATOR_SERVICE: order.service_fen,
        _K.OPERATOR_FEES: order.fees_fen,
    }
    for line in (order.bill or {}).get("discounts", ()):
        kind = _K.PLATFORM_DISCOUNTS if line["bearer"] == "platform" else _K.OPERATOR_DISCOUNTS
        credits[kind] = credits.get(kind, 0) - line["fen"]
    return credits


def _holds(orders: Iterable[ChargingOrder]) -> dict[int, Hold]:
    ids = [order.pk for order in orders]
    if not ids:
        return {}
    return {one.order_id: one for one in Hold.objects.filter(order_id__in=ids, state=Hold.State.ACTIVE)}


def _same(existing: Journal, debt: Debt, lines: ledger.Lines) -> Journal:
    posted = dict(existing.entries.values_list("account_id", "amount_fen"))
    if existing.kind != debt.kind or posted != {account.pk: fen for account, fen in lines}:
        raise DomainError("idempotency_conflict")
    return existing


class _Books:
    """The locked accounts of some debts, and what is to be written of them."""

    def __init__(self, debts: Sequence[Debt], holds: Collection[Hold]):
        self._released: list[Hold] = []
        self._touched: set[int] = set()
        self._journals: list[Journal] = []
        self._entries: list[ledger.EntryRow] = []
        wanted = _wanted(debts)
        held = {one.account_id for one in holds} | {one.bonus_account_id for one in holds if one.bonus_fen}
        self._lock(wanted, held)
        missing = {
            key: debt for key, debt in wanted.items() if key not in self._by_key and key[0] != _K.BONUS
        }
        if missing:
            # In the same order wherever they are missing: two who open them at once wait, and not crosswise.
            for (kind, column, _owner), debt in sorted(missing.items(), key=lambda one: str(one[0])):
                _open(kind, column, debt)
            self._lock(wanted, held)

    def _lock(self, wanted: Collection[Key], held: Collection[int]) -> None:
        kinds: dict[str, dict[str, set]] = defaultdict(lambda: {"kinds": set(), "owners": set()})
        for kind, column, owner in wanted:
            kinds[column]["kinds"].add(kind)
            kinds[column]["owners"].add(owner)
        self._accounts = lock_accounts_of(
            {column: (found["owners"], found["kinds"]) for column, found in kinds.items()}, also=held
        )
        self._by_id = {account.pk: account for account in self._accounts}
        self._by_key = {_key_of(account): account for account in self._accounts}

    def of_payer(self, payer: Payer, kind: str) -> Account | None:
        return self._by_key.get((kind, payer.column, payer.id))

    def of_operator(self, order: ChargingOrder, kind: str) -> Account:
        return self._by_key[_credited(order, kind)]

    def release(self, hold: Hold) -> None:
        self._released.append(hold)
        self._by_id[hold.account_id].held_fen -= hold.amount_fen
        self._touched.add(hold.account_id)
        if hold.bonus_fen:
            self._by_id[hold.bonus_account_id].held_fen -= hold.bonus_fen
            self._touched.add(hold.bonus_account_id)

    def book(self, debt: Debt, lines: ledger.Lines) -> Journal:
        journal = ledger.new_journal(debt.key, debt.kind, debt.actor, order=debt.order, memo=debt.memo)
        self._journals.append(journal)
        for account, fen in lines:
            account.balance_fen += fen
            self._touched.add(account.pk)
            self._entries.append(ledger.new_entry(journal, account, fen))
        return journal

    def write(self) -> None:
        if self._released:
            rows = Hold.objects.filter(pk__in=[one.pk for one in self._released], state=Hold.State.ACTIVE)
            freed = rows.update(state=Hold.State.RELEASED, released_at=clock.now())
            if freed != len(self._released):
                raise OperationalError("a hold of a locked order was released meanwhile")
        insert_rows(self._journals)
        update_rows([one for one in self._accounts if one.pk in self._touched], ("balance_fen", "held_fen"))
        append_rows(Entry, self._entries)


def _wanted(debts: Sequence[Debt]) -> dict[Key, Debt]:
    """Every account that some debts may move, and a debt that it is opened for when it is missing."""
    wanted: dict[Key, Debt] = {}
    for debt in debts:
        needed = debt.needed
        if not needed:
            continue
        payer = payers.of_order(debt.order)
        for kind in (payer.kind, _K.ARREARS, *([_K.BONUS] if payer.column == "driver_id" else [])):
            wanted[kind, payer.column, payer.id] = debt
        cover = [_COVER_KINDS[debt.order.cover]] if debt.covered else []
        for kind in (*(kind for kind, _fen in needed), *cover):
            wanted[_credited(debt.order, kind)] = debt
    return wanted


def _credited(order: ChargingOrder, kind: str) -> Key:
    return (kind, "", None) if kind in _OF_PLATFORM else (kind, "operator_id", order.operator_id)


def _key_of(account: Account) -> Key:
    """An account of an enterprise, card or payee names its operator too, for the data scope."""
    for column in ("driver_id", "enterprise_id", "card_id", "payee_id", "operator_id"):
        owner = getattr(account, column)
        if owner is not None:
            return account.kind, column, owner
    return account.kind, "", None


def _open(kind: str, column: str, debt: Debt) -> Account:
    if column == "":
        return ledger.account_of(kind)
    if column == "operator_id":
        return ledger.account_of(kind, operator=debt.order.operator)
    return ledger.account_of(kind, payer=payers.of_order(debt.order))
