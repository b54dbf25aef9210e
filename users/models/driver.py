"""Drivers: people who charge, with the tokens their apps hold."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths

PHONE_PATTERN = r"^1[3-9]\d{9}$"


class Driver(models.Model):
    """A person with an app account. `operator` is the operator that registered them, if one did."""

    phone = models.CharField(
        _("phone"), max_length=11, unique=True, validators=[RegexValidator(PHONE_PATTERN)]
    )
    name = models.CharField(_("name"), max_length=64, blank=True)
    operator = models.ForeignKey(
        "users.Operator",
        verbose_name=_("home operator"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="drivers",
    )
    is_frozen = models.BooleanField(_("frozen"), default=False)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    created_at = models.DateTimeField(_("registered at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", driver="id")

    class Meta:
        verbose_name = _("driver")
        verbose_name_plural = _("drivers")
        ordering = ["-id"]
        permissions = [
            ("view_personal_data", _("Can see unmasked phone numbers and plates")),
            ("cancel_driver", _("Can cancel drivers' accounts")),
        ]

    def __str__(self) -> str:
        return self.name or self.masked_phone

    @property
    def masked_phone(self) -> str:
        if self.cancelled_at is not None:
            return gettext("Cancelled account")
        return f"{self.phone[:3]}****{self.phone[-4:]}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class DriverToken(models.Model):
    """A bearer token of a driver's app; only its digest is stored."""

    driver = models.ForeignKey(
        Driver, verbose_name=_("driver"), on_delete=models.CASCADE, related_name="tokens"
    )
    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(_("device"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("driver token")
        verbose_name_plural = _("driver tokens")

    def __str__(self) -> str:
        return f"{self.driver_id} {self.name}"


class PhoneLogin(models.Model):
    """A login code that was sent to a phone: digest, life and number of tries."""

    phone = models.CharField(max_length=11, db_index=True)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("login code")
        verbose_name_plural = _("login codes")

    def __str__(self) -> str:
        return f"{self.phone[:3]}****{self.phone[-4:]}"
