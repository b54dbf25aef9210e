"""Whom an app like WeChat knows a driver as."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class DriverIdentity(models.Model):
    """One account at a provider, bound to one driver; a driver has at most one per application of a provider.

    `subject` is the openid of WeChat, the user id of Alipay.
    """

    class Provider(models.TextChoices):
        WECHAT = "wechat", _("WeChat")
        ALIPAY = "alipay", _("Alipay")

    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.CASCADE, related_name="identities"
    )
    provider = models.CharField(_("log-in by"), max_length=8, choices=Provider.choices)
    app_id = models.CharField(_("application"), max_length=64)
    subject = models.CharField(_("known there as"), max_length=128)
    union_id = models.CharField(max_length=512, blank=True)
    created_at = models.DateTimeField(_("bound at"))
    last_login_at = models.DateTimeField(_("last log-in"))

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="driver__operator_id", driver="driver_id")

    class Meta:
        verbose_name = _("log-in of a driver")
        verbose_name_plural = _("log-ins of drivers")
        constraints = [
            models.UniqueConstraint(fields=["provider", "app_id", "subject"], name="identity_of_one_driver"),
            models.UniqueConstraint(
                fields=["driver", "provider", "app_id"], name="identity_one_per_application"
            ),
            models.CheckConstraint(name="identity_subject_given", condition=~models.Q(subject="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()} …{self.subject[-4:]}"
