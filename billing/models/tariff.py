"""Tariffs: named, versioned, 48 half-hours pointing at tiers. A version in use is succeeded, never edited.

A version may hold further days (`TariffProfile`) that a calendar of seasons, weekdays and holidays chooses, and
components beside the energy price. What they mean is in `billing.pricing`.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class Tariff(models.Model):
    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="tariffs"
    )
    name = models.CharField(_("name"), max_length=64)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("tariff")
        verbose_name_plural = _("tariffs")
        constraints = [models.UniqueConstraint(fields=["operator", "name"], name="tariff_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class TariffVersion(models.Model):
    """One version: in force from `effective_at` until the next version's. `slots` holds 48 tier codes.

    `wire_no` (1 to 9999) is the number by which YKC piles know its usual day. `calendar` is the list of rules of
    `billing.pricing.calendar.DayRule`, `components` the list of `billing.pricing.components`.
    """

    tariff = models.ForeignKey(
        Tariff, verbose_name=_("tariff"), on_delete=models.PROTECT, related_name="versions"
    )
    number = models.PositiveIntegerField(_("version"))
    effective_at = models.DateTimeField(_("in force from"))
    slots = models.JSONField(_("half-hours"))
    components = models.JSONField(_("components"), default=list, blank=True)
    calendar = models.JSONField(_("calendar rules"), default=list, blank=True)
    wire_no = models.PositiveSmallIntegerField(_("number on the wire"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.CharField(_("created by"), max_length=128, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="tariff__operator_id")

    class Meta:
        verbose_name = _("tariff version")
        verbose_name_plural = _("tariff versions")
        ordering = ["tariff_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["tariff", "number"], name="tariff_version_number"),
            models.UniqueConstraint(fields=["tariff", "effective_at"], name="tariff_version_moment"),
            models.CheckConstraint(
                name="tariff_wire_no_range", condition=models.Q(wire_no__gte=1, wire_no__lte=9999)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tariff} v{self.number}"

    @property
    def tenant_id(self) -> int | None:
        return self.tariff.operator_id


class TariffProfile(models.Model):
    """A further day of a version, under a number of its own on the wire: a pile holds one day at a time."""

    version = models.ForeignKey(TariffVersion, on_delete=models.PROTECT, related_name="profiles")
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    code = models.CharField(_("day"), max_length=16)
    name = models.CharField(_("name"), max_length=32, blank=True)
    slots = models.JSONField(_("half-hours"))
    wire_no = models.PositiveSmallIntegerField(_("number on the wire"))

    class Meta:
        verbose_name = _("day profile")
        verbose_name_plural = _("day profiles")
        ordering = ["version_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["version", "code"], name="tariff_profile_code"),
            models.CheckConstraint(
                name="tariff_profile_wire_no_range", condition=models.Q(wire_no__gte=1, wire_no__lte=9999)
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code


class SpecialDay(models.Model):
    """A public holiday, or a weekend day that is worked in exchange; the same for every operator."""

    class Kind(models.TextChoices):
        HOLIDAY = "holiday", _("Holiday")
        WORKDAY = "workday", _("Working day")

    date = models.DateField(_("date"), unique=True)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=32, blank=True)

    class Meta:
        verbose_name = _("special day")
        verbose_name_plural = _("special days")
        ordering = ["date"]

    def __str__(self) -> str:
        return f"{self.date} {self.name}"


class TariffTier(models.Model):
    """A price tier of a version: electricity and service price apart, yuan per kWh."""

    version = models.ForeignKey(TariffVersion, on_delete=models.PROTECT, related_name="tiers")
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    code = models.CharField(_("tier"), max_length=16)
    electricity_price = FixedPointField(_("electricity (yuan/kWh)"), places=5)
    service_price = FixedPointField(_("service (yuan/kWh)"), places=5)

    class Meta:
        verbose_name = _("price tier")
        verbose_name_plural = _("price tiers")
        ordering = ["version_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["version", "code"], name="tariff_tier_code"),
            models.CheckConstraint(
                name="tariff_tier_not_negative",
                condition=models.Q(electricity_price__gte=0, service_price__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class TariffAssignment(models.Model):
    """Which tariff holds at a station or at one of its piles, for everybody or for one group of drivers.

    The group's wins over everybody's; among equals the pile's own wins over the station's.
    """

    tariff = models.ForeignKey(
        Tariff, verbose_name=_("tariff"), on_delete=models.PROTECT, related_name="assignments"
    )
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey(
        "stations.Pile", verbose_name=_("pile"), null=True, blank=True, on_delete=models.PROTECT
    )
    group = models.CharField(_("price group"), max_length=32, blank=True, default="")

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="tariff__operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("tariff assignment")
        verbose_name_plural = _("tariff assignments")
        constraints = [
            models.UniqueConstraint(
                fields=["station", "group"],
                condition=models.Q(pile__isnull=True),
                name="tariff_of_station_once",
            ),
            models.UniqueConstraint(
                fields=["pile", "group"], condition=models.Q(pile__isnull=False), name="tariff_of_pile_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pile or self.station}: {self.tariff}"


class PileTariff(models.Model):
    """The version that a pile really holds, for piles that price themselves (YKC)."""

    pile = models.OneToOneField(
        "stations.Pile",
        verbose_name=_("pile"),
        primary_key=True,
        on_delete=models.PROTECT,
        related_name="held_tariff",
    )
    version = models.ForeignKey(TariffVersion, verbose_name=_("version"), on_delete=models.PROTECT)
    profile = models.CharField(_("day"), max_length=16, blank=True, default="")
    confirmed_at = models.DateTimeField(_("confirmed at"))

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="pile__operator_id", station="pile__station_id", pile="pile_id")

    class Meta:
        verbose_name = _("tariff on a pile")
        verbose_name_plural = _("tariffs on piles")

    def __str__(self) -> str:
        return f"{self.pile_id}: {self.version_id}"
