"""Pay and start in one step: a charge that begins when its payment is proven, and gives back what it did not use."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class PaidStart(models.Model):
    """A payment that is for one charge on one connector. Moves only through `billing.services.paid_starts`.

    `limits` are those of the start (`energy_kwh`, `seconds`, `soc_pct`, `package_fen`). Whatever happens, the money ends either in an
    order or on its way back to where it came from: a start that fails and the rest of a bill are refunded.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for the payment")
        DUE = "due", _("Paid, to be started")
        STARTED = "started", _("Started")
        REFUNDING = "refunding", _("Rest to be refunded")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Not paid")

    payment = models.OneToOneField(
        "billing.Payment", verbose_name=_("payment"), on_delete=models.PROTECT, related_name="paid_start"
    )
    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT, related_name="paid_starts"
    )
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey("stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT)
    connector = models.ForeignKey(
        "stations.Connector",
        verbose_name=_("connector"),
        on_delete=models.PROTECT,
        related_name="paid_starts",
    )
    limits = models.JSONField(_("limits"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    order = models.ForeignKey(
        "billing.ChargingOrder",
        verbose_name=_("order"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="paid_starts",
    )
    # The order that ran on the connector already: the payment adds to it instead of starting another.
    extends = models.ForeignKey(
        "billing.ChargingOrder",
        verbose_name=_("adds to"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="paid_extensions",
    )
    refund = models.OneToOneField(
        "billing.Refund",
        verbose_name=_("refund"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="paid_start",
    )
    refusal = models.JSONField(_("why it did not start"), null=True, blank=True)
    next_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id", driver="driver_id")

    class Meta:
        verbose_name = _("paid start")
        verbose_name_plural = _("paid starts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=models.Q(extends__isnull=True), name="paid_start_begins_one_order"
            ),
            models.CheckConstraint(
                name="paid_start_state_known",
                condition=models.Q(state__in=["waiting", "due", "started", "refunding", "done", "cancelled"]),
            ),
            models.CheckConstraint(
                name="paid_start_started_has_order",
                condition=~models.Q(state="started") | models.Q(order__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["driver", "-id"], name="paid_start_of_driver"),
            models.Index(
                fields=["next_at"],
                name="paid_start_open",
                condition=models.Q(state__in=["waiting", "due", "started", "refunding"]),
            ),
        ]

    def __str__(self) -> str:
        return str(self.payment_id)

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
