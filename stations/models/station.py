"""Stations and their groups."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from kernel.fields import FixedPointField
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


class Station(models.Model):
    """A place with piles. Coordinates are GCJ-02 degrees, as Chinese maps show them."""

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
    time_zone = models.CharField(_("time zone"), max_length=40, default="Asia/Shanghai")
    service_phone = models.CharField(_("service phone"), max_length=20, blank=True)
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
