"""Stations that a driver keeps at hand."""

from django.db import transaction

from kernel.actor import Actor
from kernel.errors import DomainError
from stations import selectors
from stations.models import FavouriteStation
from users.models import Driver

MOST = 100


def keep(*, actor: Actor, driver: Driver, code: str) -> bool:
    """Put a station on the driver's list; False when it is there already.

    DomainError `station_unknown`, `favourites_full`.
    """
    station = selectors.station_get(actor=actor, code=code)
    with transaction.atomic():
        Driver.objects.unscoped("the driver's own list").select_for_update(no_key=True).get(pk=driver.pk)
        own = FavouriteStation.objects.unscoped("the driver's own list").filter(driver=driver)
        if own.filter(station=station).exists():
            return False
        if own.count() >= MOST:
            raise DomainError("favourites_full", {"most": MOST})
        FavouriteStation.objects.create(driver=driver, station=station)
    return True


def drop(*, driver: Driver, code: str) -> bool:
    """Take a station off the driver's list; False when it was not there. A closed station can be taken off too."""
    rows = FavouriteStation.objects.unscoped("the driver's own list")
    removed, _each = rows.filter(driver=driver, station__code=code).delete()
    return bool(removed)
