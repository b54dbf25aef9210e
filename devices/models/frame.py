"""The frame log: every frame raw, with its decoding, appended in batches."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class FrameLog(models.Model):
    """One frame in or out. Undecodable ones are kept too, with the reason in `error`."""

    class Direction(models.TextChoices):
        IN = "in", _("From the pile")
        OUT = "out", _("To the pile")

    at = models.DateTimeField(_("at"))
    operator_id = models.BigIntegerField(_("operator"), null=True)
    station_id = models.BigIntegerField(_("station"), null=True)
    pile_id = models.BigIntegerField(_("pile"), null=True)
    pile_code = models.CharField(_("pile code"), max_length=64, blank=True)
    protocol = models.CharField(_("protocol"), max_length=16)
    direction = models.CharField(_("direction"), max_length=3, choices=Direction.choices)
    name = models.CharField(_("message"), max_length=48)
    connector_no = models.PositiveSmallIntegerField(_("connector"), null=True)
    transaction_ref = models.CharField(_("transaction no."), max_length=64, blank=True)
    raw = models.TextField(_("raw"))
    decoded = models.JSONField(_("decoded"), null=True)
    error = models.CharField(_("error"), max_length=128, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("frame")
        verbose_name_plural = _("frame log")
        indexes = [
            models.Index(fields=["pile_id", "id"], name="frame_of_pile"),
            models.Index(
                fields=["pile_id", "transaction_ref", "id"],
                name="frame_of_transaction",
                condition=~models.Q(transaction_ref=""),
            ),
            # Before its login is answered, and of a stranger: known by the code alone.
            models.Index(
                fields=["pile_code", "id"],
                name="frame_before_login",
                condition=models.Q(pile_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        from devices.words import frame_title  # which knows this package

        return f"{self.pile_code} {frame_title(self.protocol, self.name)}"
