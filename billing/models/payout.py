"""Payouts to payees, the accounts they go to, and the history of each."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class PayoutChannel(models.TextChoices):
    WECHAT = "wechat", _("WeChat Pay")
    ALIPAY = "alipay", _("Alipay")
    BANK = "bank", _("Bank transfer")


class PayoutAccount(models.Model):
    """Where a payee's money goes. A row never changes its account: another account is another row, confirmed anew."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waits for confirmation")
        VERIFIED = "verified", _("Confirmed")
        REPLACED = "replaced", _("Replaced")
        REJECTED = "rejected", _("Rejected")

    payee = models.ForeignKey(
        "billing.Payee", verbose_name=_("payee"), on_delete=models.PROTECT, related_name="payout_accounts"
    )
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    channel = models.CharField(_("payout channel"), max_length=8, choices=PayoutChannel.choices)
    identity = models.CharField(
        _("account"),
        max_length=64,
        help_text=_("WeChat: openid; Alipay: login or user number; bank: card no."),
    )
    real_name = models.CharField(_("holder"), max_length=64)
    bank_name = models.CharField(_("bank and branch"), max_length=100, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.PENDING)
    code_digest = models.CharField(max_length=64, blank=True)
    code_expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    bound_by_key = models.CharField(max_length=96)
    bound_by_name = models.CharField(_("bound by"), max_length=128, blank=True)
    bound_at = models.DateTimeField(_("bound at"))
    verified_by_key = models.CharField(max_length=96, blank=True)
    verified_by_name = models.CharField(_("confirmed by"), max_length=128, blank=True)
    verified_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("payout account")
        verbose_name_plural = _("payout accounts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["payee"], condition=models.Q(state="verified"), name="payout_account_one_in_use"
            ),
            models.CheckConstraint(
                name="payout_account_two_people",
                condition=~models.Q(state="verified") | ~models.Q(verified_by_key=models.F("bound_by_key")),
            ),
        ]
        permissions = [
            ("bind_payoutaccount", _("Can bind payout accounts")),
            ("verify_payoutaccount", _("Can confirm payout accounts that somebody else bound")),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.masked}"

    @property
    def masked(self) -> str:
        """The account with its middle hidden."""
        text = self.identity
        return f"{text[:3]}****{text[-4:]}" if len(text) > 8 else f"{text[:1]}****{text[-1:]}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class Payout(models.Model):
    """One payment to a payee. Its number never changes, whatever happens: a repeat pays nothing twice.

    Moves only through `billing.services.payouts.states.move_payout`. From its statement to its end the money
    stands on the payee's account of payouts under way.
    """

    class State(models.TextChoices):
        CREATED = "created", _("Waits for approval")
        APPROVED = "approved", _("Approved")
        SENDING = "sending", _("With the channel")
        WAITING = "waiting", _("Waits for the payee to confirm")
        PAID = "paid", _("Paid")
        FAILED = "failed", _("Failed")
        RETURNED = "returned", _("Returned to the payee's account")

    number = models.CharField(_("payout no."), max_length=32, unique=True)
    statement = models.OneToOneField(
        "billing.Statement", verbose_name=_("statement"), on_delete=models.PROTECT, related_name="payout"
    )
    payee = models.ForeignKey(
        "billing.Payee", verbose_name=_("payee"), on_delete=models.PROTECT, related_name="payouts"
    )
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    account = models.ForeignKey(PayoutAccount, verbose_name=_("payout account"), on_delete=models.PROTECT)
    channel = models.CharField(_("payout channel"), max_length=8, choices=PayoutChannel.choices)
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.CREATED)
    version = models.PositiveIntegerField(default=0)
    first_approved_by_key = models.CharField(max_length=96, blank=True)
    first_approved_by_name = models.CharField(_("approved first by"), max_length=128, blank=True)
    approved_by_key = models.CharField(max_length=96, blank=True)
    approved_by_name = models.CharField(_("approved by"), max_length=128, blank=True)
    provider_no = models.CharField(_("channel's no."), max_length=64, blank=True)
    confirm_params = models.JSONField(_("for the payee's app"), null=True, blank=True)
    refused_code = models.CharField(_("refusal"), max_length=64, blank=True)
    closed_there = models.BooleanField(_("ended by the channel"), default=False)
    last_error = models.CharField(_("last error"), max_length=255, blank=True)
    needs_attention = models.BooleanField(_("needs attention"), default=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="payout_positive", condition=models.Q(amount_fen__gt=0)),
            models.UniqueConstraint(
                fields=["channel", "provider_no"],
                condition=~models.Q(provider_no=""),
                name="payout_provider_once",
            ),
            models.CheckConstraint(
                name="payout_two_approvers",
                condition=models.Q(first_approved_by_key="")
                | ~models.Q(first_approved_by_key=models.F("approved_by_key")),
            ),
        ]
        indexes = [
            models.Index(fields=["operator", "-id"], name="payout_of_operator"),
            models.Index(fields=["state", "-id"], name="payout_by_state"),
            models.Index(fields=["next_at"], name="payout_due", condition=models.Q(next_at__isnull=False)),
        ]
        permissions = [("approve_payout", _("Can approve, retry and return payouts"))]

    def __str__(self) -> str:
        return self.number

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class PayoutEvent(models.Model):
    """One line of a payout's history."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(_("at"))
    kind = models.CharField(_("event"), max_length=32)
    from_state = models.CharField(max_length=8, blank=True)
    to_state = models.CharField(max_length=8, blank=True)
    data = models.JSONField(default=dict, blank=True)
    actor_key = models.CharField(max_length=96, blank=True)
    actor_name = models.CharField(max_length=128, blank=True)

    class Meta:
        verbose_name = _("payout event")
        verbose_name_plural = _("payout events")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.kind
