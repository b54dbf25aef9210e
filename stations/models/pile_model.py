"""Makes and models of piles, with what the platform must know of them."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField


class PileModel(models.Model):
    """A make and model. Shared by all operators."""

    class CurrentType(models.TextChoices):
        DC = "dc", _("DC")
        AC = "ac", _("AC")

    class RegisterKind(models.TextChoices):
        LIFETIME = "lifetime", _("Lifetime register")
        SESSION = "session", _("Starts at zero every session")

    class ConnectorStandard(models.TextChoices):
        GBT_AC = "gbt_ac", _("GB/T 20234.2-2015 (AC)")
        GBT_DC = "gbt_dc", _("GB/T 20234.3-2015 (DC)")
        CHAOJI = "chaoji", _("GB/T 20234.4-2023 (ChaoJi)")
        SOCKET = "socket", _("Household socket")
        OTHER = "other", _("Other")

    class VehicleClass(models.TextChoices):
        CAR = "car", _("Cars")
        EBIKE = "ebike", _("E-bikes (220 V / 48 V, 10 A, 100–350 W)")
        ETRIKE = "etrike", _("E-tricycles (60 V, 20 A, 500–1400 W)")
        LOW_SPEED = "low_speed", _("Low-speed vehicles (2–3 kW)")

    class Capability(models.TextChoices):
        CARD = "card", _("Card reader")
        VIN = "vin", _("Start by VIN")
        PLUG = "plug", _("Plug and charge")
        OFFLINE_RECORDS = "offline_records", _("Keeps records while offline")
        ORDERED = "ordered", _("Ordered charging")
        BAY_LOCK = "bay_lock", _("Bay lock")
        SCREEN = "screen", _("Screen")
        V2G = "v2g", _("Feeds back into the grid")
        GPS = "gps", _("Tells its position")
        FIRMWARE = "firmware", _("Firmware update over the air")

    brand = models.CharField(_("brand"), max_length=64)
    name = models.CharField(_("model"), max_length=64)
    current_type = models.CharField(
        _("current"), max_length=2, choices=CurrentType.choices, default=CurrentType.DC
    )
    rated_power_kw = FixedPointField(_("rated power (kW)"), places=1)
    register_kind = models.CharField(
        _("energy register"), max_length=8, choices=RegisterKind.choices, default=RegisterKind.LIFETIME
    )
    connectors = models.PositiveSmallIntegerField(_("connectors"), default=1)
    connector_standard = models.CharField(
        _("connector standard"), max_length=8, choices=ConnectorStandard.choices, blank=True
    )
    phases = models.PositiveSmallIntegerField(_("phases"), null=True, blank=True)
    voltage_v = models.PositiveSmallIntegerField(_("highest voltage (V)"), null=True, blank=True)
    current_a = FixedPointField(_("highest current (A)"), places=1, null=True, blank=True)
    protocol = models.CharField(_("protocol"), max_length=8, blank=True)
    vehicle_class = models.CharField(
        _("for"), max_length=9, choices=VehicleClass.choices, default=VehicleClass.CAR
    )
    heartbeat_s = models.PositiveSmallIntegerField(
        _("heartbeat (s)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(2), MaxValueValidator(3600)],
        help_text=_("2 to 3600; empty: what its protocol says. OCPP stations are told it when they boot."),
    )
    missed_heartbeats = models.PositiveSmallIntegerField(
        _("missed heartbeats"),
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text=_("After so many a pile with a heartbeat of its own is offline; 1 to 20"),
    )
    capabilities = models.JSONField(_("capabilities"), default=list, blank=True)

    class Meta:
        verbose_name = _("pile model")
        verbose_name_plural = _("pile models")
        constraints = [
            models.UniqueConstraint(fields=["brand", "name"], name="pile_model_name"),
            models.CheckConstraint(
                name="pile_model_connectors", condition=models.Q(connectors__gte=1, connectors__lte=16)
            ),
            models.CheckConstraint(
                name="pile_model_phases",
                condition=models.Q(phases__isnull=True) | models.Q(phases__in=[1, 3]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand} {self.name}"

    def can(self, capability: str) -> bool:
        return capability in self.capabilities


# Watts from a vehicle class's smallest to its largest charger: what chooses a tier and tells an overload.
POWER_RANGE_W: dict[str, tuple[Decimal, Decimal]] = {
    PileModel.VehicleClass.EBIKE: (Decimal(100), Decimal(350)),
    PileModel.VehicleClass.ETRIKE: (Decimal(500), Decimal(1400)),
    PileModel.VehicleClass.LOW_SPEED: (Decimal(2000), Decimal(3000)),
}
