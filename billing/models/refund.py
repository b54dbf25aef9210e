"""Money that goes back to where it came from: a refund and its parts, and the moves of payments and refunds."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.payment import Channel, Payment
from users.scope import ScopedManager, ScopePaths


class Refund(models.Model):
    """A refund of wallet money. Its amount leaves the wallet when it is asked for.

    Until the channels have paid, the money stands on the driver's account of refunds under way.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", _("Waiting for approval")
        APPROVED = "approved", _("Approved")
        SENT = "sent", _("With the channel")
        SUCCEEDED = "succeeded", _("Refunded")
        PARTIAL = "partial", _("Refunded in part")
        FAILED = "failed", _("Failed")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    refund_no = models.CharField(_("refund no."), max_length=32, unique=True)
    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT, related_name="refunds"
    )
    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), null=True, blank=True, on_delete=models.PROTECT
    )
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    refunded_fen = models.BigIntegerField(_("refunded (fen)"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.REQUESTED)
    version = models.PositiveIntegerField(default=0)
    client_key = models.CharField(_("key of the request"), max_length=64, blank=True)
    reason = models.CharField(_("reason"), max_length=255, blank=True)
    requested_at = models.DateTimeField(_("requested at"))
    requested_by_key = models.CharField(_("requested by"), max_length=96)
    requested_by_name = models.CharField(_("requested by"), max_length=128, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by_key = models.CharField(_("decided by"), max_length=96, blank=True)
    decided_by_name = models.CharField(_("decided by"), max_length=128, blank=True)
    decision_reason = models.CharField(_("reason of the decision"), max_length=255, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", driver="driver_id")

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["driver", "client_key"],
                condition=~models.Q(client_key=""),
                name="refund_request_once",
            ),
            models.CheckConstraint(name="refund_positive", condition=models.Q(amount_fen__gt=0)),
            models.CheckConstraint(
                name="refund_not_above",
                condition=models.Q(refunded_fen__gte=0, refunded_fen__lte=models.F("amount_fen")),
            ),
        ]
        indexes = [
            models.Index(fields=["driver", "-id"], name="refund_of_driver"),
            models.Index(fields=["operator", "-id"], name="refund_of_operator"),
            models.Index(fields=["state", "-id"], name="refund_by_state"),
        ]
        permissions = [
            ("request_refund", _("Can ask for a refund in a driver's name")),
            ("approve_refund", _("Can approve and reject refunds")),
        ]

    def __str__(self) -> str:
        return self.refund_no

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class RefundPart(models.Model):
    """What one recharge gives back. `out_refund_no` never changes: a repeat refunds nothing twice."""

    class State(models.TextChoices):
        PENDING = "pending", _("Not sent yet")
        SENT = "sent", _("With the channel")
        SUCCEEDED = "succeeded", _("Refunded")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    refund = models.ForeignKey(
        Refund, verbose_name=_("refund"), on_delete=models.PROTECT, related_name="parts"
    )
    payment = models.ForeignKey(
        Payment, verbose_name=_("payment"), on_delete=models.PROTECT, related_name="refund_parts"
    )
    channel = models.CharField(_("payment channel"), max_length=8, choices=Channel.choices)
    out_refund_no = models.CharField(_("part no."), max_length=40, unique=True)
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    bonus_fen = models.BigIntegerField(_("bonus taken back (fen)"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PENDING)
    provider_no = models.CharField(_("channel's no."), max_length=64, blank=True)
    refused_code = models.CharField(_("refusal"), max_length=64, blank=True)
    last_error = models.CharField(_("last error"), max_length=255, blank=True)
    needs_attention = models.BooleanField(_("needs attention"), default=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="refund__operator_id", driver="refund__driver_id")

    class Meta:
        verbose_name = _("refund part")
        verbose_name_plural = _("refund parts")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="refund_part_positive", condition=models.Q(amount_fen__gt=0)),
            models.UniqueConstraint(
                fields=["channel", "provider_no"],
                condition=~models.Q(provider_no=""),
                name="refund_part_provider_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"], name="refund_part_due", condition=models.Q(next_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.out_refund_no


class PaymentEvent(models.Model):
    """One line of the history of a payment or of a refund."""

    payment = models.ForeignKey(
        Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="events"
    )
    refund = models.ForeignKey(Refund, null=True, blank=True, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(_("at"))
    kind = models.CharField(_("event"), max_length=32)
    from_state = models.CharField(max_length=10, blank=True)
    to_state = models.CharField(max_length=10, blank=True)
    data = models.JSONField(default=dict, blank=True)
    actor_key = models.CharField(max_length=96, blank=True)
    actor_name = models.CharField(max_length=128, blank=True)

    class Meta:
        verbose_name = _("payment event")
        verbose_name_plural = _("payment events")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="payment_event_of_one",
                condition=models.Q(payment__isnull=True, refund__isnull=False)
                | models.Q(payment__isnull=False, refund__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.kind
