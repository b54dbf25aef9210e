"""Stations and their groups."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from kernel.fields import FixedPointField
from users.models.driver import PHONE_PATTERN
from users.scope import ScopedManager, ScopePaths


class StationGroup(models.Model):
    """A free grouping of an operator's stations, used by data scope and reports."""

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    name = models.CharField(_("name"), max_length=64)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="stations__id")

    class Meta:
        verbose_name = _("station group")
        verbose_name_plural = _("station groups")
        constraints = [models.UniqueConstraint(fields=["operator", "name"], name="station_group_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class Scene(models.TextChoices):
    """Where a station stands, in the terms of the industry's reports."""

    HIGHWAY = "highway", _("Motorway services")
    BUS = "bus", _("Bus station")
    TAXI = "taxi", _("Taxi garage")
    LOGISTICS = "logistics", _("Logistics")
    PARKING = "parking", _("Public car park")
    MALL = "mall", _("Shopping centre")
    DISTRICT = "district", _("Business district")
    HOTEL = "hotel", _("Hotel")
    PARK = "park", _("Business park")
    COMPANY = "company", _("Company")
    SCHOOL = "school", _("School")
    COMMUNITY = "community", _("Housing estate")
    HOME = "home", _("Private home")
    OTHER = "other", _("Other")


class Amenity(models.TextChoices):
    TOILET = "toilet", _("Toilet")
    REST_ROOM = "rest_room", _("Rest room")
    SHOP = "shop", _("Shop")
    RESTAURANT = "restaurant", _("Restaurant")
    WIFI = "wifi", _("Wi-Fi")
    CAR_WASH = "car_wash", _("Car wash")
    CANOPY = "canopy", _("Canopy")
    GUARD = "guard", _("Staff on site")
    INVOICE = "invoice", _("Invoice on site")


class Datum(models.TextChoices):
    """What coordinates were measured in."""

    GCJ02 = "gcj02", _("GCJ-02 (Chinese maps)")
    WGS84 = "wgs84", _("WGS-84 (GPS)")
    BD09 = "bd09", _("BD-09 (Baidu)")


class Station(models.Model):
    """A place with piles.

    `longitude` and `latitude` are GCJ-02 degrees, as Chinese maps show them. `datum` says what they were measured
    in, and `measured_longitude`, `measured_latitude` keep the measured ones where that is another.
    """

    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="stations"
    )
    group = models.ForeignKey(
        StationGroup,
        verbose_name=pgettext_lazy("stations", "group"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="stations",
    )
    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=64)
    address = models.CharField(_("address"), max_length=128, blank=True)
    region_code = models.CharField(
        _("region code"), max_length=6, blank=True, db_index=True, help_text=_("GB/T 2260, six digits")
    )
    longitude = FixedPointField(
        _("longitude"),
        places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
    )
    latitude = FixedPointField(
        _("latitude"),
        places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
    )
    datum = models.CharField(_("measured in"), max_length=5, choices=Datum.choices, default=Datum.GCJ02)
    measured_longitude = FixedPointField(_("measured longitude"), places=6, null=True, blank=True)
    measured_latitude = FixedPointField(_("measured latitude"), places=6, null=True, blank=True)
    scene = models.CharField(_("kind of place"), max_length=9, choices=Scene.choices, default=Scene.PARKING)
    amenities = models.JSONField(_("amenities"), default=list, blank=True)
    surroundings = models.CharField(_("surroundings"), max_length=255, blank=True)
    opening_hours = models.CharField(
        _("opening hours"), max_length=64, blank=True, help_text=_("Empty: day and night")
    )
    parking_note = models.CharField(_("parking"), max_length=128, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=40, default="Asia/Shanghai")
    service_phone = models.CharField(_("service phone"), max_length=20, blank=True)
    duty_phone = models.CharField(
        _("mobile of the person responsible"),
        max_length=11,
        blank=True,
        validators=[RegexValidator(PHONE_PATTERN)],
        help_text=_("Smoke, heat and water at the station are told to it by text message"),
    )
    is_open = models.BooleanField(_("open"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="id")

    class Meta:
        verbose_name = _("station")
        verbose_name_plural = _("stations")
        ordering = ["code"]
        indexes = [models.Index(fields=["latitude", "longitude"], name="station_place")]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
