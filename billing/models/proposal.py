"""Four eyes: what one person asked for about money, and what another decided."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class Proposal(models.Model):
    """A change that takes effect when somebody else than who asked for it approves."""

    class Kind(models.TextChoices):
        CLEARING_RULE = "clearing_rule", _("Clearing rule")
        ORDER_REFUND = "order_refund", _("Refund of an order")
        ORDER_SETTLEMENT = "order_settlement", _("Settlement of an order to handle")
        FINANCE_TERMS = "finance_terms", _("Settlement terms")
        CONTRACT = "contract", _("Service contract")
        ADJUSTMENT = "adjustment", _("Adjustment of a payee's account")
        REOPEN_DAY = "reopen_day", _("Reopening of a closed day")
        DIFFERENCE = "difference", _("Booking of a difference with a channel")
        INVOICE_TERMS = "invoice_terms", _("Invoice terms")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Waits for a second person")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")

    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), null=True, blank=True, on_delete=models.PROTECT
    )
    payload = models.JSONField(_("what it says"))
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.PROPOSED)
    reason = models.CharField(_("reason"), max_length=255)
    requested_at = models.DateTimeField(_("requested at"))
    requested_by_key = models.CharField(_("requested by"), max_length=96)
    requested_by_name = models.CharField(_("requested by"), max_length=128, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by_key = models.CharField(_("decided by"), max_length=96, blank=True)
    decided_by_name = models.CharField(_("decided by"), max_length=128, blank=True)
    decision_reason = models.CharField(_("reason of the decision"), max_length=255, blank=True)
    result = models.CharField(_("result"), max_length=128, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("change to approve")
        verbose_name_plural = _("changes to approve")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="proposal_two_people",
                condition=~models.Q(state="approved")
                | ~models.Q(decided_by_key=models.F("requested_by_key")),
            ),
        ]
        indexes = [models.Index(fields=["state", "-id"], name="proposal_by_state")]
        permissions = [
            ("propose_change", _("Can ask for changes of finance rules and for refunds of orders")),
            ("approve_change", _("Can approve what somebody else asked for")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
