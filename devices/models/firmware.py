"""Firmware: the files, the campaigns that bring one to many piles, and how far each pile is."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.models.base import PileRow
from users.scope import ScopedManager, ScopePaths


class FirmwareFile(models.Model):
    """One version of the firmware of one pile model. Shared by all operators, never changed once it is there."""

    model = models.ForeignKey("stations.PileModel", verbose_name=_("pile model"), on_delete=models.PROTECT)
    version = models.CharField(_("version"), max_length=64, help_text=_("As the pile reports it"))
    file = models.FileField(_("file"), upload_to="firmware/", max_length=200)
    size_bytes = models.BigIntegerField(_("size (bytes)"))
    sha256 = models.CharField("SHA-256", max_length=64)
    signature = models.TextField(_("signature (Base64)"), blank=True)
    signing_certificate = models.TextField(_("signing certificate (PEM)"), blank=True)
    notes = models.TextField(_("what is new"), blank=True)
    added_at = models.DateTimeField(_("added at"))
    added_by = models.CharField(_("added by"), max_length=128, blank=True)

    class Meta:
        verbose_name = _("firmware")
        verbose_name_plural = _("firmware")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["model", "version"], name="firmware_version_once")]

    def __str__(self) -> str:
        return f"{self.model} · {self.version}"


class FirmwareCampaign(models.Model):
    """One firmware for many piles of one operator, a few at a time.

    `batch_size` is how many update at once; when `most_failures` piles have failed, the campaign pauses itself.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Not started")
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        FINISHED = "finished", _("Finished")
        CANCELLED = "cancelled", _("Cancelled")

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    firmware = models.ForeignKey(FirmwareFile, verbose_name=_("firmware"), on_delete=models.PROTECT)
    name = models.CharField(_("name"), max_length=64)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.DRAFT)
    paused_because = models.CharField(_("paused because"), max_length=32, blank=True)
    batch_size = models.PositiveSmallIntegerField(_("piles at a time"), default=5)
    most_failures = models.PositiveSmallIntegerField(
        _("pauses at failures"), default=3, help_text=_("0: it never pauses itself")
    )
    failures_accepted = models.PositiveIntegerField(default=0, editable=False)  # those before the last resume
    rollback_of = models.ForeignKey(
        "self", verbose_name=_("takes back"), null=True, blank=True, on_delete=models.PROTECT
    )
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=128, blank=True)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("firmware campaign")
        verbose_name_plural = _("firmware campaigns")
        ordering = ["-id"]
        permissions = [("run_firmwarecampaign", _("Can run firmware campaigns"))]
        constraints = [
            models.CheckConstraint(
                name="campaign_batch_range", condition=Q(batch_size__gte=1, batch_size__lte=500)
            ),
            models.CheckConstraint(
                name="campaign_state_known",
                condition=Q(state__in=["draft", "running", "paused", "finished", "cancelled"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id

    @property
    def reference(self) -> str:
        """What the commands of this campaign carry as their reference."""
        return f"firmware-{self.pk}"


class FirmwareTarget(PileRow):
    """One pile of a campaign. `stage` is the last of `events.FIRMWARE_STATUSES` it reported."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        ASKED = "asked", _("Updating")
        DONE = "done", _("Updated")
        FAILED = "failed", _("Failed")
        SKIPPED = "skipped", _("Skipped")
        CANCELLED = "cancelled", _("Cancelled")

    campaign = models.ForeignKey(
        FirmwareCampaign, verbose_name=_("campaign"), on_delete=models.CASCADE, related_name="targets"
    )
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.WAITING)
    stage = models.CharField(_("stage"), max_length=24, blank=True)
    reason = models.CharField(_("result"), max_length=128, blank=True)
    previous_version = models.CharField(_("version before"), max_length=64, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    command = models.ForeignKey(
        "devices.DeviceCommand", verbose_name=_("command"), null=True, blank=True, on_delete=models.PROTECT
    )
    asked_at = models.DateTimeField(_("asked at"), null=True, blank=True)
    changed_at = models.DateTimeField(_("changed at"))

    class Meta(PileRow.Meta):
        verbose_name = _("pile of a campaign")
        verbose_name_plural = _("piles of campaigns")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "pile"], name="firmware_target_once"),
            # Two campaigns never update one pile at the same time.
            models.UniqueConstraint(
                fields=["pile"], condition=Q(state="asked"), name="firmware_one_update_per_pile"
            ),
            models.CheckConstraint(
                name="firmware_target_state_known",
                condition=Q(state__in=["waiting", "asked", "done", "failed", "skipped", "cancelled"]),
            ),
        ]
        indexes = [models.Index(fields=["campaign", "state"], name="firmware_target_state")]

    def __str__(self) -> str:
        return str(self.pile)
