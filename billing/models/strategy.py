"""Charging strategies: named limits that hold for every session at a place."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class ChargingStrategy(models.Model):
    """Limits and allowed ways of starting. An empty limit is none; a driver's own lower limit wins."""

    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="strategies"
    )
    name = models.CharField(_("name"), max_length=64)
    max_energy_kwh = FixedPointField(_("at most energy (kWh)"), places=4, null=True, blank=True)
    max_fen = models.BigIntegerField(_("at most money (fen)"), null=True, blank=True)
    max_seconds = models.PositiveIntegerField(_("at most time (s)"), null=True, blank=True)
    max_soc_pct = models.PositiveSmallIntegerField(_("at most SoC (%)"), null=True, blank=True)
    max_power_kw = FixedPointField(_("at most power (kW)"), places=1, null=True, blank=True)
    methods = models.JSONField(_("allowed ways of starting"), default=list, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("charging strategy")
        verbose_name_plural = _("charging strategies")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "name"], name="strategy_name"),
            models.CheckConstraint(
                name="strategy_limits_positive",
                condition=(models.Q(max_energy_kwh__isnull=True) | models.Q(max_energy_kwh__gt=0))
                & (models.Q(max_fen__isnull=True) | models.Q(max_fen__gt=0))
                & (models.Q(max_seconds__isnull=True) | models.Q(max_seconds__gt=0))
                & (models.Q(max_soc_pct__isnull=True) | models.Q(max_soc_pct__gte=1, max_soc_pct__lte=100))
                & (models.Q(max_power_kw__isnull=True) | models.Q(max_power_kw__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class StrategyAssignment(models.Model):
    """Which strategy holds at a station, or at one of its piles (the pile's own wins)."""

    strategy = models.ForeignKey(
        ChargingStrategy, verbose_name=_("charging strategy"), on_delete=models.PROTECT, related_name="places"
    )
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.OneToOneField(
        "stations.Pile", verbose_name=_("pile"), null=True, blank=True, on_delete=models.PROTECT
    )

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="strategy__operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("strategy of a place")
        verbose_name_plural = _("strategies of places")
        constraints = [
            models.UniqueConstraint(
                fields=["station"], condition=models.Q(pile__isnull=True), name="strategy_of_station_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pile or self.station}: {self.strategy}"
