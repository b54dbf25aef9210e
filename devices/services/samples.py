"""Meter samples and frames in batches: one statement per table and batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from devices import events
from devices.models import FrameLog, MeterSample


@dataclass(frozen=True, slots=True)
class StoredReading:
    """A sample with what only the table keeps: the register and a temperature."""

    sample: events.MeterSampled
    register_kwh: Decimal | None = None
    temperature_c: int | None = None


def store_samples(readings: Sequence[StoredReading]) -> None:
    """Store a batch and publish the ones that belong to a transaction, in one database transaction."""
    if not readings:
        return
    with transaction.atomic():
        MeterSample.objects.bulk_create([_row(reading) for reading in readings], batch_size=500)
        running = tuple(reading.sample for reading in readings if reading.sample.transaction_ref)
        if running:
            events.publish(events.MetersSampled(running))


def store_frames(frames: Sequence[FrameLog]) -> None:
    """Append a batch to the frame log."""
    FrameLog.objects.bulk_create(frames, batch_size=500)


def last_sample_at(*, pile_id: int, transaction_ref: str) -> datetime | None:
    """When the last stored sample of a transaction was taken."""
    rows = MeterSample.objects.filter(pile_id=pile_id, transaction_ref=transaction_ref)
    return rows.order_by("-at").values_list("at", flat=True).first()


def _row(reading: StoredReading) -> MeterSample:
    sample = reading.sample
    return MeterSample(
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
