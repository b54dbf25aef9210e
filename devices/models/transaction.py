"""Transactions that the platform numbers (OCPP 1.6): the number is the primary key."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class DeviceTransaction(models.Model):
    """One StartTransaction. `identity` makes a resent start find its first row again."""

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey(
        "stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT, related_name="transactions"
    )
    connector_no = models.PositiveSmallIntegerField(_("connector"))
    identity = models.CharField(max_length=160, unique=True)
    id_tag = models.CharField(_("tag"), max_length=64, blank=True)
    started_at = models.DateTimeField(_("started at"))
    meter_start_kwh = FixedPointField(_("meter start (kWh)"), places=4)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    meter_end_kwh = FixedPointField(_("meter end (kWh)"), places=4, null=True, blank=True)
    stop_reason = models.CharField(_("stop reason"), max_length=48, blank=True)
    authorization = models.CharField(_("authorisation"), max_length=16, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("device transaction")
        verbose_name_plural = _("device transactions")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["pile", "connector_no"],
                name="transaction_open",
                condition=models.Q(ended_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def ref(self) -> str:
        return str(self.pk)
