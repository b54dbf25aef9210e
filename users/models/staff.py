"""Console accounts and the rows they may see."""

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedQuerySet, ScopePaths


class StaffManager(UserManager.from_queryset(ScopedQuerySet)):
    use_in_migrations = False


class Staff(AbstractUser):
    """A person who works in the console. What they may do: permissions. On which rows: `StaffScope`."""

    display_name = models.CharField(_("name"), max_length=64, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    operator = models.ForeignKey(
        "users.Operator",
        verbose_name=_("operator"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="staff",
        help_text=_("Empty for staff of the platform"),
    )

    objects = StaffManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta(AbstractUser.Meta):
        verbose_name = _("staff account")
        verbose_name_plural = _("staff accounts")

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class StaffScope(models.Model):
    """One branch of the data-scope tree that a staff member may see; several rows add up."""

    class Kind(models.TextChoices):
        PLATFORM = "platform", _("Whole platform")
        REGION = "region", _("Region")
        OPERATOR = "operator", _("Operator")
        GROUP = "group", _("Station group")
        STATION = "station", _("Station")
        PILE = "pile", _("Pile")
        ENTERPRISE = "enterprise", _("Enterprise")

    staff = models.ForeignKey(
        Staff, verbose_name=_("staff account"), on_delete=models.CASCADE, related_name="scopes"
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    object_key = models.CharField(
        _("object"),
        max_length=64,
        blank=True,
        help_text=_("Primary key, or the region code; empty for platform"),
    )

    class Meta:
        verbose_name = _("data scope")
        verbose_name_plural = _("data scopes")
        constraints = [
            models.UniqueConstraint(fields=["staff", "kind", "object_key"], name="staff_scope_once"),
            models.CheckConstraint(
                name="staff_scope_has_object",
                condition=models.Q(kind="platform", object_key="")
                | (~models.Q(kind="platform") & ~models.Q(object_key="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.object_key}".strip()
