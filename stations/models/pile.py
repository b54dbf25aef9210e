"""Piles: their place, what they are set to, what they say of themselves, and their archive."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from stations.models.mode import ChargeMode, Edition
from stations.models.pile_model import PileModel
from users.scope import ScopedManager, ScopePaths

AC_UP_TO_KW = Decimal("22")  # what a pile of no known model counts as; direct current begins above


class Pile(models.Model):
    """A charging pile. `code` is its identity on the wire and on its QR code."""

    class Protocol(models.TextChoices):
        YKC = "ykc", _("YKC (TCP)")
        OCPP16 = "ocpp16", _("OCPP 1.6J")
        OCPP201 = "ocpp201", _("OCPP 2.0.1")
        DNY = "dny", _("DNY e-bike (TCP)")
        MQTT = "mqtt", _("JSON over MQTT")

    class SecurityProfile(models.IntegerChoices):
        """OCPP security profiles (OCPP 1.6 security whitepaper ed. 3 §2.3); over TCP 1 is the code alone."""

        NONE = 0, _("0: no password (development only)")
        PASSWORD = 1, _("1: password")
        TLS = 2, _("2: TLS and password")
        CERTIFICATE = 3, _("3: TLS with the pile's own certificate")

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
    edition = models.CharField(_("edition"), max_length=8, choices=Edition.choices, default=Edition.NETWORK)
    charge_mode = models.CharField(
        _("charge mode"), max_length=16, choices=ChargeMode.choices, default=ChargeMode.ONLINE_PAID
    )
    security_profile = models.PositiveSmallIntegerField(
        _("security profile"),
        choices=SecurityProfile.choices,
        default=SecurityProfile.PASSWORD,
        help_text=_("How the pile has to prove who it is, at least"),
    )
    night_from = models.TimeField(
        _("night cut-off from"), null=True, blank=True, help_text=_("Local time; no charging from then on")
    )
    night_until = models.TimeField(_("night cut-off until"), null=True, blank=True)

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
    network_type = models.CharField(_("network"), max_length=16, blank=True)
    carrier = models.CharField(_("carrier"), max_length=32, blank=True)
    signal = models.CharField(_("signal"), max_length=16, blank=True)
    findings = models.JSONField(
        _("protocol findings"),
        default=dict,
        blank=True,
        help_text=_("How often this pile strays from its protocol"),
    )
    # Where it says it stands, WGS-84 or GCJ-02 turned into GCJ-02; empty is where its station is.
    longitude = FixedPointField(
        _("longitude"), places=6, null=True, blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
    )  # fmt: skip
    latitude = FixedPointField(
        _("latitude"), places=6, null=True, blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
    )  # fmt: skip
    position_at = models.DateTimeField(_("position since"), null=True, blank=True)

    # The archive.
    installed_on = models.DateField(_("installed on"), null=True, blank=True)
    warranty_until = models.DateField(_("warranty until"), null=True, blank=True)
    sim_plan_mb = models.PositiveIntegerField(_("data plan per month (MB)"), null=True, blank=True)
    sim_used_mb = models.PositiveIntegerField(_("used this month (MB)"), null=True, blank=True)
    sim_used_at = models.DateTimeField(_("usage known at"), null=True, blank=True)
    sim_expires_on = models.DateField(_("data plan until"), null=True, blank=True)
    insurer = models.CharField(_("insurer"), max_length=64, blank=True)
    policy_no = models.CharField(_("policy no."), max_length=64, blank=True)
    insured_until = models.DateField(_("insured until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="id")

    class Meta:
        verbose_name = _("pile")
        verbose_name_plural = _("piles")
        ordering = ["code"]
        indexes = [models.Index(fields=["online", "last_seen_at"], name="pile_presence")]
        constraints = [
            models.CheckConstraint(
                name="pile_edition_known", condition=models.Q(edition__in=["network", "offline"])
            ),
            models.CheckConstraint(
                name="pile_night_has_both_ends",
                condition=models.Q(night_from__isnull=True, night_until__isnull=True)
                | (
                    models.Q(night_from__isnull=False, night_until__isnull=False)
                    & ~models.Q(night_from=models.F("night_until"))
                ),
            ),
            models.CheckConstraint(
                name="pile_charge_mode_known",
                condition=models.Q(charge_mode__in=["online_paid", "offline_billed", "offline_free"]),
            ),
        ]
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
    def current_type(self) -> str:
        """`ac` or `dc`: of its model; without one, e-bike boxes and piles up to 22 kW are AC."""
        if self.model is not None:
            return self.model.current_type
        small = self.protocol == self.Protocol.DNY or self.rated_power_kw <= AC_UP_TO_KW
        return PileModel.CurrentType.AC if small else PileModel.CurrentType.DC

    def get_current_type_display(self) -> str:
        return PileModel.CurrentType(self.current_type).label

    @property
    def printed_number(self) -> str:
        """The number under a box's QR code: of an e-bike box the low three bytes of its id in decimal, else empty.

        Source: AP3000 device protocol V8.6 §1.0.2.
        """
        return str(int(self.code[2:], 16)) if self.protocol == self.Protocol.DNY else ""
