"""At which stations an enterprise's account pays."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class EnterpriseStation(models.Model):
    """A station where an enterprise pays for its members, cards and vehicles; without a row it pays nowhere."""

    enterprise = models.ForeignKey(
        "users.Enterprise",
        verbose_name=_("enterprise"),
        on_delete=models.CASCADE,
        related_name="station_rows",
    )
    station = models.ForeignKey(
        "stations.Station",
        verbose_name=_("station"),
        on_delete=models.CASCADE,
        related_name="enterprise_rows",
    )

    class Meta:
        verbose_name = _("enterprise's station")
        verbose_name_plural = _("enterprises' stations")
        constraints = [models.UniqueConstraint(fields=["enterprise", "station"], name="enterprise_station")]

    def __str__(self) -> str:
        return f"{self.enterprise} · {self.station}"
