"""Charging on pay score: the driver's permission, and the service order behind each charge."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class ScorePermission(models.Model):
    """Whether a driver lets pay score debit them. Moves only through `billing.services.score_permissions`."""

    class State(models.TextChoices):
        ASKED = "asked", _("Asked for")
        OPEN = "open", _("Given")
        CLOSED = "closed", _("Withdrawn")

    driver = models.OneToOneField(
        "users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT, related_name="score_permission"
    )
    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), null=True, blank=True, on_delete=models.PROTECT
    )
    code = models.CharField(_("permission no."), max_length=32, unique=True)
    openid = models.CharField(_("payer"), max_length=128, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.ASKED)
    created_at = models.DateTimeField(_("created at"))
    changed_at = models.DateTimeField(_("changed at"), null=True, blank=True)
    next_at = models.DateTimeField(_("next query"), null=True, blank=True)
    queries = models.PositiveIntegerField(_("queries"), default=0)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", driver="driver_id")

    class Meta:
        verbose_name = _("pay-score permission")
        verbose_name_plural = _("pay-score permissions")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="score_permission_state_known", condition=models.Q(state__in=["asked", "open", "closed"])
            ),
            models.CheckConstraint(
                name="score_permission_open_names_payer",
                condition=~models.Q(state="open") | ~models.Q(openid=""),
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"], name="score_permission_due", condition=models.Q(next_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class ScoreOrder(models.Model):
    """A service order at pay score, for one charge. Moves only through `billing.services.score_states.move_score`.

    The row is committed before the service is called: whatever happens next, its number can be asked for.
    `fund_fen` is the most that the service may be asked for, so it is the limit of the charge; `asked_fen` is what
    it was asked for at the end, `lowered_fen` what that was lowered to, once. `payment` is the debit that is waited
    for, or the last one: the service may take an amount in parts (`billing.services.score_debits.debits_of`).
    """

    class State(models.TextChoices):
        CREATED = "created", _("Created")
        CONFIRMING = "confirming", _("Waits for confirmation")
        READY = "ready", _("Open, to be started")
        STARTED = "started", _("Charging")
        COMPLETING = "completing", _("To be completed")
        PAYING = "paying", _("Debit under way")
        PAID = "paid", _("Paid")
        CANCELLING = "cancelling", _("To be cancelled")
        REVOKED = "revoked", _("Cancelled")
        EXPIRED = "expired", _("Expired")
        REFUSED = "refused", _("Refused")

    number = models.CharField(_("service order no."), max_length=32, unique=True)
    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT, related_name="score_orders"
    )
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey("stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT)
    connector = models.ForeignKey(
        "stations.Connector",
        verbose_name=_("connector"),
        on_delete=models.PROTECT,
        related_name="score_orders",
    )
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.CREATED)
    version = models.PositiveIntegerField(default=0)
    client_key = models.CharField(_("key of the request"), max_length=64, blank=True)
    openid = models.CharField(_("payer"), max_length=128)
    fund_fen = models.BigIntegerField(_("at most (fen)"))
    rule = models.CharField(_("price shown"), max_length=30)
    limits = models.JSONField(_("limits"), default=dict, blank=True)
    order = models.OneToOneField(
        "billing.ChargingOrder",
        verbose_name=_("order"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="score_order",
    )
    payment = models.OneToOneField(
        "billing.Payment",
        verbose_name=_("debit"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="score_order",
    )
    completion = models.JSONField(_("bill told"), null=True, blank=True)  # frozen: a repeat says the same
    asked_fen = models.BigIntegerField(_("asked for (fen)"), null=True, blank=True)
    lowered_fen = models.BigIntegerField(_("lowered to (fen)"), null=True, blank=True)
    provider_no = models.CharField(_("service's no."), max_length=64, blank=True)
    refusal = models.JSONField(_("why it did not start"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("created at"))
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    next_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id", driver="driver_id")

    class Meta:
        verbose_name = _("pay-score order")
        verbose_name_plural = _("pay-score orders")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["driver", "client_key"],
                condition=~models.Q(client_key=""),
                name="score_request_once",
            ),
            models.UniqueConstraint(
                fields=["driver"],
                condition=models.Q(state__in=["created", "confirming", "ready", "started"]),
                name="score_one_charge_per_driver",
            ),
            models.CheckConstraint(
                name="score_state_known",
                condition=models.Q(
                    state__in=[
                        "created", "confirming", "ready", "started", "completing", "paying", "paid", "cancelling",
                        "revoked", "expired", "refused",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="score_amounts_within",
                condition=models.Q(fund_fen__gt=0)
                & (models.Q(asked_fen__isnull=True) | models.Q(asked_fen__gte=0, asked_fen__lte=models.F("fund_fen")))
                & (models.Q(lowered_fen__isnull=True) | models.Q(lowered_fen__lt=models.F("asked_fen"))),
            ),
            models.CheckConstraint(
                name="score_started_has_order",
                condition=~models.Q(state__in=["started", "completing", "paying"])
                | models.Q(order__isnull=False),
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["driver", "-id"], name="score_of_driver"),
            models.Index(fields=["operator", "-id"], name="score_of_operator"),
            models.Index(fields=["next_at"], name="score_due", condition=models.Q(next_at__isnull=False)),
            models.Index(fields=["order"], name="score_charging", condition=models.Q(state="started")),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
