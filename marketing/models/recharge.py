"""Recharge offers: pay in so much, get so much on top."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class RechargeOffer(models.Model):
    """A bonus on recharges of at least `least_fen`, given by the platform, which keeps the wallets.

    `given_fen` never passes `budget_fen`: the database says so too.
    """

    name = models.CharField(_("name"), max_length=64)
    least_fen = models.BigIntegerField(_("recharge of at least (fen)"), validators=[MinValueValidator(1)])
    bonus_fen = models.BigIntegerField(_("bonus (fen)"), validators=[MinValueValidator(1)])
    first_only = models.BooleanField(_("only a driver's first recharge"), default=False)
    per_driver = models.PositiveSmallIntegerField(
        _("times per driver"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("empty: any"),
    )
    budget_fen = models.BigIntegerField(
        _("budget (fen)"), null=True, blank=True, validators=[MinValueValidator(1)], help_text=_("empty: any")
    )
    given_fen = models.BigIntegerField(_("given (fen)"), default=0)
    opens_at = models.DateTimeField(_("valid from"))
    closes_at = models.DateTimeField(_("valid to"))
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("recharge offer")
        verbose_name_plural = _("recharge offers")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="recharge_offer_amounts",
                condition=models.Q(least_fen__gt=0, bonus_fen__gt=0, given_fen__gte=0),
            ),
            models.CheckConstraint(
                name="recharge_offer_within_budget",
                condition=models.Q(budget_fen__isnull=True) | models.Q(given_fen__lte=models.F("budget_fen")),
            ),
            models.CheckConstraint(
                name="recharge_offer_period", condition=models.Q(closes_at__gt=models.F("opens_at"))
            ),
        ]

    def __str__(self) -> str:
        return self.name
