"""Tags that group drivers, and the list of who may start without money."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class DriverTag(models.Model):
    """A name that an operator gives to a group of drivers, for prices, campaigns and search."""

    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="driver_tags"
    )
    name = models.CharField(_("name"), max_length=32)
    note = models.CharField(_("note"), max_length=255, blank=True)
    rank = models.SmallIntegerField(
        _("rank"),
        default=0,
        db_default=0,
        help_text=_("Of several tags with a price of their own the highest holds"),
    )
    drivers = models.ManyToManyField(
        "users.Driver", verbose_name=_("drivers"), related_name="tags", blank=True
    )

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("driver tag")
        verbose_name_plural = _("driver tags")
        ordering = ["operator", "name"]
        constraints = [models.UniqueConstraint(fields=["operator", "name"], name="driver_tag_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class WhitelistEntry(models.Model):
    """A driver, card or vehicle that starts without money at the stations of one operator.

    What it charges is either free (the operator pays) or owed, up to `limit_fen`, until the next top-up.
    """

    class Pays(models.TextChoices):
        LATER = "later", _("Pays later")
        FREE = "free", _("Free of charge")

    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="whitelist"
    )
    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), null=True, blank=True, on_delete=models.PROTECT
    )
    card = models.ForeignKey(
        "users.Card", verbose_name=_("charging card"), null=True, blank=True, on_delete=models.PROTECT
    )
    vehicle = models.ForeignKey(
        "users.Vehicle", verbose_name=_("vehicle"), null=True, blank=True, on_delete=models.PROTECT
    )
    pays = models.CharField(_("pays"), max_length=5, choices=Pays.choices, default=Pays.LATER)
    limit_fen = models.BigIntegerField(
        _("upper limit (fen)"), help_text=_("Per order when free; owed altogether when paid later")
    )
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    is_active = models.BooleanField(_("enabled"), default=True)
    reason = models.CharField(_("reason"), max_length=255)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("whitelist entry")
        verbose_name_plural = _("whitelist")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="whitelist_names_one",
                condition=Q(driver__isnull=False, card__isnull=True, vehicle__isnull=True)
                | Q(driver__isnull=True, card__isnull=False, vehicle__isnull=True)
                | Q(driver__isnull=True, card__isnull=True, vehicle__isnull=False),
            ),
            models.CheckConstraint(name="whitelist_limit_positive", condition=Q(limit_fen__gt=0)),
            *(
                models.UniqueConstraint(
                    fields=["operator", name],
                    condition=Q(is_active=True, **{f"{name}__isnull": False}),
                    name=f"whitelist_{name}_once",
                )
                for name in ("driver", "card", "vehicle")
            ),
        ]

    def __str__(self) -> str:
        return str(self.driver or self.card or self.vehicle)

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
