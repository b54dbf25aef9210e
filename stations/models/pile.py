"""Piles and the models they are of."""

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class PileModel(models.Model):
    """A make and model, with what the platform must know of it. Shared by all operators."""

    class CurrentType(models.TextChoices):
        DC = "dc", _("DC")
        AC = "ac", _("AC")

    class RegisterKind(models.TextChoices):
        LIFETIME = "lifetime", _("Lifetime register")
        SESSION = "session", _("Starts at zero every session")

    brand = models.CharField(_("brand"), max_length=64)
    name = models.CharField(_("model"), max_length=64)
    current_type = models.CharField(
        _("current"), max_length=2, choices=CurrentType.choices, default=CurrentType.DC
    )
    rated_power_kw = FixedPointField(_("rated power (kW)"), places=1)
    register_kind = models.CharField(
        _("energy register"), max_length=8, choices=RegisterKind.choices, default=RegisterKind.LIFETIME
    )

    class Meta:
        verbose_name = _("pile model")
        verbose_name_plural = _("pile models")
        constraints = [models.UniqueConstraint(fields=["brand", "name"], name="pile_model_name")]

    def __str__(self) -> str:
        return f"{self.brand} {self.name}"


class Pile(models.Model):
    """A charging pile. `code` is its identity on the wire and on its QR code."""

    class Protocol(models.TextChoices):
        YKC = "ykc", _("YKC (TCP)")
        OCPP16 = "ocpp16", _("OCPP 1.6J")
        OCPP201 = "ocpp201", _("OCPP 2.0.1")
        DNY = "dny", _("DNY e-bike (TCP)")
        MQTT = "mqtt", _("JSON over MQTT")

    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="piles"
    )
    station = models.ForeignKey(
        "stations.Station", verbose_name=_("station"), on_delete=models.PROTECT, related_name="piles"
    )
    model = models.ForeignKey(
        PileModel, verbose_name=_("model"), null=True, blank=True, on_delete=models.PROTECT
    )
    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=64, blank=True)
    protocol = models.CharField(_("protocol"), max_length=8, choices=Protocol.choices)
    password = models.CharField(max_length=128, blank=True, editable=False)  # a Django password hash
    rated_power_kw = FixedPointField(_("rated power (kW)"), places=1, default=Decimal("60.0"))
    in_service = models.BooleanField(_("in service"), default=True)

    # Link state, written when it changes; `last_seen_at` in batches by the gateway.
    online = models.BooleanField(_("online"), default=False)
    online_changed_at = models.DateTimeField(_("online since"), null=True, blank=True)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True)

    # What the pile says of itself at login or boot.
    vendor = models.CharField(_("vendor"), max_length=64, blank=True)
    reported_model = models.CharField(_("reported model"), max_length=64, blank=True)
    serial = models.CharField(_("serial number"), max_length=64, blank=True)
    firmware = models.CharField(_("firmware"), max_length=64, blank=True)
    iccid = models.CharField(_("SIM"), max_length=24, blank=True)
    findings = models.JSONField(
        _("protocol findings"),
        default=dict,
        blank=True,
        help_text=_("How often this pile strays from its protocol"),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="id")

    class Meta:
        verbose_name = _("pile")
        verbose_name_plural = _("piles")
        ordering = ["code"]
        indexes = [models.Index(fields=["online", "last_seen_at"], name="pile_presence")]
        permissions = [
            ("remote_start", _("Can start charging remotely")),
            ("remote_stop", _("Can stop charging remotely")),
            ("set_service", _("Can take piles in and out of service")),
            ("push_tariff", _("Can push a tariff to piles")),
        ]

    def __str__(self) -> str:
        return self.name or self.code

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id

    @property
    def printed_number(self) -> str:
        """The number under a box's QR code: of an e-bike box the low three bytes of its id in decimal, else empty.

        Source: AP3000 device protocol V8.6 §1.0.2.
        """
        return str(int(self.code[2:], 16)) if self.protocol == self.Protocol.DNY else ""
