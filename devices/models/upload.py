"""Files that piles were asked to upload: logs and diagnostics."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.models.base import PileRow


class PileUpload(PileRow):
    """One file that a pile was asked for. The address it uploads to holds a secret; its digest is kept here."""

    class State(models.TextChoices):
        AWAITED = "awaited", _("Awaited")
        RECEIVED = "received", _("Received")
        FAILED = "failed", _("Failed")

    command = models.OneToOneField(
        "devices.DeviceCommand", verbose_name=_("command"), on_delete=models.PROTECT, related_name="upload"
    )
    secret_digest = models.CharField(max_length=64, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.AWAITED)
    progress = models.CharField(_("progress"), max_length=32, blank=True)
    name = models.CharField(_("file name"), max_length=160, blank=True)
    file = models.FileField(_("file"), upload_to="pile-logs/", blank=True, max_length=255)
    size_bytes = models.PositiveBigIntegerField(_("size (bytes)"), default=0)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    received_at = models.DateTimeField(_("received at"), null=True, blank=True)

    class Meta(PileRow.Meta):
        verbose_name = _("file from a pile")
        verbose_name_plural = _("files from piles")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="received") | (Q(received_at__isnull=False) & ~Q(file="")),
                name="upload_received_has_file",
            )
        ]
        indexes = [models.Index(fields=["pile", "-id"], name="upload_of_pile")]

    def __str__(self) -> str:
        return self.name or f"#{self.pk}"
