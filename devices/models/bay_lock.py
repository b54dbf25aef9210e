"""Ground locks of parking bays that hang on a pile (YKC V1.6 §6.10)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from devices.models.base import PileRow


class BayLock(PileRow):
    """The lock in front of one connector, as the pile last reported it; it appears with its first report."""

    class Position(models.TextChoices):
        RAISED = "raised", _("Raised")
        LOWERED = "lowered", _("Lowered")
        BETWEEN = "between", _("In between")

    class Alarm(models.TextChoices):
        NONE = "", _("None")
        FORCED = "forced", _("The arm was forced")
        STUCK = "stuck", _("The arm did not get there")

    connector_no = models.PositiveSmallIntegerField(_("connector"))
    position = models.CharField(_("position"), max_length=8, choices=Position.choices)
    occupied = models.BooleanField(_("bay occupied"))
    battery_pct = models.PositiveSmallIntegerField(_("battery (%)"))
    alarm = models.CharField(_("alarm"), max_length=8, choices=Alarm.choices, blank=True)
    changed_at = models.DateTimeField(_("in this state since"))
    reported_at = models.DateTimeField(_("last reported"))

    class Meta(PileRow.Meta):
        verbose_name = _("bay lock")
        verbose_name_plural = _("bay locks")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["pile", "connector_no"], name="bay_lock_once")]
        permissions = [("move_bay_lock", _("Can raise and lower bay locks"))]

    def __str__(self) -> str:
        return f"{self.pile.code} {self.connector_no:02d}"
