"""Which recharge got which bonus, and what of it was taken back."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class RechargeBonus(models.Model):
    """The bonus of one recharge. `nth` is the how-manieth of this offer to this driver."""

    payment = models.OneToOneField(
        "billing.Payment", verbose_name=_("payment"), on_delete=models.PROTECT, related_name="bonus"
    )
    offer = models.ForeignKey(
        "marketing.RechargeOffer", verbose_name=_("offer"), on_delete=models.PROTECT, related_name="bonuses"
    )
    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT, related_name="recharge_bonuses"
    )
    nth = models.PositiveSmallIntegerField(_("the driver's no."))
    bonus_fen = models.BigIntegerField(_("bonus (fen)"))
    taken_back_fen = models.BigIntegerField(_("taken back (fen)"), default=0)
    given_at = models.DateTimeField(_("given at"))

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="payment__operator_id", driver="driver_id")

    class Meta:
        verbose_name = _("recharge bonus")
        verbose_name_plural = _("recharge bonuses")
        constraints = [
            models.UniqueConstraint(fields=["offer", "driver", "nth"], name="bonus_nth_of_driver"),
            models.CheckConstraint(
                name="bonus_taken_back_within",
                condition=models.Q(
                    bonus_fen__gt=0, taken_back_fen__gte=0, taken_back_fen__lte=models.F("bonus_fen")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"¥{self.bonus_fen / 100:,.2f}"
