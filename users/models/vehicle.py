"""Vehicles: plates and VINs, whose they are, and whether somebody checked it."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths

VIN_PATTERN = r"^[A-HJ-NPR-Z0-9]{17}$"  # ISO 3779: seventeen characters without I, O and Q
# GA 36-2018: a province, a letter, then five characters, or six for new-energy plates.
PLATE_PATTERN = r"^[一-龥][A-Z][A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳]$"


class Vehicle(models.Model):
    """A vehicle of a driver or of an enterprise. Its VIN starts a charge only once it is verified."""

    class Kind(models.TextChoices):
        PRIVATE = "private", _("Private car")
        TAXI = "taxi", _("Taxi or ride-hailing")
        BUS = "bus", _("Bus")
        LOGISTICS = "logistics", _("Logistics")
        SANITATION = "sanitation", _("Sanitation")
        OTHER = "other", _("Other")

    class State(models.TextChoices):
        UNVERIFIED = "unverified", _("Not verified")
        WAITING = "waiting", _("Waits for verification")
        VERIFIED = "verified", _("Verified")
        REFUSED = "refused", _("Verification refused")

    driver = models.ForeignKey(
        "users.Driver",
        verbose_name=_("driver"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="vehicles",
    )
    enterprise = models.ForeignKey(
        "users.Enterprise",
        verbose_name=_("enterprise"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="vehicles",
    )
    operator = models.ForeignKey(
        "users.Operator",
        verbose_name=_("operator"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text=_("Of the enterprise, or the driver's home operator"),
    )
    plate = models.CharField(
        _("plate"), max_length=12, blank=True, validators=[RegexValidator(PLATE_PATTERN)]
    )
    vin = models.CharField(_("VIN"), max_length=17, blank=True, validators=[RegexValidator(VIN_PATTERN)])
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices, default=Kind.PRIVATE)
    model_name = models.CharField(_("make and model"), max_length=64, blank=True)
    state = models.CharField(
        _("verification"), max_length=12, choices=State.choices, default=State.UNVERIFIED
    )
    licence_photo = models.FileField(_("vehicle licence"), upload_to="vehicles/", blank=True)
    review_note = models.CharField(_("review note"), max_length=255, blank=True)
    reviewed_at = models.DateTimeField(_("reviewed at"), null=True, blank=True)
    is_default = models.BooleanField(_("default"), default=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", enterprise="enterprise_id", driver="driver_id")

    class Meta:
        verbose_name = _("vehicle")
        verbose_name_plural = _("vehicles")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="vehicle_one_owner",
                condition=models.Q(driver__isnull=False, enterprise__isnull=True)
                | models.Q(driver__isnull=True, enterprise__isnull=False),
            ),
            models.CheckConstraint(
                name="vehicle_has_a_number", condition=~models.Q(plate="") | ~models.Q(vin="")
            ),
            models.UniqueConstraint(
                fields=["driver"], condition=models.Q(is_default=True), name="vehicle_one_default"
            ),
            models.UniqueConstraint(
                fields=["vin"],
                condition=models.Q(state="verified") & ~models.Q(vin=""),
                name="vehicle_vin_verified_once",
            ),
            models.UniqueConstraint(
                fields=["driver", "plate"], condition=~models.Q(plate=""), name="vehicle_plate_of_driver"
            ),
            models.UniqueConstraint(
                fields=["enterprise", "plate"],
                condition=~models.Q(plate=""),
                name="vehicle_plate_of_enterprise",
            ),
        ]
        indexes = [
            models.Index(fields=["vin"], name="vehicle_of_vin", condition=~models.Q(vin="")),
            models.Index(fields=["plate"], name="vehicle_by_plate", condition=~models.Q(plate="")),
        ]
        permissions = [("verify_vehicle", _("Can verify vehicles"))]

    def __str__(self) -> str:
        return self.masked_plate or self.masked_vin

    @property
    def masked_plate(self) -> str:
        return f"{self.plate[:2]}***{self.plate[-2:]}" if self.plate else ""

    @property
    def masked_vin(self) -> str:
        return f"{self.vin[:3]}**********{self.vin[-4:]}" if self.vin else ""

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
