"""What vehicles report: every report in one batch, the vehicle's own description on a row of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.db.models import F

from devices import events
from devices.models import ReportedVehicle, VehicleReport
from kernel.runtime.rows import append_rows

K = VehicleReport.Kind


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of `VehicleReport`."""

    operator_id: int
    station_id: int
    pile_id: int
    connector_no: int
    transaction_ref: str
    at: datetime
    kind: str
    vin: str
    data: Any


def store_reports(reports: Sequence[events.VehicleReported]) -> None:
    """Store a batch and publish all but the running figures, in one database transaction."""
    if not reports:
        return
    with transaction.atomic():
        append_rows(VehicleReport, [_row(report) for report in reports])
        # In the order of their keys, so that two batches cannot wait for each other.
        for report in sorted(reports, key=lambda report: (report.pile.operator_id, report.vin)):
            if report.vin and report.kind in (K.HANDSHAKE, K.PARAMETERS):
                _describe(report)
        for report in reports:
            if report.kind != K.RUNNING:
                events.publish(report)


def _row(report: events.VehicleReported) -> _Row:
    return _Row(
        operator_id=report.pile.operator_id,
        station_id=report.pile.station_id,
        pile_id=report.pile.id,
        connector_no=report.connector_no,
        transaction_ref=report.transaction_ref,
        at=report.at,
        kind=report.kind,
        vin=report.vin,
        data=dict(report.data),
    )


def _describe(report: events.VehicleReported) -> None:
    data, pile = report.data, report.pile
    place = {
        "station_id": pile.station_id,
        "pile_id": pile.id,
        "last_seen_at": report.at,
    }
    if report.kind == K.HANDSHAKE:
        known = {
            "battery_type": _battery(data.get("battery_type")),
            "capacity_ah": _number(data.get("capacity")),
            "rated_voltage_v": _number(data.get("rated_voltage")),
            "maker": str(data.get("maker") or "")[:8],
            "produced_on": _date(data),
            "cycles": data.get("cycles"),
        }
    else:
        known = {
            "energy_kwh": _number(data.get("energy")),
            "max_voltage_v": _number(data.get("v_max")),
            "max_current_a": _number(data.get("i_max")),
            "max_cell_v": _number(data.get("cell_v_max")),
            "max_temperature_c": data.get("t_max"),
        }
    known = {name: value for name, value in known.items() if value not in (None, "")}
    vehicle, _created = ReportedVehicle.objects.get_or_create(
        operator_id=pile.operator_id, vin=report.vin, defaults={**place, "first_seen_at": report.at}
    )
    changes = {**place, **known}
    if report.kind == K.HANDSHAKE:
        changes["charges"] = F("charges") + 1
    ReportedVehicle.objects.filter(pk=vehicle.pk).update(**changes)


def _battery(code: Any) -> int | None:
    return code if code in ReportedVehicle.Battery.values else None


def _number(text: Any) -> Decimal | None:
    """A figure, None for one that is missing; zero means that the vehicle does not tell."""
    try:
        return Decimal(str(text)) or None
    except InvalidOperation:
        return None


def _date(data: Any) -> date | None:
    try:
        return date(data["year"], data["month"], data["day"])
    except (KeyError, TypeError, ValueError):
        return None
