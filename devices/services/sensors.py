"""Readings of sensors: stored once, compared with their limit, and told to the floors above."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from devices import events
from devices.locks import lock_pile
from devices.models import Sensor, SensorReading


def report(
    *,
    pile: events.PileRef,
    sensor: str,
    kind: str,
    at: datetime,
    value: Decimal | None = None,
    alarm: bool | None = None,
    battery_pct: int | None = None,
) -> Sensor:
    """Store a reading, once per sensor and moment, and publish `SensorReported`.

    `alarm` is what the sensor itself says; a temperature above `EV_TEMPERATURE_LIMIT_C` is one whatever it says.
    A reading that is older than the last is kept and changes nothing else.
    """
    hot = kind == Sensor.Kind.TEMPERATURE and value is not None and value > settings.TEMPERATURE_LIMIT_C
    alarmed = bool(alarm) or hot
    with transaction.atomic():
        lock_pile(pile.id)
        place = {"operator_id": pile.operator_id, "station_id": pile.station_id, "pile_id": pile.id}
        row = Sensor.objects.filter(pile_id=pile.id, code=sensor, kind=kind).first()
        before = row.alarm if row is not None else False
        if row is None:
            row = Sensor(code=sensor, kind=kind, reported_at=at, **place)
        newest = row.pk is None or at > row.reported_at
        if newest:
            row.value, row.alarm, row.reported_at = value, alarmed, at
            if battery_pct is not None:
                row.battery_pct = battery_pct
            row.save()
        _reading, created = SensorReading.objects.get_or_create(
            sensor_id=row.pk, at=at, defaults={"value": value, "alarm": alarmed, **place}
        )
        if newest and created:
            events.publish(
                events.SensorReported(
                    pile=pile,
                    at=at,
                    sensor_id=row.pk,
                    sensor=sensor,
                    kind=kind,
                    value=value,
                    alarm=alarmed,
                    was_alarm=before,
                )
            )
    return row
