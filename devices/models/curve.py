"""What stays of the samples of a transaction when they are dropped: its curve, thinned out."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class StoredCurve(models.Model):
    """One curve. `points` is a list of [epoch seconds, kW, kWh, SoC %, °C, V, A]; null where nothing was measured.

    It is read with the order it belongs to and has no page of its own.
    """

    pile_id = models.BigIntegerField(_("pile"))
    transaction_ref = models.CharField(_("transaction no."), max_length=64)
    points = models.JSONField(_("points"))
    stored_at = models.DateTimeField(_("stored at"))

    class Meta:
        verbose_name = _("stored curve")
        verbose_name_plural = _("stored curves")
        constraints = [
            models.UniqueConstraint(fields=["pile_id", "transaction_ref"], name="stored_curve_of_transaction")
        ]

    def __str__(self) -> str:
        return self.transaction_ref
