"""Discounts: who may have what taken off, where, when, and who bears it."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class Discount(models.Model):
    """A rule that orders freeze when they start. Every condition that is set must hold.

    Without an operator it is the platform's own. `reserved_fen` is what running orders may still take of the
    budget, `used_fen` what settled ones took.
    """

    class Bearer(models.TextChoices):
        OPERATOR = "operator", _("Operator")
        PLATFORM = "platform", _("Platform")

    name = models.CharField(_("name"), max_length=64)
    operator = models.ForeignKey(
        "users.Operator",
        verbose_name=_("operator"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="discounts",
    )
    bearer = models.CharField(_("borne by"), max_length=8, choices=Bearer.choices, default=Bearer.OPERATOR)
    off_bp = models.PositiveSmallIntegerField(
        _("off (1/100 %)"),
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(10_000)],
        help_text=_("10000 is free of charge, 500 is five per cent off"),
    )
    off_fen = models.BigIntegerField(_("off (fen)"), default=0)
    fees = models.JSONField(_("on which fees"), default=list)
    station = models.ForeignKey(
        "stations.Station", verbose_name=_("only at station"), null=True, blank=True, on_delete=models.PROTECT
    )
    pile = models.ForeignKey(
        "stations.Pile", verbose_name=_("only at pile"), null=True, blank=True, on_delete=models.PROTECT
    )
    driver = models.ForeignKey(
        "users.Driver",
        verbose_name=_("only for driver"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="discounts",
    )
    group = models.CharField(_("only for group"), max_length=32, blank=True, default="")
    first_orders = models.PositiveSmallIntegerField(_("only the first so many orders"), null=True, blank=True)
    from_slot = models.PositiveSmallIntegerField(_("from half-hour"), null=True, blank=True)
    to_slot = models.PositiveSmallIntegerField(_("to half-hour"), null=True, blank=True)
    valid_from = models.DateTimeField(_("valid from"))
    valid_to = models.DateTimeField(_("valid to"), null=True, blank=True)
    cap_fen = models.BigIntegerField(_("at most per order (fen)"), null=True, blank=True)
    budget_fen = models.BigIntegerField(_("budget (fen)"), null=True, blank=True)
    reserved_fen = models.BigIntegerField(_("reserved (fen)"), default=0)
    used_fen = models.BigIntegerField(_("used (fen)"), default=0)
    stack = models.BooleanField(_("comes on top of others"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("discount")
        verbose_name_plural = _("discounts")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="discount_one_kind",
                condition=models.Q(off_bp__gt=0, off_bp__lte=10_000, off_fen=0)
                | models.Q(off_bp=0, off_fen__gt=0),
            ),
            models.CheckConstraint(
                name="discount_window_whole",
                condition=models.Q(from_slot__isnull=True, to_slot__isnull=True)
                | models.Q(from_slot__lt=48, to_slot__lte=48),
            ),
            models.CheckConstraint(
                name="discount_period",
                condition=models.Q(valid_to__isnull=True) | models.Q(valid_to__gt=models.F("valid_from")),
            ),
            models.CheckConstraint(
                name="discount_within_budget",
                condition=models.Q(budget_fen__isnull=True)
                | models.Q(budget_fen__gte=models.F("used_fen") + models.F("reserved_fen")),
            ),
            models.CheckConstraint(
                name="discount_budget_needs_cap",
                condition=models.Q(budget_fen__isnull=True) | models.Q(cap_fen__gt=0),
            ),
            models.CheckConstraint(
                name="discount_counts_not_negative", condition=models.Q(used_fen__gte=0, reserved_fen__gte=0)
            ),
            models.CheckConstraint(
                name="discount_platform_bears_its_own",
                condition=models.Q(operator__isnull=False) | models.Q(bearer="platform"),
            ),
        ]
        indexes = [models.Index(fields=["is_active", "valid_from"], name="discount_active")]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class DiscountUse(models.Model):
    """A discount that an order froze at its start, and what it took off in the end (None while it runs)."""

    discount = models.ForeignKey(
        Discount, verbose_name=_("discount"), on_delete=models.PROTECT, related_name="uses"
    )
    order = models.ForeignKey(
        "billing.ChargingOrder",
        verbose_name=_("order"),
        on_delete=models.PROTECT,
        related_name="discount_uses",
    )
    reserved_fen = models.BigIntegerField(_("reserved (fen)"), default=0)
    used_fen = models.BigIntegerField(_("used (fen)"), null=True, blank=True)

    class Meta:
        verbose_name = _("use of a discount")
        verbose_name_plural = _("uses of discounts")
        constraints = [models.UniqueConstraint(fields=["discount", "order"], name="discount_once_per_order")]

    def __str__(self) -> str:
        return f"{self.discount}: {self.order}"
