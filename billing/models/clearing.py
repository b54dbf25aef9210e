"""Clearing: the rules by which an operator's income is divided, and what each source's income was divided into."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths

WHOLE_BP = 10_000  # 100 % in hundredths of a percent


class ClearingRule(models.Model):
    """One version of an operator's rules, for one station or for all without a rule of their own; never changed.

    `terms` is the content as `billing.services.clearing.split.Terms` reads it. Commission and shares of a fee
    kind that is not named follow the kind `any`; without that, all of it is the operator's.
    """

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey(
        "stations.Station",
        verbose_name=_("station"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text=_("Empty: every station that has no rule of its own"),
    )
    number = models.PositiveIntegerField(_("version"))
    effective_at = models.DateTimeField(_("in force from"))
    terms = models.JSONField(_("terms"))
    published_by = models.CharField(_("published by"), max_length=128)
    published_at = models.DateTimeField(_("published at"))

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("clearing rule")
        verbose_name_plural = _("clearing rules")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "number"], name="clearing_rule_number"),
            models.UniqueConstraint(
                fields=["operator", "station", "effective_at"],
                condition=models.Q(station__isnull=False),
                name="clearing_rule_moment_of_station",
            ),
            models.UniqueConstraint(
                fields=["operator", "effective_at"],
                condition=models.Q(station__isnull=True),
                name="clearing_rule_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operator} v{self.number}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class ClearingRecord(models.Model):
    """What one journal of a source put on the operator's income accounts, and that it was divided.

    The source is an order, a booking that led to none, or a sale of a month card. One per journal, and one of the
    kind `settlement` per source; a correction's amounts may be negative. `gross_fen` is the sum of the lines; `day`
    is the business day (Beijing) of the journal.
    """

    class Kind(models.TextChoices):
        SETTLEMENT = "settlement", _("Income")
        CORRECTION = "correction", _("Correction")

    journal = models.OneToOneField(
        "billing.Journal", verbose_name=_("journal"), on_delete=models.PROTECT, related_name="clearing"
    )
    posting = models.OneToOneField(
        "billing.Journal",
        verbose_name=_("posting"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="clearing_posted",
    )
    order = models.ForeignKey(
        "billing.ChargingOrder",
        verbose_name=_("order"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="clearings",
    )
    booking = models.ForeignKey(
        "billing.Booking",
        verbose_name=_("booking"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="clearings",
    )
    month_sale = models.ForeignKey(
        "billing.MonthSale",
        verbose_name=_("month card sale"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="clearings",
    )
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey(
        "stations.Station", verbose_name=_("station"), null=True, blank=True, on_delete=models.PROTECT
    )
    pile = models.ForeignKey(
        "stations.Pile", verbose_name=_("pile"), null=True, blank=True, on_delete=models.PROTECT
    )
    rule = models.ForeignKey(
        ClearingRule, verbose_name=_("rule"), null=True, blank=True, on_delete=models.PROTECT
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    day = models.DateField(_("day"))
    energy_kwh = FixedPointField(_("energy (kWh)"), places=4, default=0)
    gross_fen = models.BigIntegerField(_("income (fen)"))
    cleared_at = models.DateTimeField(_("cleared at"))

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("clearing record")
        verbose_name_plural = _("clearing records")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="clearing_of_one_source",
                condition=models.Q(order__isnull=False, booking__isnull=True, month_sale__isnull=True)
                | models.Q(order__isnull=True, booking__isnull=False, month_sale__isnull=True)
                | models.Q(order__isnull=True, booking__isnull=True, month_sale__isnull=False),
            ),
            models.CheckConstraint(
                name="clearing_has_a_place",
                condition=models.Q(station__isnull=False, pile__isnull=False)
                | models.Q(month_sale__isnull=False),
            ),
            *(
                models.UniqueConstraint(
                    fields=[source],
                    condition=models.Q(kind="settlement", **{f"{source}__isnull": False}),
                    name=f"clearing_once_per_{source}",
                )
                for source in ("order", "booking", "month_sale")
            ),
        ]
        indexes = [
            models.Index(fields=["operator", "day"], name="clearing_of_operator"),
            models.Index(fields=["station", "day"], name="clearing_of_station"),
            models.Index(fields=["day"], name="clearing_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.source} ¥{self.gross_fen / 100:,.2f}"

    @property
    def source(self) -> models.Model:
        """The order, booking or sale that the income is of."""
        return self.order or self.booking or self.month_sale

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class ClearingLine(models.Model):
    """One part of a clearing record: what a party gets of one kind of fee."""

    class Role(models.TextChoices):
        COMMISSION = "commission", _("Platform commission")
        CHANNEL_FEE = "channel_fee", _("Channel fee")
        SHARE = "share", _("Share")

    record = models.ForeignKey(ClearingRecord, on_delete=models.PROTECT, related_name="lines")
    fee_kind = models.CharField(_("fee"), max_length=24)
    role = models.CharField(_("part"), max_length=12, choices=Role.choices)
    payee = models.ForeignKey(
        "billing.Payee",
        verbose_name=_("payee"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="clearing_lines",
    )
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    day = models.DateField(_("day"))
    operator = models.ForeignKey("users.Operator", on_delete=models.PROTECT)
    statement = models.ForeignKey(
        "billing.Statement",
        verbose_name=_("statement"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="lines",
    )

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("clearing line")
        verbose_name_plural = _("clearing lines")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["record", "fee_kind", "payee"],
                condition=models.Q(payee__isnull=False),
                name="clearing_line_once_per_payee",
            ),
            models.UniqueConstraint(
                fields=["record", "fee_kind", "role"],
                condition=models.Q(payee__isnull=True),
                name="clearing_line_once",
            ),
            models.CheckConstraint(
                name="clearing_line_share_has_payee",
                condition=models.Q(role="share", payee__isnull=False)
                | (~models.Q(role="share") & models.Q(payee__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["operator", "day"], name="clearing_line_of_operator"),
            models.Index(
                fields=["payee", "day"],
                name="clearing_line_open",
                condition=models.Q(statement__isnull=True, role="share"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fee_kind} {self.role} ¥{self.amount_fen / 100:,.2f}"
