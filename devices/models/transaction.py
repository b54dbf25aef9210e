"""Transactions of OCPP piles: numbered by the platform (1.6, the primary key) or named by the station (2.0.1)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class DeviceTransaction(models.Model):
    """One transaction. `identity` makes a resent start find its first row again.

    `station_ref` is the station's own name for it, unique on its pile: one that a station uses again gets `~2`
    and so on. Empty when the platform's number is the name. `start_known` is false while only later messages of
    it came; its start is then the time of the first of them, and a missing `meter_start_kwh` stays unknown.
    """

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey(
        "stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT, related_name="transactions"
    )
    connector_no = models.PositiveSmallIntegerField(_("connector"))
    identity = models.CharField(max_length=160, unique=True)
    id_tag = models.CharField(_("tag"), max_length=64, blank=True)
    started_at = models.DateTimeField(_("started at"))
    meter_start_kwh = FixedPointField(_("meter start (kWh)"), places=4, null=True, blank=True)
    start_known = models.BooleanField(_("start reported"), default=True)
    station_ref = models.CharField(_("transaction no."), max_length=64, blank=True, default="")
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
            ),
            models.Index(
                fields=["pile", "station_ref"],
                name="transaction_named",
                condition=~models.Q(station_ref=""),
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """The transaction as orders, samples and records name it."""
        return self.station_ref or str(self.pk)
