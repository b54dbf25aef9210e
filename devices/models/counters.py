"""Running totals that a pile keeps by itself: cash it took, and the register of the meter in front of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from devices.models.base import PileRow
from kernel.fields import FixedPointField


class CashCounter(PileRow):
    """The last running totals of coins and offline cards that a box reported; only differences are income.

    A total that falls (a repair, a reset) is a new base. `resets` counts how often that happened.
    """

    coins_fen_total = models.BigIntegerField(_("coins (fen)"), null=True, blank=True)
    cards_fen_total = models.BigIntegerField(_("cards (fen)"), null=True, blank=True)
    coins_total = models.BigIntegerField(_("coins (pieces)"), null=True, blank=True)
    cards_total = models.BigIntegerField(_("swipes"), null=True, blank=True)
    reported_at = models.DateTimeField(_("reported at"))
    resets = models.PositiveIntegerField(_("resets"), default=0)

    class Meta(PileRow.Meta):
        verbose_name = _("cash counter")
        verbose_name_plural = _("cash counters")
        constraints = [models.UniqueConstraint(fields=["pile"], name="cash_counter_once")]

    def __str__(self) -> str:
        return str(self.pile)


class PileMeterDay(PileRow):
    """The register of the meter in front of a whole pile, first and last reading of a local day (RS-485 metering)."""

    day = models.DateField(_("day"))
    first_kwh = FixedPointField(_("first reading (kWh)"), places=4)
    last_kwh = FixedPointField(_("last reading (kWh)"), places=4)
    first_at = models.DateTimeField(_("first read at"))
    last_at = models.DateTimeField(_("last read at"))
    readings = models.PositiveIntegerField(_("readings"), default=1)

    class Meta(PileRow.Meta):
        verbose_name = _("meter day of a pile")
        verbose_name_plural = _("meter days of piles")
        ordering = ["-day", "pile_id"]
        constraints = [models.UniqueConstraint(fields=["pile", "day"], name="pile_meter_day_once")]

    def __str__(self) -> str:
        return f"{self.pile} {self.day}"
