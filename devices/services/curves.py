"""Curves of transactions: read thinned out, and stored so before their samples are dropped."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import models

from devices.models import MeterSample, StoredCurve
from kernel import clock

POINTS = 300
READ = 20_000  # samples of one transaction that are looked at
CLOCKS_DIFFER = timedelta(days=1)  # a pile's clock and ours
BATCH = 200


class CurvePoint(NamedTuple):
    """One point; None where nothing was measured."""

    at: datetime
    power_kw: Decimal | None
    energy_kwh: Decimal | None
    soc_pct: int | None
    temperature_c: int | None
    voltage_v: Decimal | None
    current_a: Decimal | None


def samples_of(
    *, pile_id: int, transaction_ref: str, since: datetime | None
) -> "models.QuerySet[MeterSample]":
    """The samples of a transaction, for readers that have seen it in their scope.

    Args:
        since: when it began, as far as known; days long before it are not looked at.
    """
    rows = MeterSample.objects.unscoped("samples of a transaction in scope").filter(
        pile_id=pile_id, transaction_ref=transaction_ref
    )
    return rows if since is None else rows.filter(at__gte=since - CLOCKS_DIFFER)


def curve_of(
    *, pile_id: int, transaction_ref: str, since: datetime | None = None, most: int = POINTS
) -> list[CurvePoint]:
    """At most `most` points in the order of time, the first and the last among them.

    Of a transaction whose samples are gone, the curve that was stored then.
    """
    rows = samples_of(pile_id=pile_id, transaction_ref=transaction_ref, since=since).order_by("at")
    points = [CurvePoint(*row) for row in rows.values_list(*CurvePoint._fields)[:READ]]
    stored = StoredCurve.objects.filter(pile_id=pile_id, transaction_ref=transaction_ref).first()
    if stored is not None:
        # The days of a transaction over midnight are dropped one by one: the older part is the stored one.
        old = [_read(point) for point in stored.points]
        first = points[0].at if points else None
        points = [point for point in old if first is None or point.at < first] + points
    return thinned(points, most)


def thinned(points: Sequence[CurvePoint], most: int) -> list[CurvePoint]:
    """Every n-th point, with the last one."""
    if len(points) <= most:
        return list(points)
    step = -(-len(points) // most)
    kept = list(points[::step])
    if kept[-1] is not points[-1]:
        kept[-1] = points[-1]
    return kept


def store_curves(*, since: datetime | None, before: datetime) -> int:
    """Store the curves of transactions with samples from `since` (None: the first) to `before`.

    The whole curve is stored, also what lies beyond `before`. One that is stored already stays. Returns how many
    were new.
    """
    rows = MeterSample.objects.unscoped("retention").filter(at__lt=before)
    if since is not None:
        rows = rows.filter(at__gte=since)
    names = rows.exclude(transaction_ref="").order_by().values_list("pile_id", "transaction_ref").distinct()
    new = 0
    for batch in _batches(list(names)):
        known = set(
            StoredCurve.objects.filter(
                pile_id__in={pile for pile, _ref in batch}, transaction_ref__in=[ref for _pile, ref in batch]
            ).values_list("pile_id", "transaction_ref")
        )
        made = []
        for pile_id, ref in batch:
            if (pile_id, ref) not in known:
                points = curve_of(pile_id=pile_id, transaction_ref=ref, since=since)
                data = [_written(point) for point in points]
                made.append(
                    StoredCurve(pile_id=pile_id, transaction_ref=ref, points=data, stored_at=clock.now())
                )
        StoredCurve.objects.bulk_create(made, ignore_conflicts=True)
        new += len(made)
    return new


def _batches(names: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    for start in range(0, len(names), BATCH):
        yield names[start : start + BATCH]


def _written(point: CurvePoint) -> list[float | int | str | None]:
    def number(value: Decimal | None) -> str | None:
        return None if value is None else str(value)

    return [
        point.at.timestamp(),
        number(point.power_kw),
        number(point.energy_kwh),
        point.soc_pct,
        point.temperature_c,
        number(point.voltage_v),
        number(point.current_a),
    ]


def _read(data: list) -> CurvePoint:
    def number(value: str | None) -> Decimal | None:
        return None if value is None else Decimal(value)

    at, power, energy, soc, temperature, voltage, current = data
    return CurvePoint(
        datetime.fromtimestamp(at, UTC),
        number(power),
        number(energy),
        soc,
        temperature,
        number(voltage),
        number(current),
    )
