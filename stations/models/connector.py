"""Connectors (guns) of piles and their last known state."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class Connector(models.Model):
    """One gun. `code` (pile code + two digits) is what a driver scans or types."""

    class State(models.TextChoices):
        OFFLINE = "offline", _("Offline")
        IDLE = "idle", _("Idle")
        OCCUPIED = "occupied", _("Occupied")
        CHARGING = "charging", _("Charging")
        FAULT = "fault", _("Fault")
        RESERVED = "reserved", _("Reserved")

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey(
        "stations.Station", verbose_name=_("station"), on_delete=models.PROTECT, related_name="connectors"
    )
    pile = models.ForeignKey(
        "stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT, related_name="connectors"
    )
    number = models.PositiveSmallIntegerField(_("number"))
    code = models.CharField(_("code"), max_length=36, unique=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OFFLINE)
    state_changed_at = models.DateTimeField(_("in this state since"), null=True, blank=True)
    plugged = models.BooleanField(_("plugged in"), null=True, blank=True)
    fault_code = models.CharField(_("fault"), max_length=64, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("connector")
        verbose_name_plural = _("connectors")
        ordering = ["pile_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["pile", "number"], name="connector_number"),
            models.CheckConstraint(
                name="connector_number_range", condition=models.Q(number__gte=1, number__lte=99)
            ),
            models.CheckConstraint(
                name="connector_state_known",
                condition=models.Q(
                    state__in=["offline", "idle", "occupied", "charging", "fault", "reserved"]
                ),
            ),
        ]
        indexes = [models.Index(fields=["station", "state"], name="connector_board")]

    def __str__(self) -> str:
        return self.code

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
