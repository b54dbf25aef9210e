"""Roll-ups that every report reads: what happened in one hour at one pile, on one day to one driver, by one channel.

A fact is computed from settled orders, ledger entries and alerts and may be computed again at any time: the rows of
a span of time are replaced as a whole. Money comes from the ledger alone, so reports and ledger agree by nature.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class Money(models.Model):
    """What was charged, in fen. Corrections and refunds of an order count in the hour that they were booked."""

    electricity_fen = models.BigIntegerField(_("electricity (fen)"), default=0)
    service_fen = models.BigIntegerField(_("service (fen)"), default=0)
    fees_fen = models.BigIntegerField(_("further fees (fen)"), default=0)
    discount_fen = models.BigIntegerField(_("discount (fen)"), default=0)

    class Meta:
        abstract = True


class HourFact(Money):
    """One pile in one hour (UTC start). Orders, energy and duration count in the hour of their settlement.

    Income that has no place (month cards) is a row of the operator without station and pile.
    """

    hour = models.DateTimeField(_("hour"))
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey(
        "stations.Station", verbose_name=_("station"), null=True, on_delete=models.PROTECT
    )
    pile = models.ForeignKey("stations.Pile", verbose_name=_("pile"), null=True, on_delete=models.PROTECT)
    orders = models.PositiveIntegerField(_("orders"), default=0)
    duration_s = models.BigIntegerField(_("charging time (s)"), default=0)
    energy_kwh = FixedPointField(_("energy (kWh)"), places=4, default=0)
    sharp_kwh = FixedPointField(_("sharp (kWh)"), places=4, default=0)
    peak_kwh = FixedPointField(_("peak (kWh)"), places=4, default=0)
    flat_kwh = FixedPointField(_("flat (kWh)"), places=4, default=0)
    valley_kwh = FixedPointField(_("valley (kWh)"), places=4, default=0)
    deep_valley_kwh = FixedPointField(_("deep valley (kWh)"), places=4, default=0)
    faults = models.PositiveIntegerField(_("faults"), default=0)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("hour of a pile")
        verbose_name_plural = _("hours of piles")
        constraints = [
            models.UniqueConstraint(fields=["hour", "pile", "station"], name="hour_fact_once"),
            models.UniqueConstraint(
                fields=["hour", "operator"],
                condition=models.Q(pile__isnull=True),
                name="hour_fact_once_without_place",
            ),
        ]
        indexes = [
            models.Index(fields=["operator", "hour"], name="hour_fact_of_operator"),
            models.Index(fields=["station", "hour"], name="hour_fact_of_station"),
        ]
        permissions = [("view_reports", _("Can see reports"))]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}:00 {self.pile_id}"


class DriverFact(Money):
    """One driver at one station in one hour (UTC start)."""

    hour = models.DateTimeField(_("hour"))
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    driver = models.ForeignKey("users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT)
    orders = models.PositiveIntegerField(_("orders"), default=0)
    duration_s = models.BigIntegerField(_("charging time (s)"), default=0)
    energy_kwh = FixedPointField(_("energy (kWh)"), places=4, default=0)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", driver="driver_id")

    class Meta:
        verbose_name = _("hour of a driver")
        verbose_name_plural = _("hours of drivers")
        constraints = [models.UniqueConstraint(fields=["hour", "driver", "station"], name="driver_fact_once")]
        indexes = [
            models.Index(fields=["operator", "hour"], name="driver_fact_of_operator"),
            models.Index(fields=["driver", "hour"], name="driver_fact_of_driver"),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}:00 {self.driver_id}"


class UseFact(Money):
    """What one driver charged at one connector, started in one way, in one hour (UTC start).

    The finest fact: any of station, facility, driver, time and way of starting can be set against any other. What led
    to no charge (a booking) has no way of starting, what has no place (a month card) no station either.
    """

    hour = models.DateTimeField(_("hour"))
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey(
        "stations.Station", verbose_name=_("station"), null=True, on_delete=models.PROTECT
    )
    pile = models.ForeignKey("stations.Pile", verbose_name=_("pile"), null=True, on_delete=models.PROTECT)
    connector = models.ForeignKey(
        "stations.Connector", verbose_name=_("connector"), null=True, on_delete=models.PROTECT
    )
    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), null=True, blank=True, on_delete=models.PROTECT
    )
    start_method = models.CharField(_("started by"), max_length=16, blank=True)
    orders = models.PositiveIntegerField(_("orders"), default=0)
    duration_s = models.BigIntegerField(_("charging time (s)"), default=0)
    energy_kwh = FixedPointField(_("energy (kWh)"), places=4, default=0)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id", driver="driver_id")

    class Meta:
        verbose_name = _("hour of a use")
        verbose_name_plural = _("hours of uses")
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "connector", "station", "start_method", "driver"], name="use_fact_once"
            ),
            models.UniqueConstraint(
                fields=["hour", "connector", "station", "start_method"],
                condition=models.Q(driver__isnull=True),
                name="use_fact_once_without_driver",
            ),
            models.UniqueConstraint(
                fields=["hour", "operator"],
                condition=models.Q(connector__isnull=True),
                name="use_fact_once_without_place",
            ),
        ]
        indexes = [
            models.Index(fields=["operator", "hour"], name="use_fact_of_operator"),
            models.Index(fields=["station", "hour"], name="use_fact_of_station"),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}:00 {self.connector_id} {self.driver_id} {self.start_method}"


class DriverVisit(models.Model):
    """When a driver charged last at a station: who stayed away is found without looking through orders."""

    driver = models.ForeignKey("users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT)
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    last_at = models.DateTimeField(_("last charge"))

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", driver="driver_id")

    class Meta:
        verbose_name = _("driver at a station")
        verbose_name_plural = _("drivers at stations")
        constraints = [models.UniqueConstraint(fields=["driver", "station"], name="driver_visit_once")]

    def __str__(self) -> str:
        return f"{self.driver_id} {self.station_id} {self.last_at:%Y-%m-%d}"


class ChannelFact(models.Model):
    """Money that came and went by one payment channel in one hour (UTC start), as the ledger booked it."""

    hour = models.DateTimeField(_("hour"))
    channel = models.CharField(_("payment channel"), max_length=24)
    recharges = models.PositiveIntegerField(_("recharges"), default=0)
    recharged_fen = models.BigIntegerField(_("recharged (fen)"), default=0)
    refunded_fen = models.BigIntegerField(_("refunded (fen)"), default=0)

    class Meta:
        verbose_name = _("hour of a channel")
        verbose_name_plural = _("hours of channels")
        constraints = [models.UniqueConstraint(fields=["hour", "channel"], name="channel_fact_once")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}:00 {self.channel}"
