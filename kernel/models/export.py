"""Exports as jobs: what was asked for, by whom, how far it is, and the file that came of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

OPEN_EXPORT_STATES = ("queued", "running")


class ExportJob(models.Model):
    """One export. It runs with the rights its owner has while it runs, and its file is theirs alone.

    `params` are the exporter's filters, `columns` the codes of the columns that are wanted, in order.
    `stored_name` is the file's name in the default storage; it goes at `expires_at`.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Ready")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        EXPIRED = "expired", _("Expired")

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "XLSX"

    exporter = models.CharField(_("export"), max_length=96)
    title = models.CharField(_("title"), max_length=128)
    file_format = models.CharField(_("format"), max_length=4, choices=Format.choices)
    params = models.JSONField(_("filters"), default=dict, blank=True)
    columns = models.JSONField(_("columns"), default=list)
    language = models.CharField(max_length=16, default="zh-hans")
    owner_kind = models.CharField(max_length=16)
    owner_id = models.CharField(max_length=64)
    owner_name = models.CharField(_("asked by"), max_length=128, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    rows_done = models.BigIntegerField(_("rows written"), default=0)
    rows_total = models.BigIntegerField(_("rows in all"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    stored_name = models.CharField(_("file"), max_length=255, blank=True)
    size_bytes = models.BigIntegerField(_("size (bytes)"), default=0)
    error = models.CharField(_("error"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("asked at"))
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    beat_at = models.DateTimeField(_("last progress"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("kept until"), null=True, blank=True)

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="export_state_known",
                condition=models.Q(state__in=["queued", "running", "done", "failed", "cancelled", "expired"]),
            ),
            models.CheckConstraint(
                name="export_done_has_file",
                condition=~models.Q(state="done") | ~models.Q(stored_name=""),
            ),
        ]
        indexes = [
            models.Index(fields=["owner_kind", "owner_id", "-id"], name="export_of_owner"),
            models.Index(
                fields=["state", "id"], name="export_open", condition=models.Q(state__in=OPEN_EXPORT_STATES)
            ),
            models.Index(
                fields=["expires_at"], name="export_expiry", condition=models.Q(expires_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} #{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_EXPORT_STATES

    @property
    def percent(self) -> int:
        """Progress in whole percent; 0 while the number of rows is unknown."""
        if self.state == self.State.DONE:
            return 100
        return min(self.rows_done * 100 // self.rows_total, 99) if self.rows_total else 0
