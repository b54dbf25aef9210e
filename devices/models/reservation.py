"""Reservations of connectors: who may charge there until when."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.models.base import PileRow

OPEN_RESERVATION_STATES = ("asked", "active")


class Reservation(PileRow):
    """One reservation; its primary key is its number on the wire. Connector 0 is any connector of the pile."""

    class State(models.TextChoices):
        ASKED = "asked", _("Asked for")
        ACTIVE = "active", _("Reserved")
        REFUSED = "refused", _("Refused by the pile")
        USED = "used", _("Used")
        CANCELLED = "cancelled", _("Cancelled")
        EXPIRED = "expired", _("Expired")
        REMOVED = "removed", _("Dropped by the pile")

    connector_no = models.PositiveSmallIntegerField(_("connector"), default=0)
    id_tag = models.CharField(_("tag"), max_length=64)
    parent_tag = models.CharField(_("group tag"), max_length=64, blank=True)
    reference = models.CharField(_("reference"), max_length=64, blank=True, db_index=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.ASKED)
    answer = models.CharField(_("answer"), max_length=64, blank=True)
    transaction_ref = models.CharField(_("transaction no."), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta(PileRow.Meta):
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pile", "connector_no"],
                condition=Q(state__in=OPEN_RESERVATION_STATES),
                name="reservation_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_RESERVATION_STATES, ended_at__isnull=True)
                | (~Q(state__in=OPEN_RESERVATION_STATES) & Q(ended_at__isnull=False)),
                name="reservation_ended_when_over",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                name="reservation_due",
                condition=Q(state__in=OPEN_RESERVATION_STATES),
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_RESERVATION_STATES
