"""Sensors at boxes and behind site gateways: smoke, temperature, water … and what they measured."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from devices.models.base import PileRow
from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class Sensor(PileRow):
    """One sensor with its last reading, known from its first report on. `pile` is the device that speaks for it."""

    class Kind(models.TextChoices):
        SMOKE = "smoke", _("Smoke")
        TEMPERATURE = "temperature", _("Temperature")
        WATER = "water", _("Water")
        HUMIDITY = "humidity", _("Humidity")
        DOOR = "door", _("Door")
        TILT = "tilt", _("Tilt")

    code = models.CharField(_("code"), max_length=48)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    value = FixedPointField(_("value"), places=3, null=True, blank=True)
    alarm = models.BooleanField(_("alarm"), default=False)
    battery_pct = models.PositiveSmallIntegerField(_("battery (%)"), null=True, blank=True)
    reported_at = models.DateTimeField(_("reported at"))

    class Meta(PileRow.Meta):
        verbose_name = _("sensor")
        verbose_name_plural = _("sensors")
        ordering = ["-reported_at"]
        constraints = [models.UniqueConstraint(fields=["pile", "code", "kind"], name="sensor_once")]
        indexes = [models.Index(fields=["station", "kind"], name="sensor_of_station")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.code}"

    @property
    def unit(self) -> str:
        return {"temperature": "°C", "humidity": "%", "tilt": "°"}.get(self.kind, "")


class SensorReading(models.Model):
    """One reading. Ids are plain integers: an append-only table pays for no foreign-key look-ups."""

    operator_id = models.BigIntegerField(_("operator"))
    station_id = models.BigIntegerField(_("station"))
    pile_id = models.BigIntegerField(_("pile"))
    sensor_id = models.BigIntegerField(_("sensor"))
    at = models.DateTimeField(_("at"))
    value = FixedPointField(_("value"), places=3, null=True)
    alarm = models.BooleanField(_("alarm"), default=False)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("sensor reading")
        verbose_name_plural = _("sensor readings")
        constraints = [models.UniqueConstraint(fields=["sensor_id", "at"], name="sensor_reading_once")]

    def __str__(self) -> str:
        return f"{self.sensor_id} {self.at}"
