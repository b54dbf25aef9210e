"""What vehicles tell piles of their batteries (GB/T 27930), as the piles pass it on."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from devices.models.base import PileRow
from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class VehicleReport(models.Model):
    """One report of a vehicle in one charge. Append-only; ids are plain integers, as with meter samples.

    `data` holds the fields of the report with numbers as text: volts, amperes, kWh, °C, percent and minutes.
    """

    class Kind(models.TextChoices):
        HANDSHAKE = "handshake", _("Handshake")
        PARAMETERS = "parameters", _("Battery parameters")
        RUNNING = "running", _("Demand and battery state")
        STATISTICS = "statistics", _("Statistics at the end")
        ERRORS = "errors", _("Communication errors")
        STOPPED_BY_VEHICLE = "stopped_by_vehicle", _("Stopped by the vehicle")
        STOPPED_BY_PILE = "stopped_by_pile", _("Stopped by the pile")

    operator_id = models.BigIntegerField(_("operator"))
    station_id = models.BigIntegerField(_("station"))
    pile_id = models.BigIntegerField(_("pile"))
    connector_no = models.PositiveSmallIntegerField(_("connector"))
    transaction_ref = models.CharField(_("transaction no."), max_length=64, blank=True)
    at = models.DateTimeField(_("at"))
    kind = models.CharField(_("report"), max_length=20, choices=Kind.choices)
    vin = models.CharField(_("VIN"), max_length=17, blank=True)
    data = models.JSONField(_("report content"), default=dict)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("vehicle report")
        verbose_name_plural = _("vehicle reports")
        indexes = [
            models.Index(fields=["pile_id", "transaction_ref", "at"], name="vehicle_of_transaction"),
            models.Index(fields=["vin", "at"], name="vehicle_by_vin", condition=models.Q(kind="handshake")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.vin}".strip()


class ReportedVehicle(PileRow):
    """A vehicle as its battery management described it at piles of one operator; the place is that of its last charge.

    Only what it said itself: owners, plates and permissions belong to the accounts of drivers and enterprises.
    """

    class Battery(models.IntegerChoices):
        LEAD_ACID = 1, _("Lead-acid")
        NIMH = 2, _("Nickel-metal hydride")
        LFP = 3, _("Lithium iron phosphate")
        LMO = 4, _("Lithium manganese oxide")
        LCO = 5, _("Lithium cobalt oxide")
        NMC = 6, _("Ternary lithium")
        LI_POLYMER = 7, _("Lithium polymer")
        LTO = 8, _("Lithium titanate")
        OTHER = 255, _("Other battery")

    vin = models.CharField(_("VIN"), max_length=17)
    battery_type = models.PositiveSmallIntegerField(
        _("battery"), choices=Battery.choices, null=True, blank=True
    )
    capacity_ah = FixedPointField(_("rated capacity (Ah)"), places=1, null=True, blank=True)
    rated_voltage_v = FixedPointField(_("rated voltage (V)"), places=1, null=True, blank=True)
    energy_kwh = FixedPointField(_("rated energy (kWh)"), places=1, null=True, blank=True)
    maker = models.CharField(_("battery maker"), max_length=8, blank=True)
    produced_on = models.DateField(_("battery made on"), null=True, blank=True)
    cycles = models.PositiveIntegerField(_("charges so far"), null=True, blank=True)
    max_voltage_v = FixedPointField(_("highest voltage (V)"), places=1, null=True, blank=True)
    max_current_a = FixedPointField(_("highest current (A)"), places=1, null=True, blank=True)
    max_cell_v = FixedPointField(_("highest cell voltage (V)"), places=2, null=True, blank=True)
    max_temperature_c = models.SmallIntegerField(_("highest temperature (°C)"), null=True, blank=True)
    charges = models.PositiveIntegerField(_("charges here"), default=0)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))

    class Meta(PileRow.Meta):
        verbose_name = _("vehicle at the piles")
        verbose_name_plural = _("vehicles at the piles")
        ordering = ["-last_seen_at"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "vin"], name="reported_vehicle_once"),
            models.CheckConstraint(condition=~models.Q(vin=""), name="reported_vehicle_has_vin"),
        ]

    def __str__(self) -> str:
        return self.vin
