"""Work for a person: what did not fit and must never debit anyone by itself."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class ReviewItem(models.Model):
    """One open question about an order or about a record without an order."""

    class Kind(models.TextChoices):
        ORDER = "order", _("Order to handle")
        ORPHAN_RECORD = "orphan_record", _("Record without an order")
        CONFLICTING_RECORD = "conflicting_record", _("Record sent again with other content")
        LATE_CHARGING = "late_charging", _("Charging without an open order")

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        RESOLVED = "resolved", _("Resolved")

    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey("stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT)
    order = models.ForeignKey(
        "billing.ChargingOrder",
        verbose_name=_("order"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reviews",
    )
    record = models.ForeignKey(
        "devices.TransactionRecord", verbose_name=_("record"), null=True, blank=True, on_delete=models.PROTECT
    )
    key = models.CharField(_("key"), max_length=160, unique=True)
    reasons = models.JSONField(_("reasons"), default=list)
    opened_at = models.DateTimeField(_("opened at"))
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    resolved_by = models.CharField(_("resolved by"), max_length=128, blank=True)
    resolution = models.CharField(_("resolution"), max_length=255, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("item to handle")
        verbose_name_plural = _("items to handle")
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "operator", "-id"], name="review_queue")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"
