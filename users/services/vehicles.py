"""Vehicles: whose they are, which one is the default, and the check that makes a VIN start a charge."""

import re
from collections.abc import Mapping
from typing import Any

from django.core.files import File
from django.db import IntegrityError, transaction

from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import Driver, Enterprise, Vehicle
from users.services import edits, guards

S = Vehicle.State
EDITABLE = ("plate", "vin", "kind", "model_name")
MOST_OF_A_DRIVER = 20
LARGEST_PHOTO = 5 * 1024 * 1024
# The first bytes of what a phone uploads; the name it comes under says nothing.
_PHOTO_KINDS = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png"}


def find_vehicle(vin: str) -> Vehicle | None:
    """The verified vehicle of a VIN; for deciding at the pile, where scope does not apply."""
    vehicles = Vehicle.objects.unscoped("a pile reads any VIN").select_related("driver", "enterprise")
    return vehicles.filter(vin=vin.strip().upper(), state=S.VERIFIED).first() if vin.strip() else None


def add_vehicle(
    *,
    actor: Actor,
    driver: Driver | None = None,
    enterprise: Enterprise | None = None,
    plate: str = "",
    vin: str = "",
    kind: str = Vehicle.Kind.PRIVATE,
    model_name: str = "",
) -> Vehicle:
    """Add a vehicle to a driver (themself, or staff for them) or to an enterprise. The first becomes the default.

    DomainError `permission_denied`, `not_found`, `vehicle_numbers` (neither plate nor VIN), `invalid`,
    `vehicle_taken` (the owner has the plate already), `vehicle_too_many`.
    """
    owner = driver or enterprise
    if owner is None or (driver is not None and enterprise is not None):
        raise DomainError("vehicle_owner")
    _require_may(actor, owner, "users.add_vehicle")
    vehicle = Vehicle(
        driver=driver,
        enterprise=enterprise,
        operator_id=owner.operator_id,
        plate=normal_plate(plate),
        vin=normal_vin(vin),
        kind=kind,
        model_name=model_name.strip(),
    )
    edits.validate(vehicle)
    _check_numbers(vehicle)
    with transaction.atomic():
        if driver is not None:
            Driver.objects.unscoped("the owner").select_for_update().get(pk=driver.pk)
            own = Vehicle.objects.unscoped("of one driver").filter(driver=driver)
            if own.count() >= MOST_OF_A_DRIVER:
                raise DomainError("vehicle_too_many", {"most": MOST_OF_A_DRIVER})
            vehicle.is_default = not own.filter(is_default=True).exists()
        _save(vehicle, force_insert=True)
        audit.record(
            actor=actor,
            action="users.add_vehicle",
            target=vehicle,
            after={"plate": vehicle.masked_plate, "vin": vehicle.masked_vin, "kind": vehicle.kind},
        )
    return vehicle


def update_vehicle(*, actor: Actor, vehicle: Vehicle, changes: Mapping[str, Any]) -> Vehicle:
    """Change plate, VIN, kind or model. Another number needs another check, so the vehicle is unverified again."""
    _require_may(actor, vehicle.driver or vehicle.enterprise, "users.change_vehicle")
    edits.in_scope(actor, vehicle)
    changes = dict(changes)
    if "plate" in changes:
        changes["plate"] = normal_plate(changes["plate"])
    if "vin" in changes:
        changes["vin"] = normal_vin(changes["vin"])
    with transaction.atomic():
        vehicle = _locked(vehicle)
        before, after = edits.apply(vehicle, changes, editable=EDITABLE)
        _check_numbers(vehicle)
        if not before:
            return vehicle
        if {"plate", "vin"} & before.keys() and vehicle.state != S.UNVERIFIED:
            before["state"], after["state"] = vehicle.state, S.UNVERIFIED
            vehicle.state = S.UNVERIFIED
        _save(vehicle, update_fields=list(before))
        audit.record(
            actor=actor,
            action="users.update_vehicle",
            target=vehicle,
            before=_masked(before),
            after=_masked(after),
        )
    return vehicle


def make_default(*, actor: Actor, vehicle: Vehicle) -> Vehicle:
    """Make a driver's vehicle their default one; exactly one is. DomainError `not_found`, `vehicle_owner`."""
    edits.in_scope(actor, vehicle)
    if vehicle.driver_id is None:
        raise DomainError("vehicle_owner")
    _require_may(actor, vehicle.driver, "users.change_vehicle")
    with transaction.atomic():
        Driver.objects.unscoped("the owner").select_for_update().get(pk=vehicle.driver_id)
        own = Vehicle.objects.unscoped("of one driver").filter(driver_id=vehicle.driver_id)
        own.filter(is_default=True).exclude(pk=vehicle.pk).update(is_default=False)
        own.filter(pk=vehicle.pk).update(is_default=True)
        vehicle.refresh_from_db()
        audit.record(actor=actor, action="users.default_vehicle", target=vehicle)
    return vehicle


def remove_vehicle(*, actor: Actor, vehicle: Vehicle) -> None:
    """Remove a vehicle; orders keep what they copied of it. Another one becomes the default.

    DomainError `permission_denied`, `not_found`, `vehicle_listed` (on a whitelist), those of the guards.
    """
    _require_may(actor, vehicle.driver or vehicle.enterprise, "users.delete_vehicle")
    edits.in_scope(actor, vehicle)
    with transaction.atomic():
        vehicle = _locked(vehicle)
        guards.ask(guards.REMOVE_VEHICLE, vehicle)
        audit.record(
            actor=actor,
            action="users.remove_vehicle",
            target=vehicle,
            before={"plate": vehicle.masked_plate, "vin": vehicle.masked_vin, "state": vehicle.state},
        )
        driver_id, was_default = vehicle.driver_id, vehicle.is_default
        vehicle.whitelistentry_set.filter(is_active=False).delete()
        if vehicle.whitelistentry_set.exists():
            raise DomainError("vehicle_listed")
        vehicle.delete()
        if driver_id is not None and was_default:
            rest = (
                Vehicle.objects.unscoped("of one driver").filter(driver_id=driver_id).order_by("pk").first()
            )
            if rest is not None:
                rest.is_default = True
                rest.save(update_fields=["is_default"])


def ask_verification(*, actor: Actor, vehicle: Vehicle, photo: File | None = None) -> Vehicle:
    """Put a vehicle before a reviewer, with a photo of its licence (JPEG or PNG, at most 5 MiB) if there is one.

    DomainError `not_found`, `vehicle_verified`, `vehicle_photo`, `permission_denied`.
    """
    _require_may(actor, vehicle.driver or vehicle.enterprise, "users.change_vehicle")
    edits.in_scope(actor, vehicle)
    extension = _photo_kind(photo) if photo is not None else ""
    with transaction.atomic():
        vehicle = _locked(vehicle)
        if vehicle.state == S.VERIFIED:
            raise DomainError("vehicle_verified")
        before = vehicle.state
        vehicle.state, vehicle.review_note = S.WAITING, ""
        if photo is not None:
            vehicle.licence_photo.save(f"{vehicle.pk}.{extension}", photo, save=False)
        vehicle.save(update_fields=["state", "review_note", "licence_photo"])
        audit.record(
            actor=actor,
            action="users.ask_vehicle_verification",
            target=vehicle,
            before={"state": before},
            after={"state": vehicle.state, "photo": vehicle.licence_photo.name},
        )
    return vehicle


def review_vehicle(*, actor: Actor, vehicle: Vehicle, verified: bool, reason: str) -> Vehicle:
    """Verify a vehicle, refuse it, or take a verification back.

    A VIN is verified for one vehicle only. DomainError `permission_denied`, `not_found`, `reason_required`,
    `vehicle_vin_taken`.
    """
    policy.require(actor, "users.verify_vehicle")
    edits.in_scope(actor, vehicle)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        vehicle = _locked(vehicle)
        before = vehicle.state
        vehicle.state = S.VERIFIED if verified else S.REFUSED
        vehicle.review_note, vehicle.reviewed_at = reason[:255], clock.now()
        _save(vehicle, update_fields=["state", "review_note", "reviewed_at"])
        audit.record(
            actor=actor,
            action="users.review_vehicle",
            target=vehicle,
            reason=reason,
            before={"state": before},
            after={"state": vehicle.state},
        )
    return vehicle


def normal_plate(text: str) -> str:
    """A plate in capitals without blanks and dots."""
    return re.sub(r"[\s·.・-]", "", text or "").upper()


def normal_vin(text: str) -> str:
    """A VIN in capitals without blanks."""
    return re.sub(r"\s", "", text or "").upper()


def _require_may(actor: Actor, owner: Driver | Enterprise, permission: str) -> None:
    """A driver for themself; staff with the permission and the owner in scope."""
    if actor.kind is ActorKind.ACCOUNT:
        if not isinstance(owner, Driver) or actor.id != str(owner.pk):
            raise DomainError("not_found")
        return
    policy.require(actor, permission)
    edits.in_scope(actor, owner)


def _check_numbers(vehicle: Vehicle) -> None:
    if not vehicle.plate and not vehicle.vin:
        raise DomainError("vehicle_numbers", field="plate")


def _photo_kind(photo: File) -> str:
    head = photo.read(8)
    photo.seek(0)
    kind = next((kind for magic, kind in _PHOTO_KINDS.items() if head.startswith(magic)), None)
    if kind is None or photo.size > LARGEST_PHOTO:
        raise DomainError("vehicle_photo", {"most_mib": LARGEST_PHOTO // 2**20}, field="photo")
    return kind


def _save(vehicle: Vehicle, **how: Any) -> None:
    try:
        with transaction.atomic():
            vehicle.save(**how)
    except IntegrityError as error:
        if "vin" in str(error):
            raise DomainError("vehicle_vin_taken", field="vin") from None
        raise DomainError("vehicle_taken", {"plate": vehicle.plate}, field="plate") from None


def _masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers stay out of the audit trail; that they changed is enough."""
    return {
        name: (f"…{value[-3:]}" if name in ("plate", "vin") and value else value)
        for name, value in values.items()
    }


def _locked(vehicle: Vehicle) -> Vehicle:
    rows = Vehicle.objects.unscoped("scope is checked by the caller").select_for_update(of=("self",))
    found = rows.select_related("driver", "enterprise").filter(pk=vehicle.pk).first()
    if found is None:
        raise DomainError("not_found")
    return found
