"""What a pile holds by its own account: variables, charging profiles, card list, and smaller things.

These rows mirror the pile. They are written when it confirms a command or reports, never when it is only asked.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.models.base import PileRow


class DeviceVariable(PileRow):
    """One variable of a pile's configuration.

    `path` is the line of text that commands take (OCPP 2.0.1: `Component[instance]@evse:connector.Variable[instance]`;
    OCPP 1.6: the configuration key).
    """

    path = models.CharField(_("variable"), max_length=255)
    attribute = models.CharField(_("attribute"), max_length=8, default="Actual")
    value = models.TextField(_("value"), blank=True)
    mutability = models.CharField(_("mutability"), max_length=10, blank=True)
    unit = models.CharField(_("unit"), max_length=16, blank=True)
    characteristics = models.JSONField(_("characteristics"), default=dict, blank=True)
    reported_at = models.DateTimeField(_("reported at"))

    class Meta(PileRow.Meta):
        verbose_name = _("pile variable")
        verbose_name_plural = _("pile variables")
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(fields=["pile", "path", "attribute"], name="variable_once_per_pile")
        ]

    def __str__(self) -> str:
        return self.path


class HeldProfile(PileRow):
    """A charging profile that a pile holds (OCPP 1.6 §3.13, 2.0.1 part 2 K01).

    `limit` values in `periods` are in `unit` (A or W), `start_s` in seconds from the profile's start. Profiles
    that the pile has from elsewhere (an energy management system, its own fuses) have another `source`.
    """

    connector_no = models.PositiveSmallIntegerField(_("connector"), default=0)
    profile_id = models.BigIntegerField(_("profile"))
    purpose = models.CharField(_("purpose"), max_length=40)
    stack_level = models.PositiveIntegerField(_("stack level"), default=0)
    profile_kind = models.CharField(_("kind"), max_length=12)
    recurrency = models.CharField(_("repeats"), max_length=8, blank=True)
    transaction_ref = models.CharField(_("transaction no."), max_length=64, blank=True)
    unit = models.CharField(_("unit"), max_length=1)
    periods = models.JSONField(_("limits"), default=list)
    starts_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    duration_s = models.PositiveIntegerField(_("duration (s)"), null=True, blank=True)
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    valid_to = models.DateTimeField(_("valid until"), null=True, blank=True)
    source = models.CharField(_("set by"), max_length=20, default="CSO")
    set_at = models.DateTimeField(_("set at"))

    class Meta(PileRow.Meta):
        verbose_name = _("charging profile")
        verbose_name_plural = _("charging profiles")
        ordering = ["connector_no", "purpose", "-stack_level"]
        constraints = [
            models.UniqueConstraint(fields=["pile", "profile_id", "source"], name="profile_id_once"),
            # A profile of the same purpose and level takes the place of the older one.
            models.UniqueConstraint(
                fields=["pile", "connector_no", "purpose", "stack_level", "transaction_ref", "source"],
                name="profile_one_per_level",
            ),
            models.CheckConstraint(condition=Q(unit__in=("A", "W")), name="profile_unit"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} #{self.profile_id}"


class LocalList(PileRow):
    """The list of cards that a pile accepts by itself. `entries` maps a tag to its status, expiry and parent.

    `version` is what the pile confirmed, `reported_version` what it said when it was asked.
    """

    version = models.PositiveIntegerField(_("version"), default=0)
    entries = models.JSONField(_("cards"), default=dict, blank=True)
    synced_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    reported_version = models.IntegerField(_("version by the pile"), null=True, blank=True)
    reported_at = models.DateTimeField(_("reported at"), null=True, blank=True)

    class Meta(PileRow.Meta):
        verbose_name = _("card list of a pile")
        verbose_name_plural = _("card lists of piles")
        constraints = [models.UniqueConstraint(fields=["pile"], name="local_list_once")]

    def __str__(self) -> str:
        return f"v{self.version}"


class HeldItem(PileRow):
    """A monitor, a display message or a foreign certificate in a pile, as it described it (`data`)."""

    class Kind(models.TextChoices):
        MONITOR = "monitor", _("Monitor of a variable")
        MESSAGE = "message", _("Message on the display")
        CERTIFICATE = "certificate", _("Certificate of an authority")
        NETWORK = "network", _("Network profile")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    key = models.CharField(_("key"), max_length=160)
    connector_no = models.PositiveSmallIntegerField(_("connector"), default=0)
    data = models.JSONField(_("what it says"), default=dict)
    reported_at = models.DateTimeField(_("reported at"))

    class Meta(PileRow.Meta):
        verbose_name = _("thing held by a pile")
        verbose_name_plural = _("things held by piles")
        ordering = ["kind", "key"]
        constraints = [models.UniqueConstraint(fields=["pile", "kind", "key"], name="held_item_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
