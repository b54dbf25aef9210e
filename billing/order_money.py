"""What of an order is paid: the bill's side of the ledger, as a state and three amounts."""

from dataclasses import dataclass

from django.db.models import Max, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from billing import payers
from billing.models import Account, ChargingOrder, Entry, Journal

STATES = {
    "open": _("Not settled yet"),
    "free": _("Nothing to pay"),
    "unpaid": _("Unpaid"),
    "paid": _("Paid"),
    "part_refunded": _("Partly refunded"),
    "refunded": _("Refunded"),
}
_CHARGES = (Journal.Kind.SETTLEMENT, Journal.Kind.ORDER_FEE)


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """Fen charged to the payer (with fees after the charge), still owed, and given back."""

    state: str
    charged_fen: int = 0
    owed_fen: int = 0
    returned_fen: int = 0

    @property
    def text(self) -> str:
        return str(STATES[self.state])


def money_of(order: ChargingOrder) -> OrderMoney:
    """Read the ledger of one order. What a payer owes is what came last: payments cover the oldest first."""
    if order.state != ChargingOrder.State.SETTLED:
        return OrderMoney("open")
    payer = payers.of_order(order)
    if payer is None:
        return OrderMoney("free")
    entries = Entry.objects.unscoped("the ledger of an order in scope").filter(
        journal__order=order,
        account__kind__in=(payer.kind, Account.Kind.BONUS, Account.Kind.ARREARS),
        **{f"account__{column}": pk for column, pk in payer.owner.items()},
    )
    charges = entries.filter(journal__kind__in=_CHARGES)
    charged = -(charges.aggregate(total=Sum("amount_fen"))["total"] or 0)
    returned = entries.exclude(journal__kind__in=_CHARGES).aggregate(total=Sum("amount_fen"))["total"] or 0
    owed = _still_owed(payer, charges) if charged else 0
    if not charged:
        state = "free"
    elif owed:
        state = "unpaid"
    elif returned >= charged:
        state = "refunded"
    else:
        state = "part_refunded" if returned else "paid"
    return OrderMoney(state, charged, owed, returned)


def _still_owed(payer: payers.Payer, charges: QuerySet[Entry]) -> int:
    on_arrears = charges.filter(account__kind=Account.Kind.ARREARS).aggregate(
        total=Sum("amount_fen"), last=Max("pk")
    )
    if not on_arrears["total"]:
        return 0
    account = Account.objects.unscoped("the payer of an order in scope").get(
        kind=Account.Kind.ARREARS, **payer.owner
    )
    later = account.entries.filter(amount_fen__lt=0, pk__gt=on_arrears["last"])
    newer = -(later.aggregate(total=Sum("amount_fen"))["total"] or 0)
    return min(max(-account.balance_fen - newer, 0), -on_arrears["total"])
