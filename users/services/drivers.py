"""Drivers: registration, freezing, and leaving."""

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import (
    Card,
    Driver,
    DriverIdentity,
    DriverNotice,
    DriverSettings,
    DriverToken,
    EnterpriseMember,
    Operator,
    Vehicle,
    WhitelistEntry,
)
from users.models.driver import PHONE_PATTERN
from users.services import edits, guards

EDITABLE = ("name",)
_SEPARATORS = re.compile(r"[\s-]")


def normal_phone(phone: str) -> str:
    """A mainland mobile number as 11 digits, without +86, blanks and dashes; DomainError `phone_invalid`."""
    digits = _SEPARATORS.sub("", str(phone)).removeprefix("+86")
    if not re.fullmatch(PHONE_PATTERN, digits, re.ASCII):
        raise DomainError("phone_invalid", {"phone": str(phone)[:20]}, field="phone")
    return digits


def register_driver(
    *,
    actor: Actor,
    phone: str,
    name: str = "",
    operator: Operator | None = None,
    get_existing: bool = False,
) -> Driver:
    """Register the driver of a phone number, by 11 digits starting with 1.

    With `get_existing`, an existing driver of the number is returned unchanged.
    DomainError `permission_denied`, `phone_invalid`, `phone_taken`, `not_found` (operator outside the scope),
    `operator_inactive`, `invalid`.
    """
    policy.require(actor, "users.add_driver")
    phone = normal_phone(phone)
    if operator is not None:
        edits.in_scope(actor, operator)
        if not operator.is_active:
            raise DomainError("operator_inactive", {"code": operator.code}, field="operator")
    existing = _by_phone(phone)
    if existing is None:
        driver = Driver(phone=phone, name=name.strip(), operator=operator)
        edits.validate(driver)
        try:
            with transaction.atomic():
                driver.save(force_insert=True)
                audit.record(
                    actor=actor,
                    action="users.register_driver",
                    target=driver,
                    after={"phone": driver.masked_phone, "name": driver.name},
                )
            return driver
        except IntegrityError:
            existing = _by_phone(phone)
            if existing is None:
                raise
    if not get_existing:
        raise DomainError("phone_taken", {"phone": existing.masked_phone}, field="phone")
    return existing


def update_driver(*, actor: Actor, driver: Driver, changes: Mapping[str, Any]) -> Driver:
    """Change a driver's name; DomainError `permission_denied`, `not_found`, `invalid`."""
    policy.require(actor, "users.change_driver")
    edits.in_scope(actor, driver)
    with transaction.atomic():
        driver = _locked(driver)
        before, after = edits.apply(driver, changes, editable=EDITABLE)
        if before:
            driver.save(update_fields=list(before))
            audit.record(actor=actor, action="users.update_driver", target=driver, before=before, after=after)
    return driver


def rename_self(*, actor: Actor, name: str) -> Driver:
    """A driver changes their own name; DomainError `invalid`."""
    with transaction.atomic():
        driver = _locked(own_driver(actor))
        before, after = edits.apply(driver, {"name": name.strip()}, editable=EDITABLE)
        if before:
            driver.save(update_fields=list(before))
            audit.record(actor=actor, action="users.update_driver", target=driver, before=before, after=after)
    return driver


def cancel_self(*, actor: Actor, phone: str, reason: str = "") -> Driver:
    """A driver ends their own account and types their number to say so.

    DomainError `phone_invalid`, `phone_differs`, and those of `cancel_driver`.
    """
    driver = own_driver(actor)
    if normal_phone(phone) != driver.phone:
        raise DomainError("phone_differs", field="phone")
    return cancel_driver(actor=actor, driver=driver, reason=reason)


def set_frozen(*, actor: Actor, driver: Driver, frozen: bool, reason: str) -> Driver:
    """Freeze a driver, or lift it. A frozen driver may read and stop, never start.

    DomainError `permission_denied`, `not_found`, `reason_required`.
    """
    policy.require(actor, "users.change_driver")
    edits.in_scope(actor, driver)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        driver = _locked(driver)
        if driver.is_frozen != frozen:
            driver.is_frozen = frozen
            driver.save(update_fields=["is_frozen"])
            audit.record(
                actor=actor,
                action="users.freeze_driver" if frozen else "users.unfreeze_driver",
                target=driver,
                reason=reason,
                before={"is_frozen": not frozen},
                after={"is_frozen": frozen},
            )
    return driver


def cancel_driver(*, actor: Actor, driver: Driver, reason: str = "") -> Driver:
    """End an account: personal data goes, orders and money lines stay with a nameless driver.

    A driver ends their own account; staff need `users.cancel_driver` and a reason. The number is free for a new
    account afterwards. DomainError `permission_denied`, `not_found`, `reason_required`, `driver_cancelled`, and
    what the floors above have against it (money on the wallet, a running session, arrears).
    """
    if actor.kind is ActorKind.ACCOUNT:
        if actor.id != str(driver.pk):
            raise DomainError("not_found")
        reason = reason or "own wish"
    else:
        policy.require(actor, "users.cancel_driver")
        edits.in_scope(actor, driver)
        reason = edits.require_reason(reason)
    with transaction.atomic():
        driver = _locked(driver)
        if driver.cancelled_at is not None:
            raise DomainError("driver_cancelled")
        guards.ask(guards.CANCEL_DRIVER, driver)
        guards.carry_out(guards.CANCEL_DRIVER, driver, actor, reason)
        now = clock.now()
        why = "what belongs to the account that ends"
        Card.objects.unscoped(why).filter(driver=driver).update(
            driver=None, enterprise=None, pays_from=Card.PaysFrom.CARD
        )
        EnterpriseMember.objects.unscoped(why).filter(driver=driver).update(is_active=False)
        WhitelistEntry.objects.unscoped(why).filter(vehicle__driver=driver).delete()
        WhitelistEntry.objects.unscoped(why).filter(driver=driver).update(is_active=False)
        for vehicle in Vehicle.objects.unscoped(why).filter(driver=driver):
            if vehicle.licence_photo:
                path, storage = vehicle.licence_photo.name, vehicle.licence_photo.storage
                transaction.on_commit(lambda path=path, storage=storage: storage.delete(path), robust=True)
            vehicle.delete()
        driver.tags.clear()
        DriverToken.objects.filter(driver=driver, revoked_at__isnull=True).update(revoked_at=now)
        for model in (DriverIdentity, DriverSettings, DriverNotice):
            model.objects.unscoped(why).filter(driver=driver).delete()
        driver.phone, driver.name = f"x{driver.pk:010d}", ""
        driver.is_frozen, driver.cancelled_at = True, now
        driver.save(update_fields=["phone", "name", "is_frozen", "cancelled_at"])
        audit.record(
            actor=actor,
            action="users.cancel_driver",
            target=driver,
            reason=reason,
            after={"cancelled_at": edits.plain(now)},
        )
    return driver


def _by_phone(phone: str) -> Driver | None:
    return (
        Driver.objects.unscoped("a phone number is unique on the whole platform").filter(phone=phone).first()
    )


def own_driver(actor: Actor) -> Driver:
    """The driver behind an actor; DomainError `not_found` for anybody else."""
    if actor.kind is not ActorKind.ACCOUNT:
        raise DomainError("not_found")
    return Driver.objects.unscoped("the actor themself").get(pk=int(actor.id))


def _locked(driver: Driver) -> Driver:
    """The driver's row, locked; rows that only point at it can still be inserted by who holds their money."""
    rows = Driver.objects.unscoped("scope is checked by the caller").select_for_update(no_key=True)
    return rows.get(pk=driver.pk)
