"""Bookings: a connector kept for one driver until they come, cancel, or the time is over."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths

OPEN_BOOKING_STATES = ("asked", "active")


class Booking(models.Model):
    """One booking. Moves only through `billing.services.bookings`.

    `rule` is the reservation fee frozen when it was made (None: it costs nothing). `asked` waits for the pile's
    answer; a pile that keeps no reservations itself is kept by the platform alone. The booking's number is the tag
    under which its pile knows it.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("Asked of the pile")
        ACTIVE = "active", _("Booked")
        USED = "used", _("Charged")
        CANCELLED = "cancelled", _("Cancelled")
        EXPIRED = "expired", _("Nobody came")
        REFUSED = "refused", _("Refused or dropped by the pile")

    booking_no = models.CharField(_("booking no."), max_length=20, unique=True)
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey("stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT)
    connector = models.ForeignKey(
        "stations.Connector", verbose_name=_("connector"), on_delete=models.PROTECT, related_name="bookings"
    )
    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT, related_name="bookings"
    )
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    rule = models.JSONField(_("frozen rule"), null=True, blank=True)
    created_at = models.DateTimeField(_("booked at"))
    expires_at = models.DateTimeField(_("kept until"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    amount_fen = models.BigIntegerField(_("fee (fen)"), default=0)
    order = models.OneToOneField(
        "billing.ChargingOrder",
        verbose_name=_("order"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="booking",
    )
    journal = models.OneToOneField(
        "billing.Journal", null=True, blank=True, on_delete=models.PROTECT, related_name="booking"
    )
    reason = models.CharField(_("reason"), max_length=255, blank=True)
    waiver = models.OneToOneField(
        "billing.Journal", null=True, blank=True, on_delete=models.PROTECT, related_name="waived_booking"
    )
    waived_by = models.CharField(_("waived by"), max_length=128, blank=True)
    waive_reason = models.CharField(_("why waived"), max_length=255, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id", driver="driver_id")

    class Meta:
        verbose_name = _("booking")
        verbose_name_plural = _("bookings")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connector"],
                condition=models.Q(state__in=OPEN_BOOKING_STATES),
                name="booking_one_open_per_connector",
            ),
            models.UniqueConstraint(
                fields=["driver"],
                condition=models.Q(state__in=OPEN_BOOKING_STATES),
                name="booking_one_open_per_driver",
            ),
            models.CheckConstraint(
                name="booking_state_known",
                condition=models.Q(state__in=["asked", "active", "used", "cancelled", "expired", "refused"]),
            ),
            models.CheckConstraint(
                name="booking_used_has_order",
                condition=~models.Q(state="used") | models.Q(order__isnull=False),
            ),
            models.CheckConstraint(
                name="booking_ended_when_over",
                condition=models.Q(state__in=OPEN_BOOKING_STATES, ended_at__isnull=True)
                | (~models.Q(state__in=OPEN_BOOKING_STATES) & models.Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="booking_waived_was_charged",
                condition=models.Q(waiver__isnull=True) | models.Q(journal__isnull=False),
            ),
            models.CheckConstraint(name="booking_fee_not_negative", condition=models.Q(amount_fen__gte=0)),
        ]
        indexes = [
            models.Index(fields=["operator", "-id"], name="booking_of_operator"),
            models.Index(fields=["driver", "-id"], name="booking_of_driver"),
            models.Index(
                fields=["expires_at"],
                name="booking_due",
                condition=models.Q(state__in=OPEN_BOOKING_STATES),
            ),
        ]
        permissions = [("cancel_booking", _("Can cancel bookings"))]

    def __str__(self) -> str:
        return self.booking_no

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_BOOKING_STATES
