"""Where an operator's income comes from: what is cleared, each source once.

Income accounts are filled by journals in the name of something that somebody paid for: a charging order (its
settlement, fees after it, corrections), a booking that led to no order, a month card. A journal in the name of nothing
(an adjustment of old books) is nobody's income and is never divided.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from billing.locks import lock_booking, lock_month_sale, lock_order
from billing.models import Booking, ChargingOrder, Journal, MonthSale
from users.models import Operator

# Relations of a journal to what it is in the name of. Of each the first ones bring income, the last one takes it back.
RELATIONS = ("order", "booking", "waived_booking", "month_sale", "month_refund")
BRINGS = {Journal.Kind.SETTLEMENT.value, Journal.Kind.MONTH_CARD.value}


def in_the_name_of_a_source(prefix: str = "") -> Q:
    """The WHERE of journals that are income of a source; `prefix` leads to the journal (`journal__`)."""
    condition = Q()
    for name in RELATIONS:
        condition |= Q(**{f"{prefix}{name}__isnull": False})
    return condition


@dataclass(frozen=True, slots=True)
class Source:
    """What was paid for, locked. `column` is the one of `ClearingRecord` that names it.

    `by_channel` says whether a payment channel may have kept a fee of it; cash at the desk has none.
    """

    column: str
    row: ChargingOrder | Booking | MonthSale
    operator: Operator
    number: str
    station_id: int | None = None
    pile_id: int | None = None
    energy_kwh: Decimal = Decimal(0)
    by_channel: bool = True

    @property
    def order(self) -> ChargingOrder | None:
        return self.row if isinstance(self.row, ChargingOrder) else None

    @property
    def of_record(self) -> dict[str, ChargingOrder | Booking | MonthSale]:
        """The WHERE of the records of this source, and the column of a new one."""
        return {self.column: self.row}


def lock_source(journal: Journal) -> Source:
    """Lock what a journal is in the name of; ValueError for one that is no source's."""
    for relation, (column, lock, read) in _READERS.items():
        found = getattr(journal, relation, None)
        if found is not None:
            return read(column, lock(found.pk))
    raise ValueError(f"journal {journal.pk} is in the name of nothing")


def source_row(journal: Journal) -> ChargingOrder | Booking | MonthSale | None:
    """What a journal is in the name of, unlocked; None for one that is no source's."""
    return next((row for name in RELATIONS if (row := getattr(journal, name, None)) is not None), None)


def brings_income(journal: Journal) -> bool:
    """Whether a journal is the sale itself, and not a fee beside it or a correction."""
    return journal.kind in BRINGS or getattr(journal, "booking", None) is not None


def _of_order(column: str, order: ChargingOrder) -> Source:
    return Source(
        column, order, order.operator, order.order_no, order.station_id, order.pile_id, order.energy_kwh
    )


def _of_booking(column: str, booking: Booking) -> Source:
    return Source(column, booking, booking.operator, booking.booking_no, booking.station_id, booking.pile_id)


def _of_month(column: str, sale: MonthSale) -> Source:
    return Source(column, sale, sale.operator, sale.card.logical_no, by_channel=False)


_READERS: dict[str, tuple[str, Callable[[int], object], Callable[[str, object], Source]]] = {
    "order": ("order", lock_order, _of_order),
    "booking": ("booking", lock_booking, _of_booking),
    "waived_booking": ("booking", lock_booking, _of_booking),
    "month_sale": ("month_sale", lock_month_sale, _of_month),
    "month_refund": ("month_sale", lock_month_sale, _of_month),
}
