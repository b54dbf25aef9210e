"""Meter samples: what a connector measured, appended in batches."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class MeterSample(models.Model):
    """One reading. Ids are plain integers: an append-only table pays for no foreign-key look-ups.

    `energy_kwh` is what this session has delivered so far; `register_kwh` is the meter's own register.
    """

    operator_id = models.BigIntegerField(_("operator"))
    station_id = models.BigIntegerField(_("station"))
    pile_id = models.BigIntegerField(_("pile"))
    connector_no = models.PositiveSmallIntegerField(_("connector"))
    transaction_ref = models.CharField(_("transaction no."), max_length=64, blank=True)
    at = models.DateTimeField(_("at"))
    energy_kwh = FixedPointField(_("energy (kWh)"), places=4, null=True)
    register_kwh = FixedPointField(_("register (kWh)"), places=4, null=True)
    power_kw = FixedPointField(_("power (kW)"), places=3, null=True)
    voltage_v = FixedPointField(_("voltage (V)"), places=1, null=True)
    current_a = FixedPointField(_("current (A)"), places=2, null=True)
    soc_pct = models.PositiveSmallIntegerField(_("SoC (%)"), null=True)
    temperature_c = models.SmallIntegerField(_("temperature (°C)"), null=True)
    device_amount = FixedPointField(_("amount by the pile (yuan)"), places=4, null=True)
    suspect = models.CharField(_("suspect"), max_length=32, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("meter sample")
        verbose_name_plural = _("meter samples")
        indexes = [
            models.Index(fields=["pile_id", "transaction_ref", "at"], name="sample_of_transaction"),
            models.Index(fields=["pile_id", "connector_no", "at"], name="sample_of_connector"),
        ]

    def __str__(self) -> str:
        return f"{self.pile_id}/{self.connector_no} {self.at}"
