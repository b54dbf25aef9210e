"""Stations: opening, changing and closing places with piles."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.geo import to_gcj02
from stations.models import Station
from stations.models.station import Amenity, Datum
from users import policy
from users.models import Operator
from users.services import edits
from users.services.operators import check_code

EDITABLE = (
    "name",
    "group",
    "address",
    "region_code",
    "longitude",
    "latitude",
    "datum",
    "measured_longitude",
    "measured_latitude",
    "scene",
    "amenities",
    "surroundings",
    "opening_hours",
    "parking_note",
    "time_zone",
    "service_phone",
    "duty_phone",
    "is_open",
)
PLACE = ("longitude", "latitude", "datum")
# What a form of a station may hold; the measured coordinates are written with the place.
FORM_FIELDS = (
    "operator",
    "code",
    *(name for name in EDITABLE if not name.startswith("measured") and name != "is_open"),
)
ARCHIVE = ("scene", "amenities", "surroundings", "opening_hours", "parking_note", "duty_phone")
_DEGREE = Decimal("0.000001")


def create_station(
    *,
    actor: Actor,
    operator: Operator,
    code: str,
    name: str,
    address: str = "",
    longitude: Decimal | float | str | None = None,
    latitude: Decimal | float | str | None = None,
    datum: str = Datum.GCJ02,
    region_code: str = "",
    time_zone: str = "Asia/Shanghai",
    service_phone: str = "",
    group: Any = None,
    archive: Mapping[str, Any] | None = None,
) -> Station:
    """Create a station; coordinates are degrees measured in `datum`, kept to six places.

    `archive` holds fields of `ARCHIVE`.

    DomainError `permission_denied`, `not_found` (operator outside the scope), `operator_inactive`, `invalid`
    (names the field), `station_code_taken`.
    """
    policy.require(actor, "stations.add_station")
    edits.in_scope(actor, operator)
    if not operator.is_active:
        raise DomainError("operator_inactive", {"code": operator.code}, field="operator")
    station = Station(
        operator=operator,
        code=check_code(code, "code"),
        name=name.strip(),
        address=address.strip(),
        **_place(longitude, latitude, datum),
        region_code=region_code.strip(),
        time_zone=time_zone,
        service_phone=service_phone.strip(),
        group=group,
    )
    edits.apply(station, archive or {}, editable=ARCHIVE)
    _check(station)
    try:
        with transaction.atomic():
            station.save(force_insert=True)
            audit.record(
                actor=actor,
                action="stations.create_station",
                target=station,
                after={"code": station.code, "name": station.name, "operator": operator.code},
            )
    except IntegrityError:
        raise DomainError("station_code_taken", {"code": station.code}, field="code") from None
    return station


def update_station(*, actor: Actor, station: Station, changes: Mapping[str, Any]) -> Station:
    """Change the fields of `EDITABLE`; coordinates are degrees measured in `datum`, given or as it is.

    DomainError `permission_denied`, `not_found`, `invalid`.
    """
    policy.require(actor, "stations.change_station")
    edits.in_scope(actor, station)
    changes = dict(changes)
    with transaction.atomic():
        station = _locked(station)
        if placed := {name: changes.pop(name) for name in PLACE if name in changes}:
            changes |= _place(
                placed.get("longitude", station.measured_longitude or station.longitude),
                placed.get("latitude", station.measured_latitude or station.latitude),
                placed.get("datum", station.datum),
            )
        before, after = edits.apply(station, changes, editable=EDITABLE)
        _check(station)
        if before:
            station.save(update_fields=list(before))
            audit.record(
                actor=actor, action="stations.update_station", target=station, before=before, after=after
            )
    return station


def set_open(*, actor: Actor, station: Station, is_open: bool, reason: str) -> Station:
    """Open or close a station. Nobody starts at a closed one; running sessions go on.

    DomainError `permission_denied`, `not_found`, `reason_required`.
    """
    policy.require(actor, "stations.change_station")
    edits.in_scope(actor, station)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        station = _locked(station)
        if station.is_open != is_open:
            station.is_open = is_open
            station.save(update_fields=["is_open"])
            audit.record(
                actor=actor,
                action="stations.open_station" if is_open else "stations.close_station",
                target=station,
                reason=reason,
                before={"is_open": not is_open},
                after={"is_open": is_open},
            )
    return station


def degrees(value: Decimal | float | str | None, field: str) -> Decimal | None:
    """Degrees rounded to six places (0.1 m); DomainError `invalid` for what is no number or out of range."""
    if value is None or value == "":
        return None
    limit = 180 if field == "longitude" else 90
    try:
        number = Decimal(str(value))
        if number.is_finite() and abs(number) <= limit:
            return number.quantize(_DEGREE)
    except ArithmeticError:
        pass
    reason = _("degrees from -%(limit)s to %(limit)s are accepted.") % {"limit": limit}
    raise DomainError("invalid", {"field": field, "reason": reason}, field=field)


def _place(longitude: Any, latitude: Any, datum: str) -> dict[str, Any]:
    """The fields of a place that was measured in `datum`."""
    if datum not in Datum.values:
        reason = _("%(accepted)s are accepted.") % {"accepted": ", ".join(Datum.values)}
        raise DomainError("invalid", {"field": "datum", "reason": reason}, field="datum")
    east, north = degrees(longitude, "longitude"), degrees(latitude, "latitude")
    place = {"datum": datum, "measured_longitude": None, "measured_latitude": None}
    if datum == Datum.GCJ02 or east is None or north is None:
        return {**place, "longitude": east, "latitude": north}
    x, y = to_gcj02(datum, float(east), float(north))
    return {
        "datum": datum,
        "measured_longitude": east,
        "measured_latitude": north,
        "longitude": degrees(x, "longitude"),
        "latitude": degrees(y, "latitude"),
    }


def _check(station: Station) -> None:
    edits.validate(station)
    if (station.longitude is None) != (station.latitude is None):
        field = "latitude" if station.latitude is None else "longitude"
        raise DomainError(
            "invalid", {"field": field, "reason": _("give both coordinates or neither.")}, field=field
        )
    if unknown := set(station.amenities) - set(Amenity.values):
        reason = _("%(accepted)s are accepted.") % {"accepted": ", ".join(Amenity.values)}
        raise DomainError(
            "invalid", {"field": "amenities", "reason": f"{sorted(unknown)[0]}: {reason}"}, field="amenities"
        )
    if station.region_code and not re.fullmatch(r"\d{6}", station.region_code, re.ASCII):
        reason = _("six digits of GB/T 2260 are accepted.")
        raise DomainError("invalid", {"field": "region_code", "reason": reason}, field="region_code")
    try:
        ZoneInfo(station.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        reason = _("a name such as Asia/Shanghai is accepted.")
        raise DomainError("invalid", {"field": "time_zone", "reason": reason}, field="time_zone") from None
    if station.group is not None and station.group.operator_id != station.operator_id:
        reason = _("the group belongs to another operator.")
        raise DomainError("invalid", {"field": "group", "reason": reason}, field="group")


def _locked(station: Station) -> Station:
    rows = Station.objects.unscoped("scope is checked by the caller")
    return rows.select_related("operator").select_for_update(of=("self",)).get(pk=station.pk)
