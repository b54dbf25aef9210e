"""A driver's own settings."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from kernel.actor import Actor
from kernel.services import audit
from users.models import Driver, DriverSettings
from users.services import edits
from users.services.drivers import own_driver

EDITABLE = (
    "nickname", "avatar_colour", "language", "tell_order_ended", "tell_balance_low", "tell_coupon_expiring",
    "tell_marketing",
)  # fmt: skip


def settings_of(driver: Driver) -> DriverSettings:
    """The settings of a driver; the defaults, unsaved, where they have changed nothing."""
    rows = DriverSettings.objects.unscoped("a driver's own")
    return rows.filter(driver=driver).first() or DriverSettings(driver=driver)


def change_settings(*, actor: Actor, changes: Mapping[str, Any]) -> DriverSettings:
    """A driver changes their own settings; DomainError `invalid`, `not_found`."""
    driver = own_driver(actor)
    with transaction.atomic():
        rows = DriverSettings.objects.unscoped("a driver's own")
        rows.get_or_create(driver=driver)
        settings = rows.select_for_update().get(driver=driver)
        before, after = edits.apply(settings, changes, editable=EDITABLE)
        if before:
            settings.save(update_fields=list(before))
            audit.record(
                actor=actor, action="users.change_settings", target=driver, before=before, after=after
            )
    return settings
