"""From readings to stored samples: the session's energy, what is suspect about it, and no sample twice."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from devices import events
from devices.protocols.ocppj.link import Link, Running
from devices.protocols.ocppj.meters import Reading
from devices.services.samples import StoredReading

AHEAD = timedelta(minutes=5)  # a sample from further in the future has a wrong clock


async def store(
    link: Link,
    running: Running | None,
    *,
    ref: str,
    connector_no: int,
    readings: Iterable[Reading],
    received_at: datetime,
) -> None:
    """Store readings of one transaction (or of none); returns when they are committed."""
    stored = []
    timed = [(_time_of(link, reading, received_at), reading) for reading in readings if not reading.empty]
    for at, reading in sorted(timed, key=lambda pair: pair[0]):
        energy, suspect = None, ""
        if running is not None:
            key = (at, reading)
            if key in running.recent:
                link.count("sample_repeated")
                continue
            running.recent.append(key)
            energy, suspect = _observe(running, reading.register_kwh, at)
            if suspect:
                link.count(suspect)
        stored.append(_sample(link, ref, connector_no, reading, at, energy, suspect))
    if not stored:
        return
    try:
        await asyncio.gather(*(link.buffers.sample(sample) for sample in stored))
    except Exception:
        # Nothing was answered: what the run has seen must come again from the database and the station.
        if running is not None:
            link.forget(running.ref)
        raise


def _time_of(link: Link, reading: Reading, received_at: datetime) -> datetime:
    if reading.at is None:
        return received_at
    if reading.at > received_at + AHEAD:
        link.count("clock_ahead")
        return received_at
    return reading.at


def _observe(running: Running, register_kwh: Decimal | None, at: datetime) -> tuple[Decimal | None, str]:
    return (None, "") if register_kwh is None else running.run.observe(register_kwh, at)


def _sample(
    link: Link,
    ref: str,
    connector_no: int,
    reading: Reading,
    at: datetime,
    energy_kwh: Decimal | None,
    suspect: str,
) -> StoredReading:
    sample = events.MeterSampled(
        pile=link.pile,
        connector_no=connector_no,
        at=at,
        transaction_ref=ref,
        energy_kwh=energy_kwh,
        power_kw=reading.power_kw,
        voltage_v=reading.voltage_v,
        current_a=reading.current_a,
        soc_pct=reading.soc_pct,
        suspect=suspect,
    )
    return StoredReading(sample, register_kwh=reading.register_kwh, temperature_c=reading.temperature_c)
