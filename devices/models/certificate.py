"""Certificates that the platform's own authority issued to piles."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from devices.models.base import PileRow


class IssuedCertificate(PileRow):
    """One certificate of one pile. Renewed, not changed; a revoked one stays for the record.

    `fingerprint` is the SHA-256 of the DER form, in lower-case hexadecimal: what a TLS listener sees.
    """

    class Use(models.TextChoices):
        STATION = "station", _("Connection to the platform")
        VEHICLE = "vehicle", _("Connection to vehicles (ISO 15118)")

    use = models.CharField(_("use"), max_length=8, choices=Use.choices, default=Use.STATION)
    serial_no = models.CharField(_("serial number"), max_length=40, unique=True)
    fingerprint = models.CharField(_("fingerprint"), max_length=64, unique=True)
    common_name = models.CharField(_("common name"), max_length=64)
    pem = models.TextField(_("certificate"))
    not_before = models.DateTimeField(_("valid from"))
    not_after = models.DateTimeField(_("valid until"))
    issued_at = models.DateTimeField(_("issued at"))
    installed_at = models.DateTimeField(_("installed at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    revoke_reason = models.CharField(_("why it was revoked"), max_length=200, blank=True)

    class Meta(PileRow.Meta):
        verbose_name = _("pile certificate")
        verbose_name_plural = _("pile certificates")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(not_after__gt=F("not_before")), name="certificate_valid_span"),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True) | ~Q(revoke_reason=""), name="certificate_revoked_why"
            ),
        ]
        indexes = [models.Index(fields=["pile", "-id"], name="certificate_of_pile")]

    def __str__(self) -> str:
        return f"{self.common_name} {self.serial_no[:16]}"
