"""Meter samples and frames in batches: one statement per table and batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from devices import events
from devices.models import FrameLog, MeterSample
from kernel.runtime.rows import append_rows


@dataclass(slots=True)
class StoredReading:
    """A sample with what only the table keeps: the register and a temperature."""

    sample: events.MeterSampled
    register_kwh: Decimal | None = None
    temperature_c: int | None = None


# Not frozen: there are thousands a second of these, and a frozen one costs three times as much to make.
@dataclass(slots=True, kw_only=True)
class LoggedFrame:
    """A row of the frame log before it is one; the fields are those of `FrameLog`."""

    at: datetime
    operator_id: int | None = None
    station_id: int | None = None
    pile_id: int | None = None
    pile_code: str = ""
    protocol: str
    direction: str
    name: str
    connector_no: int | None = None
    transaction_ref: str = ""
    raw: str
    decoded: Any = None
    error: str = ""


@dataclass(slots=True)
class _SampleRow:
    """A row of `MeterSample`."""

    operator_id: int
    station_id: int
    pile_id: int
    connector_no: int
    transaction_ref: str
    at: datetime
    energy_kwh: Decimal | None
    register_kwh: Decimal | None
    power_kw: Decimal | None
    voltage_v: Decimal | None
    current_a: Decimal | None
    soc_pct: int | None
    temperature_c: int | None
    device_amount: Decimal | None
    suspect: str


def store_samples(readings: Sequence[StoredReading]) -> None:
    """Store a batch and publish the ones that belong to a transaction, in one database transaction."""
    if not readings:
        return
    with transaction.atomic():
        append_rows(MeterSample, [_row(reading) for reading in readings])
        running = tuple(reading.sample for reading in readings if reading.sample.transaction_ref)
        if running:
            events.publish(events.MetersSampled(running))


def store_frames(frames: Sequence[LoggedFrame]) -> None:
    """Append a batch to the frame log."""
    append_rows(FrameLog, frames)


def last_sample_at(*, pile_id: int, transaction_ref: str) -> datetime | None:
    """When the last stored sample of a transaction was taken."""
    rows = MeterSample.objects.filter(pile_id=pile_id, transaction_ref=transaction_ref)
    return rows.order_by("-at").values_list("at", flat=True).first()


def _row(reading: StoredReading) -> _SampleRow:
    sample = reading.sample
    return _SampleRow(
        operator_id=sample.pile.operator_id,
        station_id=sample.pile.station_id,
        pile_id=sample.pile.id,
        connector_no=sample.connector_no,
        transaction_ref=sample.transaction_ref,
        at=sample.at,
        energy_kwh=sample.energy_kwh,
        register_kwh=reading.register_kwh,
        power_kw=sample.power_kw,
        voltage_v=sample.voltage_v,
        current_a=sample.current_a,
        soc_pct=sample.soc_pct,
        temperature_c=reading.temperature_c,
        device_amount=sample.device_amount,
        suspect=sample.suspect,
    )
