"""Operators: the tenants that own stations and take money."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class Operator(models.Model):
    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=64)
    contact = models.CharField(_("contact"), max_length=64, blank=True)
    contact_phone = models.CharField(_("contact phone"), max_length=20, blank=True)
    is_active = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="id")

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operators")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.pk
