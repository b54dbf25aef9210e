"""Enterprises: organisations that pay for their members and vehicles from one account."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class Enterprise(models.Model):
    """A customer of one operator. At which stations its account pays is bound on the billing floor.

    `credit_fen` is how far its account may fall below zero; `max_parallel` how many of its orders may be open at
    once (empty: any number).
    """

    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="enterprises"
    )
    code = models.CharField(_("code"), max_length=32)
    name = models.CharField(_("name"), max_length=64)
    contact = models.CharField(_("contact"), max_length=64, blank=True)
    contact_phone = models.CharField(_("contact phone"), max_length=20, blank=True)
    is_active = models.BooleanField(_("enabled"), default=True)
    credit_fen = models.BigIntegerField(
        _("credit (fen)"), default=0, help_text=_("How far the account may fall below zero")
    )
    max_parallel = models.PositiveIntegerField(
        _("orders at once"), null=True, blank=True, help_text=_("Empty: any number")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", enterprise="id")

    class Meta:
        verbose_name = _("enterprise")
        verbose_name_plural = _("enterprises")
        ordering = ["operator", "code"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "code"], name="enterprise_code"),
            models.CheckConstraint(
                name="enterprise_credit_not_negative", condition=models.Q(credit_fen__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class EnterpriseMember(models.Model):
    """A driver whose charging an enterprise pays, within limits in fen (empty: no limit of its own)."""

    enterprise = models.ForeignKey(
        Enterprise, verbose_name=_("enterprise"), on_delete=models.PROTECT, related_name="members"
    )
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT, related_name="memberships"
    )
    is_active = models.BooleanField(_("enabled"), default=True)
    order_limit_fen = models.BigIntegerField(_("per order (fen)"), null=True, blank=True)
    day_limit_fen = models.BigIntegerField(_("per day (fen)"), null=True, blank=True)
    month_limit_fen = models.BigIntegerField(_("per month (fen)"), null=True, blank=True)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", enterprise="enterprise_id", driver="driver_id")

    class Meta:
        verbose_name = _("enterprise member")
        verbose_name_plural = _("enterprise members")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["enterprise", "driver"], name="enterprise_member_once"),
            models.CheckConstraint(
                name="enterprise_member_limits",
                condition=(models.Q(order_limit_fen__isnull=True) | models.Q(order_limit_fen__gt=0))
                & (models.Q(day_limit_fen__isnull=True) | models.Q(day_limit_fen__gt=0))
                & (models.Q(month_limit_fen__isnull=True) | models.Q(month_limit_fen__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enterprise} · {self.driver}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
