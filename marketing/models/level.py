"""Member levels: what a driver has to charge at an operator to carry a tag, and who has reached which."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class MemberLevel(models.Model):
    """A level is a tag that is earned: whatever holds for the tag (discounts, prices) is the level's benefit."""

    class Measure(models.TextChoices):
        ENERGY = "energy", _("Energy charged (kWh)")
        MONEY = "money", _("Money spent (yuan)")

    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="member_levels"
    )
    tag = models.OneToOneField(
        "users.DriverTag",
        verbose_name=_("driver tag"),
        on_delete=models.PROTECT,
        related_name="level",
        help_text=_(
            "Its drivers are set by the level from now on; of several reached the highest rank holds"
        ),
    )
    measure = models.CharField(_("counted by"), max_length=8, choices=Measure.choices, default=Measure.ENERGY)
    least = models.PositiveIntegerField(_("at least"), validators=[MinValueValidator(1)])
    window_days = models.PositiveSmallIntegerField(
        _("within the last days"),
        default=365,
        validators=[MinValueValidator(1), MaxValueValidator(1095)],
    )
    is_active = models.BooleanField(_("active"), default=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("member level")
        verbose_name_plural = _("member levels")
        ordering = ["operator", "-tag__rank", "-least"]
        constraints = [
            models.CheckConstraint(name="level_needs_something", condition=models.Q(least__gt=0)),
            models.CheckConstraint(
                name="level_window", condition=models.Q(window_days__gte=1, window_days__lte=1095)
            ),
        ]

    def __str__(self) -> str:
        return self.tag.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class Membership(models.Model):
    """The level that a driver has at an operator, with what counted for it at the last look."""

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT, related_name="levels"
    )
    level = models.ForeignKey(
        MemberLevel, verbose_name=_("member level"), on_delete=models.PROTECT, related_name="memberships"
    )
    counted = models.PositiveBigIntegerField(_("counted"))
    since = models.DateTimeField(_("member since"))
    looked_at = models.DateTimeField(_("last look"))

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", driver="driver_id")

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "driver"], name="membership_one_per_operator")
        ]
        indexes = [models.Index(fields=["driver"], name="membership_of_driver")]

    def __str__(self) -> str:
        return f"{self.driver} · {self.level}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
