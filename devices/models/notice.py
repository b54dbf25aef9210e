"""What piles tell of themselves beside charging: security events, monitors, limits, progress. Append-only."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from devices.models.base import PileRow


class PileNotice(PileRow):
    """One notice. `digest` is that of its content, so that a notice sent again is the same row."""

    class Kind(models.TextChoices):
        SECURITY = "security", _("Security event")
        COMPONENT = "component", _("Event of a component")
        FIRMWARE = "firmware", _("Progress of firmware update")
        LOG = "log", _("Progress of log upload")
        CHARGING_LIMIT = "charging_limit", _("Outside charging limit")
        VEHICLE_NEEDS = "vehicle_needs", _("Wishes of a vehicle")
        VEHICLE_SCHEDULE = "vehicle_schedule", _("Plan of a vehicle")
        CUSTOMER = "customer", _("Data about a customer")
        CERTIFICATE = "certificate", _("Certificate request")

    connector_no = models.PositiveSmallIntegerField(_("connector"), default=0)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    code = models.CharField(_("code"), max_length=64)
    detail = models.CharField(_("detail"), max_length=255, blank=True)
    critical = models.BooleanField(_("critical"), default=False)
    data = models.JSONField(_("what it says"), default=dict, blank=True)
    happened_at = models.DateTimeField(_("happened at"))
    received_at = models.DateTimeField(_("received at"))
    digest = models.CharField(max_length=64)

    class Meta(PileRow.Meta):
        verbose_name = _("notice of a pile")
        verbose_name_plural = _("notices of piles")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["pile", "digest"], name="notice_once")]
        indexes = [models.Index(fields=["pile", "kind", "-id"], name="notice_of_pile")]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"
