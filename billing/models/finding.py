"""What the nightly checks found wrong in the books, from the first time it was seen until it is gone."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class CheckRun(models.Model):
    """One nightly check of a business day: the books are counted again once a day."""

    day = models.DateField(_("day"), unique=True)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    problems = models.PositiveIntegerField(_("problems"), default=0)

    class Meta:
        verbose_name = _("check of the books")
        verbose_name_plural = _("checks of the books")
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day}"


class CheckFinding(models.Model):
    """One problem that a check found. Open while `gone_at` is empty; at most one is open per code and subject."""

    code = models.CharField(_("code"), max_length=64)
    subject = models.CharField(_("about"), max_length=128)
    data = models.JSONField(_("figures"), default=dict, blank=True)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    gone_at = models.DateTimeField(_("gone at"), null=True, blank=True)

    class Meta:
        verbose_name = _("problem in the books")
        verbose_name_plural = _("problems in the books")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["code", "subject"],
                condition=models.Q(gone_at__isnull=True),
                name="check_finding_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.subject}"
