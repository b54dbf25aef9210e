"""Whom income is divided among: the operator itself, agents in a tree, partners."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class Payee(models.Model):
    """A party of an operator that is owed a share. An agent below another takes its share from that agent's.

    Each operator has one payee of kind `operator`, opened at first use; what is not given away is the operator's.
    """

    class Kind(models.TextChoices):
        OPERATOR = "operator", _("Operator")
        AGENT = "agent", _("Agent")
        PARTNER = "partner", _("Partner")

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    code = models.CharField(_("code"), max_length=32)
    name = models.CharField(_("name"), max_length=64)
    parent = models.ForeignKey(
        "self",
        verbose_name=_("agent above"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
    )
    phone = models.CharField(
        _("phone"), max_length=20, blank=True, help_text=_("Codes that confirm a payout account go there")
    )
    is_active = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("payee")
        verbose_name_plural = _("payees")
        ordering = ["operator", "id"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "code"], name="payee_code_once"),
            models.UniqueConstraint(
                fields=["operator"], condition=models.Q(kind="operator"), name="payee_operator_once"
            ),
            models.CheckConstraint(
                name="payee_only_agents_below",
                condition=models.Q(parent__isnull=True) | models.Q(kind="agent"),
            ),
            models.CheckConstraint(
                name="payee_not_its_own_parent", condition=~models.Q(parent=models.F("id"))
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
