"""What a driver wants to be told, how they want to appear, and what they were told."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class DriverSettings(models.Model):
    """A driver's own settings; without a row the defaults hold. What is not switched on is not told."""

    class Colour(models.TextChoices):
        TEAL = "teal", _("Teal")
        BLUE = "blue", _("Blue")
        VIOLET = "violet", _("Violet")
        AMBER = "amber", _("Amber")
        ROSE = "rose", _("Rose")
        GREY = "grey", _("Grey")

    driver = models.OneToOneField(
        "users.Driver",
        verbose_name=_("driver"),
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="settings",
    )
    nickname = models.CharField(_("nickname"), max_length=32, blank=True)
    avatar_colour = models.CharField(
        _("avatar colour"), max_length=8, choices=Colour.choices, default=Colour.TEAL
    )
    language = models.CharField(
        _("language"),
        max_length=8,
        blank=True,
        choices=settings.LANGUAGES,
        help_text=_("Empty: that of the app"),
    )
    tell_order_ended = models.BooleanField(_("tell when a charge has ended"), default=True)
    tell_balance_low = models.BooleanField(_("tell when the balance is low"), default=True)
    tell_coupon_expiring = models.BooleanField(_("tell when a coupon is about to expire"), default=True)
    tell_marketing = models.BooleanField(_("tell of offers and coupons"), default=False)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="driver__operator_id", driver="driver_id")

    class Meta:
        verbose_name = _("settings of a driver")
        verbose_name_plural = _("settings of drivers")

    def __str__(self) -> str:
        return self.nickname or str(self.driver_id)


class DriverNotice(models.Model):
    """One thing a driver was told, once: `key` names it among those of its topic. Words are made when it is read."""

    class Topic(models.TextChoices):
        ORDER_ENDED = "order_ended", _("Charge ended")
        BALANCE_LOW = "balance_low", _("Balance low")
        COUPON_EXPIRING = "coupon_expiring", _("Coupon about to expire")
        MARKETING = "marketing", _("Offers")

    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.CASCADE, related_name="notices"
    )
    topic = models.CharField(_("topic"), max_length=16, choices=Topic.choices)
    key = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    created_at = models.DateTimeField(_("at"))
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="driver__operator_id", driver="driver_id")

    class Meta:
        verbose_name = _("notice to a driver")
        verbose_name_plural = _("notices to drivers")
        constraints = [
            models.UniqueConstraint(fields=["driver", "topic", "key"], name="driver_notice_once"),
        ]
        indexes = [
            models.Index(fields=["driver", "-id"], name="notice_of_driver"),
            models.Index(fields=["created_at"], name="notice_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"
