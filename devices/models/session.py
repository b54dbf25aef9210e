"""Which socket holds which pile, and the piles nobody knows yet."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class PileSession(models.Model):
    """One login of a pile on one socket. A pile has at most one open session: the newest wins."""

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey(
        "stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT, related_name="sessions"
    )
    protocol = models.CharField(_("protocol"), max_length=16)
    node = models.CharField(_("gateway"), max_length=64)
    channel = models.CharField(_("channel"), max_length=128)
    remote_address = models.CharField(_("remote address"), max_length=64, blank=True)
    silence_s = models.PositiveIntegerField(
        _("patience (s)"), default=60, help_text=_("After so much silence the pile is offline")
    )
    opened_at = models.DateTimeField(_("opened at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    close_reason = models.CharField(_("close reason"), max_length=64, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("pile session")
        verbose_name_plural = _("pile sessions")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pile"], condition=models.Q(closed_at__isnull=True), name="pile_session_one_open"
            )
        ]
        indexes = [
            models.Index(fields=["pile", "-id"], name="pile_session_recent"),
            models.Index(fields=["node", "closed_at"], name="pile_session_of_node"),
        ]

    def __str__(self) -> str:
        return f"{self.pile_id} @ {self.node}"


class UnknownPile(models.Model):
    """A pile that dialled in under a code nobody registered: the waiting list of commissioning."""

    code = models.CharField(_("code"), max_length=64)
    protocol = models.CharField(_("protocol"), max_length=16)
    login = models.JSONField(_("what its login said"), default=dict)
    remote_address = models.CharField(_("remote address"), max_length=64, blank=True)
    reason = models.CharField(_("why it was refused"), max_length=32, default="unknown")
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    attempts = models.PositiveIntegerField(_("attempts"), default=1)

    class Meta:
        verbose_name = _("unknown pile")
        verbose_name_plural = _("unknown piles")
        ordering = ["-last_seen_at"]
        constraints = [models.UniqueConstraint(fields=["protocol", "code"], name="unknown_pile_once")]

    def __str__(self) -> str:
        return self.code
