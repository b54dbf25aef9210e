"""Fees beside the charge: occupancy, reservation, parking. Each has its own life and its own settlement."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class OrderFee(models.Model):
    """One fee of an order. `rule` is frozen at its beginning; `amount_fen` is what it comes to so far.

    `running` counts on until `ended_at`; `due` waits for its booking; `settled` is on the ledger; `waived` and
    `dropped` (nothing to pay) cost nothing. `outages` are [from, until] spans in which the pile had failed or was
    offline, the last one open while it lasts. `flagged` asks a person: the end was never seen.
    """

    class Kind(models.TextChoices):
        OCCUPANCY = "occupancy", _("Occupancy fee")
        RESERVATION = "reservation", _("Reservation fee")
        PARKING = "parking", _("Parking fee")

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        SETTLED = "settled", _("Settled")
        WAIVED = "waived", _("Waived")
        DROPPED = "dropped", _("Nothing to pay")

    order = models.ForeignKey(
        "billing.ChargingOrder", verbose_name=_("order"), on_delete=models.PROTECT, related_name="fees"
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=8, choices=State.choices)
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey("stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT)
    connector = models.ForeignKey(
        "stations.Connector", verbose_name=_("connector"), on_delete=models.PROTECT, related_name="fees"
    )
    driver = models.ForeignKey(
        "users.Driver",
        verbose_name=_("driver"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="order_fees",
    )
    rule = models.JSONField(_("frozen rule"))
    began_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("until"), null=True, blank=True)
    outages = models.JSONField(_("outages"), default=list, blank=True)
    charging = models.JSONField(_("charging"), default=list, blank=True)
    came = models.BooleanField(_("came"), default=True)
    blocks = models.PositiveIntegerField(_("started blocks"), default=0)
    amount_fen = models.BigIntegerField(_("amount (fen)"), default=0)
    before_fen = models.BigIntegerField(_("charged before on that day (fen)"), default=0)
    flagged = models.BooleanField(_("end not seen"), default=False)
    due_at = models.DateTimeField(_("next deadline"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    waived_by = models.CharField(_("waived by"), max_length=128, blank=True)
    waive_reason = models.CharField(_("reason"), max_length=255, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id", driver="driver_id")

    class Meta:
        verbose_name = _("fee after the charge")
        verbose_name_plural = _("fees after the charge")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "kind"], name="order_fee_once"),
            models.CheckConstraint(name="order_fee_not_negative", condition=models.Q(amount_fen__gte=0)),
            models.CheckConstraint(
                name="order_fee_state_known",
                condition=models.Q(state__in=["running", "settled", "waived", "dropped"]),
            ),
        ]
        indexes = [
            models.Index(fields=["operator", "-id"], name="order_fee_of_operator"),
            models.Index(fields=["connector"], name="order_fee_running", condition=models.Q(state="running")),
            models.Index(fields=["due_at"], name="order_fee_due", condition=models.Q(due_at__isnull=False)),
        ]
        permissions = [("waive_fee", _("Can waive fees after the charge"))]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.order}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
