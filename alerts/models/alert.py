"""Alerts: one row per episode of something wrong with a pile, from its beginning to its end."""

from django.db import models
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from devices.words import ending_text, fault_text, is_urgent, stop_reason_text
from users.scope import ScopedManager, ScopePaths

SENSOR_ALARMS = {
    "smoke": gettext_noop("Smoke"),
    "temperature": gettext_noop("Over-temperature"),
    "water": gettext_noop("Water"),
    "humidity": gettext_noop("Humidity"),
    "door": gettext_noop("Door open"),
    "tilt": gettext_noop("Tilted"),
}


class Alert(models.Model):
    """One episode. Open while `closed_at` is empty; at most one is open per pile, connector, kind and code."""

    class Kind(models.TextChoices):
        OFFLINE = "offline", _("Pile offline")
        FAULT = "fault", _("Fault")
        PROTECTION = "protection", _("Protective stop")
        SENSOR = "sensor", _("Sensor")
        SIM_USAGE = "sim_usage", _("Data plan nearly used up")
        SIM_EXPIRY = "sim_expiry", _("Data plan runs out")
        INSURANCE = "insurance", _("Insurance runs out")

    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey(
        "stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT, related_name="alerts"
    )
    connector_no = models.PositiveSmallIntegerField(
        _("connector"), default=0, help_text=_("0 is the whole pile")
    )
    code = models.CharField(_("code"), max_length=64, blank=True)
    detail = models.CharField(_("detail"), max_length=255, blank=True)
    opened_at = models.DateTimeField(_("since"))
    closed_at = models.DateTimeField(_("until"), null=True, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pile", "connector_no", "kind", "code"],
                condition=models.Q(closed_at__isnull=True),
                name="alert_one_open",
            )
        ]
        indexes = [
            models.Index(
                fields=["operator", "-id"], name="alert_open", condition=models.Q(closed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return " · ".join(filter(None, [str(self.get_kind_display()), self.text]))

    @property
    def is_urgent(self) -> bool:
        """Whether somebody should go there at once."""
        if self.kind == self.Kind.SENSOR:
            return True
        return self.kind in (self.Kind.FAULT, self.Kind.PROTECTION) and is_urgent(
            self.pile.protocol, self.code
        )

    @property
    def text(self) -> str:
        """What is wrong, in the active language; an unknown code with what the pile said of it."""
        if self.kind == self.Kind.OFFLINE:
            return ending_text(self.detail)
        if self.kind == self.Kind.SENSOR:
            kind, _colon, sensor = self.code.partition(":")
            return f"{gettext(SENSOR_ALARMS.get(kind, kind))} ({sensor}) {self.detail}".strip()
        if self.kind == self.Kind.SIM_USAGE:
            return gettext("%(share)s %% of the month's data are used") % {"share": self.detail}
        if self.kind in (self.Kind.SIM_EXPIRY, self.Kind.INSURANCE):
            return gettext("Valid until %(day)s") % {"day": self.detail}
        if self.kind == self.Kind.PROTECTION:
            return stop_reason_text(self.pile.protocol, self.code)
        words = fault_text(self.pile.protocol, self.code)
        return f"{self.code} {gettext(self.detail)}" if words == self.code and self.detail else words

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
