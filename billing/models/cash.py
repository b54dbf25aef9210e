"""What e-bike boxes took in cash and on offline cards, per box and local day."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class BoxCashDay(models.Model):
    """The income of one box on one day beside the orders, as its counters rose. The ledger has the same sums."""

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey(
        "stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT, related_name="cash_days"
    )
    day = models.DateField(_("day"))
    coins_fen = models.BigIntegerField(_("coins (fen)"), default=0)
    cards_fen = models.BigIntegerField(_("cards (fen)"), default=0)
    coins = models.PositiveIntegerField(_("coins (pieces)"), default=0)
    swipes = models.PositiveIntegerField(_("swipes"), default=0)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("cash of a box and day")
        verbose_name_plural = _("cash of boxes by day")
        ordering = ["-day", "pile_id"]
        constraints = [
            models.UniqueConstraint(fields=["pile", "day"], name="box_cash_once_a_day"),
            models.CheckConstraint(
                name="box_cash_not_negative", condition=models.Q(coins_fen__gte=0, cards_fen__gte=0)
            ),
        ]
        indexes = [models.Index(fields=["operator", "-day"], name="box_cash_of_operator")]

    def __str__(self) -> str:
        return f"{self.pile} {self.day}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
