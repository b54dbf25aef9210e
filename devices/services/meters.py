"""Meters in front of whole piles: the register by day, and how it compares with the ports behind it."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Sum

from devices import events
from devices.locks import lock_pile
from devices.models import PileMeterDay, TransactionRecord
from stations.models import Pile


@dataclass(frozen=True, slots=True)
class MeterDay:
    """A local day of a pile: what its own meter counted, what the records of its ports add up to (kWh)."""

    day: date
    meter_kwh: Decimal
    ports_kwh: Decimal

    @property
    def difference_kwh(self) -> Decimal:
        """What the box took beside its ports: its own electronics, losses, or something that is not reported."""
        return self.meter_kwh - self.ports_kwh


def note_pile_register(*, pile: events.PileRef, at: datetime, register_kwh: Decimal) -> None:
    """Keep the first and the last register of each local day; a register that fell counts from its new base."""
    register = register_kwh.quantize(Decimal("0.0001"))
    day = at.astimezone(_zone_of(pile.id)).date()
    with transaction.atomic():
        lock_pile(pile.id)
        row, created = PileMeterDay.objects.get_or_create(
            pile_id=pile.id,
            day=day,
            defaults={
                "operator_id": pile.operator_id,
                "station_id": pile.station_id,
                "first_kwh": register,
                "last_kwh": register,
                "first_at": at,
                "last_at": at,
            },
        )
        if created or at <= row.last_at:
            return
        if register < row.last_kwh:  # a new meter: what was counted so far stays counted
            row.first_kwh = register - (row.last_kwh - row.first_kwh)
        row.last_kwh, row.last_at, row.readings = register, at, row.readings + 1
        row.save(update_fields=["first_kwh", "last_kwh", "last_at", "readings"])


def meter_days(*, pile: Pile, days: int = 14) -> list[MeterDay]:
    """The last days of a pile's meter beside the sum of its ports, newest first."""
    rows = PileMeterDay.objects.unscoped("the pile is in scope of the caller").filter(pile=pile)
    return [compare(row) for row in rows.order_by("-day")[:days]]


def compare(row: PileMeterDay) -> MeterDay:
    """A day of a meter beside the records of its pile that ended on it."""
    start = datetime.combine(row.day, time(), _zone_of(row.pile_id))
    records = TransactionRecord.objects.unscoped("the day is in scope of the caller").filter(
        pile_id=row.pile_id, ended_at__gte=start, ended_at__lt=start + timedelta(days=1)
    )
    ports = records.aggregate(total=Sum("energy_kwh"))["total"] or Decimal(0)
    return MeterDay(row.day, row.last_kwh - row.first_kwh, ports)


def _zone_of(pile_id: int) -> ZoneInfo:
    rows = Pile.objects.unscoped("the place of a pile").filter(pk=pile_id)
    return ZoneInfo(rows.values_list("station__time_zone", flat=True).get())
