"""Configuration as the platform wants it, and how each pile's own compares with it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.models.base import PileRow
from users.scope import ScopedManager, ScopePaths


class ParameterSet(models.Model):
    """What the piles of one model are to be set to: name of a variable -> value as text."""

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    model = models.ForeignKey("stations.PileModel", verbose_name=_("pile model"), on_delete=models.PROTECT)
    name = models.CharField(_("name"), max_length=64)
    values = models.JSONField(_("parameters"), default=dict)
    changed_at = models.DateTimeField(_("changed at"))
    changed_by = models.CharField(_("changed by"), max_length=128, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("parameter set")
        verbose_name_plural = _("parameter sets")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "model", "name"], name="parameter_set_once")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class ParameterCheck(PileRow):
    """The last time a pile was set to, or compared with, a parameter set.

    `pending` are the variables still to be written, `refused` maps a variable to the pile's answer, `findings` is
    the comparison: rows of path, wanted, held (None: the pile did not tell it) and verdict.
    """

    class State(models.TextChoices):
        WRITING = "writing", _("Writing")
        READING = "reading", _("Reading back")
        SAME = "same", _("As wanted")
        DIFFERENT = "different", _("Differs")
        FAILED = "failed", _("Failed")

    parameter_set = models.ForeignKey(
        ParameterSet, verbose_name=_("parameter set"), on_delete=models.PROTECT, related_name="checks"
    )
    state = models.CharField(_("state"), max_length=9, choices=State.choices)
    wanted = models.JSONField(_("parameters"), default=dict)
    pending = models.JSONField(default=list, blank=True)
    refused = models.JSONField(default=dict, blank=True)
    findings = models.JSONField(_("comparison"), default=list, blank=True)
    reason = models.CharField(_("answer"), max_length=128, blank=True)
    asked_at = models.DateTimeField(_("asked at"))
    asked_by = models.CharField(_("asked by"), max_length=128, blank=True)
    checked_at = models.DateTimeField(_("compared at"), null=True, blank=True)

    class Meta(PileRow.Meta):
        verbose_name = _("parameters of a pile")
        verbose_name_plural = _("parameters of piles")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["pile"], name="parameter_check_once"),
            models.CheckConstraint(
                name="parameter_check_state_known",
                condition=Q(state__in=["writing", "reading", "same", "different", "failed"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pile_id}: {self.state}"

    @property
    def reference(self) -> str:
        """What its commands carry as their reference."""
        return f"parameters-{self.pk}"
