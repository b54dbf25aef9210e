"""Transaction records as the pile sent them: raw, never changed, one row per business identity."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class TransactionRecord(models.Model):
    """What a pile reported of one finished session.

    `identity` is the business key (YKC: pile + trade number; OCPP 1.6: pile + connector + start time + start
    meter + tag; OCPP 2.0.1: pile + transaction + event type + sequence number + time of its end). A repeat with the same content only counts `times_received`; a repeat with other content is
    kept in `conflicts` and flagged by whoever owns the money.
    """

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey(
        "stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT, related_name="records"
    )
    connector_no = models.PositiveSmallIntegerField(_("connector"))
    protocol = models.CharField(_("protocol"), max_length=16)
    identity = models.CharField(_("identity"), max_length=160, unique=True)
    transaction_ref = models.CharField(_("transaction no."), max_length=64)
    fingerprint = models.CharField(max_length=64)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    energy_kwh = FixedPointField(_("energy (kWh)"), places=4, null=True, blank=True)
    meter_start_kwh = FixedPointField(_("meter start (kWh)"), places=4, null=True, blank=True)
    meter_end_kwh = FixedPointField(_("meter end (kWh)"), places=4, null=True, blank=True)
    charged_s = models.PositiveIntegerField(
        _("charged (s)"), null=True, blank=True, help_text=_("Without the time it stood still")
    )
    peak_w = models.PositiveIntegerField(_("peak power (W)"), null=True, blank=True)
    device_amount = FixedPointField(_("amount by the pile (yuan)"), places=4, null=True, blank=True)
    tiers = models.JSONField(
        _("tiers"), default=dict, blank=True, help_text=_("Per wire tier: price, energy_kwh, amount as text")
    )
    stop_reason = models.CharField(_("stop reason"), max_length=48, blank=True)
    stop_code = models.CharField(_("stop code"), max_length=32, blank=True)
    start_method = models.CharField(_("started by"), max_length=16, blank=True)
    id_tag = models.CharField(_("tag"), max_length=64, blank=True)
    payload = models.JSONField(_("decoded"), default=dict)
    raw = models.TextField(_("raw"), blank=True)
    received_at = models.DateTimeField(_("received at"))
    times_received = models.PositiveIntegerField(_("times received"), default=1)
    conflicts = models.JSONField(_("conflicting repeats"), default=list, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("transaction record")
        verbose_name_plural = _("transaction records")
        ordering = ["-id"]
        indexes = [models.Index(fields=["pile", "transaction_ref"], name="record_of_transaction")]

    def __str__(self) -> str:
        return self.transaction_ref
