"""Coupons: a campaign says what they are worth and who gets how many; each coupon is one row with one life."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class CouponCampaign(models.Model):
    """What a coupon takes off, how many there are, and when they are given out.

    Exactly one of `off_bp`, `off_fen` and `energy_kwh` says what it is worth. Without an operator it is the
    platform's and holds everywhere. `issued` never passes `total`: the database says so too.
    """

    class Covers(models.TextChoices):
        CHARGE = "charge", _("Electricity and service")
        SERVICE = "service", _("Service only")

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
        related_name="coupon_campaigns",
    )
    station = models.ForeignKey(
        "stations.Station", verbose_name=_("only at station"), null=True, blank=True, on_delete=models.PROTECT
    )
    bearer = models.CharField(_("borne by"), max_length=8, choices=Bearer.choices, default=Bearer.OPERATOR)
    off_bp = models.PositiveSmallIntegerField(
        _("off (1/100 %)"),
        default=0,
        validators=[MaxValueValidator(10_000)],
        help_text=_("500 is five per cent off"),
    )
    off_fen = models.BigIntegerField(_("off (fen)"), default=0, validators=[MinValueValidator(0)])
    energy_kwh = FixedPointField(
        _("free energy (kWh)"),
        places=4,
        null=True,
        blank=True,
        help_text=_("so many kWh of a charge for nothing"),
    )
    covers = models.CharField(_("covers"), max_length=8, choices=Covers.choices, default=Covers.CHARGE)
    cap_fen = models.BigIntegerField(
        _("at most (fen)"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    least_fen = models.BigIntegerField(
        _("from a charge of (fen)"), default=0, validators=[MinValueValidator(0)]
    )
    stack = models.BooleanField(_("comes on top of other discounts"), default=True)
    opens_at = models.DateTimeField(_("given out from"))
    closes_at = models.DateTimeField(_("given out until"))
    valid_days = models.PositiveSmallIntegerField(
        _("valid for days"), default=30, validators=[MinValueValidator(1), MaxValueValidator(3650)]
    )
    total = models.PositiveIntegerField(_("how many"), validators=[MinValueValidator(1)])
    per_driver = models.PositiveSmallIntegerField(
        _("per driver"), default=1, validators=[MinValueValidator(1)]
    )
    claimable = models.BooleanField(
        _("drivers may claim it"), default=True, help_text=_("Otherwise only staff give it out.")
    )
    issued = models.PositiveIntegerField(_("given out"), default=0)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("coupon campaign")
        verbose_name_plural = _("coupon campaigns")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="campaign_one_worth",
                condition=models.Q(off_bp__gt=0, off_bp__lte=10_000, off_fen=0, energy_kwh__isnull=True)
                | models.Q(off_bp=0, off_fen__gt=0, energy_kwh__isnull=True)
                | models.Q(off_bp=0, off_fen=0, energy_kwh__gt=0),
            ),
            models.CheckConstraint(
                name="campaign_issued_within_total", condition=models.Q(issued__lte=models.F("total"))
            ),
            models.CheckConstraint(
                name="campaign_period", condition=models.Q(closes_at__gt=models.F("opens_at"))
            ),
            models.CheckConstraint(
                name="campaign_gives_some", condition=models.Q(total__gt=0, per_driver__gt=0)
            ),
            models.CheckConstraint(
                name="campaign_platform_bears_its_own",
                condition=models.Q(operator__isnull=False) | models.Q(bearer="platform"),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id

    @property
    def left(self) -> int:
        return self.total - self.issued

    def is_open(self, at) -> bool:
        """Whether it gives out coupons at a moment."""
        return self.is_active and self.opens_at <= at < self.closes_at


class Coupon(models.Model):
    """One coupon of one driver. `taken_for` is the order that has it; it serves one order, and only one."""

    class State(models.TextChoices):
        AVAILABLE = "available", _("Available")
        TAKEN = "taken", _("In a running order")
        USED = "used", _("Used")
        EXPIRED = "expired", _("Expired")
        VOID = "void", _("Taken back")

    code = models.CharField(_("coupon no."), max_length=16, unique=True)
    campaign = models.ForeignKey(
        CouponCampaign, verbose_name=_("campaign"), on_delete=models.PROTECT, related_name="coupons"
    )
    operator = models.ForeignKey(
        "users.Operator",
        verbose_name=_("operator"),
        null=True,
        on_delete=models.PROTECT,
        related_name="coupons",
    )
    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT, related_name="coupons"
    )
    # The how-manieth of this driver: what makes the limit per driver a constraint and not a count.
    nth = models.PositiveSmallIntegerField(_("the driver's no."))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.AVAILABLE)
    claimed_at = models.DateTimeField(_("claimed at"))
    expires_at = models.DateTimeField(_("expires at"))
    taken_for = models.CharField(_("order no."), max_length=32, blank=True)
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)
    used_fen = models.BigIntegerField(_("taken off (fen)"), default=0)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", driver="driver_id")

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        permissions = [("void_coupon", _("Can take coupons back"))]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "driver", "nth"], name="coupon_nth_of_driver"),
            models.UniqueConstraint(
                fields=["taken_for"], condition=~models.Q(taken_for=""), name="coupon_one_per_order"
            ),
            models.CheckConstraint(
                name="coupon_taken_names_its_order",
                condition=(models.Q(state__in=["taken", "used"]) & ~models.Q(taken_for=""))
                | (~models.Q(state__in=["taken", "used"]) & models.Q(taken_for="")),
            ),
            models.CheckConstraint(name="coupon_used_not_negative", condition=models.Q(used_fen__gte=0)),
        ]
        indexes = [
            models.Index(fields=["driver", "state", "expires_at"], name="coupon_of_driver"),
            models.Index(
                fields=["expires_at"], condition=models.Q(state="available"), name="coupon_to_expire"
            ),
        ]

    def __str__(self) -> str:
        return self.code
