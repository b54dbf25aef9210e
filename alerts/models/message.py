"""Text messages about alerts: one per alert and number, followed from the queue to the provider."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class AlertMessage(models.Model):
    """One message to somebody responsible. `due_at` is when it is to be tried (again); empty once it is at its end."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Not sent")

    alert = models.ForeignKey(
        "alerts.Alert", verbose_name=_("alert"), on_delete=models.CASCADE, related_name="messages"
    )
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    phone = models.CharField(_("phone"), max_length=11)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    created_at = models.DateTimeField(_("created at"))
    due_at = models.DateTimeField(_("next try"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    provider_no = models.CharField(_("provider's no."), max_length=64, blank=True)
    reason = models.CharField(_("reason"), max_length=128, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id")

    class Meta:
        verbose_name = _("alarm message")
        verbose_name_plural = _("alarm messages")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["alert", "phone"], name="alert_message_once"),
            models.CheckConstraint(
                name="alert_message_due_while_queued",
                condition=models.Q(state="queued", due_at__isnull=False)
                | (~models.Q(state="queued") & models.Q(due_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], name="alert_message_due", condition=models.Q(due_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.masked_phone} {self.get_state_display()}"

    @property
    def masked_phone(self) -> str:
        return f"{self.phone[:3]}****{self.phone[-4:]}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
