"""Any set of bills computed again from what was stored of their sessions, and where the result differs.

Nothing is changed. A difference is a fault of ours or a hand in the database; whoever finds one decides what to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from billing.models import ChargingOrder, OrderFee
from billing.pricing import Bill, PricingError
from billing.services import fees
from billing.services.evidence import recompute
from kernel.actor import Actor
from kernel.errors import DomainError
from users.selectors import operator_get

AMOUNTS = ("electricity_fen", "service_fen", "fees_fen", "discount_fen", "total_fen")
CHUNK = 1_000
# What a recomputation reads, and no more: a bill is computed from these alone.
_READ = (
    "order_no",
    "pile",
    "record",
    "charge_mode",
    "tariff_snapshot",
    "package_fen",
    "bill",
    "evidence",
    "energy_kwh",
    *AMOUNTS,
    *(f"record__{name}" for name in ("pile", "tiers")),
    "pile__protocol",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One bill that is not what its evidence gives: `what` is `bill`, a kind of fee, or `unreadable`."""

    order_no: str
    what: str
    stored: dict[str, Any]
    computed: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-safe dict."""
        return {
            "order_no": self.order_no,
            "what": self.what,
            "stored": self.stored,
            "computed": self.computed,
        }


@dataclass(slots=True)
class Repricing:
    """What was looked at and what differs; filled while `run` goes on."""

    orders: int = 0
    fees: int = 0
    total_fen: int = 0
    differences: list[Difference] = field(default_factory=list)


def reprice(
    *,
    actor: Actor,
    order_nos: Sequence[str] = (),
    operator_code: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    most: int = 1_000,
) -> Repricing:
    """Price the settled orders of a set again, and the fees that were booked beside them.

    Args:
        order_nos: just these; `order_unknown` for one that is not there (or not settled) in the actor's scope.
        operator_code: one operator's; `operator_unknown` for a code that nobody has.
        since, until: settled from, and before.
        most: at most this many differences are kept; the counting goes on to the end.
    """
    orders = ChargingOrder.objects.for_actor(actor).filter(state=ChargingOrder.State.SETTLED)
    booked = OrderFee.objects.for_actor(actor).filter(settled_at__isnull=False)
    if order_nos:
        known = set(orders.filter(order_no__in=order_nos).values_list("order_no", flat=True))
        for order_no in order_nos:
            if order_no not in known:
                raise DomainError("order_unknown", {"order_no": order_no})
        orders = orders.filter(order_no__in=known)
        booked = booked.filter(order__order_no__in=known)
    if operator_code is not None:
        operator = operator_get(actor=actor, code=operator_code)
        orders, booked = orders.filter(operator=operator), booked.filter(operator=operator)
    if since is not None:
        orders, booked = orders.filter(settled_at__gte=since), booked.filter(settled_at__gte=since)
    if until is not None:
        orders, booked = orders.filter(settled_at__lt=until), booked.filter(settled_at__lt=until)
    done = Repricing()
    rows = orders.select_related("pile", "record").only(*_READ).order_by("pk")
    for order in rows.iterator(chunk_size=CHUNK):
        done.orders += 1
        done.total_fen += order.total_fen
        _keep(done, difference_of(order), most)
    for fee in booked.select_related("order").order_by("pk").iterator(chunk_size=CHUNK):
        done.fees += 1
        _keep(done, _difference_of_fee(fee), most)
    return done


def difference_of(order: ChargingOrder) -> Difference | None:
    """Compare a settled order's bill and columns with their recomputation; None when they are the same."""
    stored = {name: getattr(order, name) for name in AMOUNTS} | {"energy_kwh": str(order.energy_kwh)}
    try:
        bill = recompute(order)
    except (PricingError, ArithmeticError, KeyError, TypeError, ValueError) as error:
        return Difference(order.order_no, "unreadable", stored, {"error": repr(error)[:200]})
    computed = {name: getattr(bill, name) for name in AMOUNTS} | {"energy_kwh": str(bill.energy_kwh)}
    if stored == computed and order.bill == bill.to_json():
        return None
    if stored == computed:  # the lines were touched, the columns were not
        stored |= {"lines": _lines(order.bill)}
        computed |= {"lines": _lines(bill.to_json())}
    return Difference(order.order_no, "bill", stored, computed)


def _lines(data: Any) -> Any:
    try:
        return Bill.from_json(data).to_json()["lines"]
    except (PricingError, KeyError, TypeError):
        return "damaged"


def _difference_of_fee(fee: OrderFee) -> Difference | None:
    stored = {"amount_fen": fee.amount_fen}
    try:
        computed = {"amount_fen": fees.recompute(fee).fen}
    except (PricingError, KeyError, TypeError, ValueError) as error:
        return Difference(fee.order.order_no, "unreadable", stored, {"error": repr(error)[:200]})
    return None if stored == computed else Difference(fee.order.order_no, fee.kind, stored, computed)


def _keep(done: Repricing, difference: Difference | None, most: int) -> None:
    if difference is not None and len(done.differences) < most:
        done.differences.append(difference)
