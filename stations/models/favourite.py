"""Stations that drivers keep."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class FavouriteStation(models.Model):
    """One station on one driver's list, once."""

    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.CASCADE, related_name="favourite_stations"
    )
    station = models.ForeignKey(
        "stations.Station", verbose_name=_("station"), on_delete=models.CASCADE, related_name="favourites"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="station__operator_id", station="station_id", driver="driver_id")

    class Meta:
        verbose_name = _("favourite station")
        verbose_name_plural = _("favourite stations")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["driver", "station"], name="favourite_station_once")]

    def __str__(self) -> str:
        return f"{self.driver_id}: {self.station_id}"
