"""Money that comes in through a payment channel, and the notices that channels send about it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths

WAITING_STATES = ("created", "paying")
SCORE_WAY = "payscore"  # not asked of the payer: the debit at the end of a charge on pay score


class Channel(models.TextChoices):
    WECHAT = "wechat", _("WeChat Pay")
    ALIPAY = "alipay", _("Alipay")


class Payment(models.Model):
    """One recharge of a driver's wallet. Moves only through `billing.services.payment_states.move_payment`.

    The row is committed before the channel is called: whatever happens next, its number can be asked for.
    `refunded_fen` counts what refunds took or have reserved of it.
    """

    class State(models.TextChoices):
        CREATED = "created", _("Created")
        PAYING = "paying", _("Waiting for payment")
        SUCCEEDED = "succeeded", _("Paid")
        CLOSED = "closed", _("Closed unpaid")
        FAILED = "failed", _("Refused")
        REVIEW = "review", _("To handle")

    out_trade_no = models.CharField(_("payment no."), max_length=32, unique=True)
    channel = models.CharField(_("payment channel"), max_length=8, choices=Channel.choices)
    way = models.CharField(_("way"), max_length=8)
    driver = models.ForeignKey(
        "users.Driver", verbose_name=_("driver"), on_delete=models.PROTECT, related_name="payments"
    )
    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), null=True, blank=True, on_delete=models.PROTECT
    )
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.CREATED)
    version = models.PositiveIntegerField(default=0)
    client_key = models.CharField(_("key of the request"), max_length=64, blank=True)
    provider_no = models.CharField(_("channel's no."), max_length=64, blank=True)
    payer = models.CharField(_("payer"), max_length=128, blank=True)
    paid_fen = models.BigIntegerField(_("paid (fen)"), null=True, blank=True)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    refunded_fen = models.BigIntegerField(_("refunded (fen)"), default=0)
    pay_params = models.JSONField(_("parameters for the app"), null=True, blank=True)
    journal = models.OneToOneField(
        "billing.Journal",
        verbose_name=_("journal"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="payment",
    )
    review_reasons = models.JSONField(_("reasons to handle"), default=list, blank=True)
    last_error = models.CharField(_("last error"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    next_query_at = models.DateTimeField(_("next query"), null=True, blank=True)
    queries = models.PositiveIntegerField(_("queries"), default=0)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", driver="driver_id")

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "provider_no"],
                condition=~models.Q(provider_no=""),
                name="payment_provider_once",
            ),
            models.UniqueConstraint(
                fields=["driver", "client_key"],
                condition=~models.Q(client_key=""),
                name="payment_request_once",
            ),
            models.CheckConstraint(name="payment_positive", condition=models.Q(amount_fen__gt=0)),
            models.CheckConstraint(
                name="payment_state_known",
                condition=models.Q(
                    state__in=["created", "paying", "succeeded", "closed", "failed", "review"]
                ),
            ),
            models.CheckConstraint(
                name="payment_paid_is_booked",
                condition=~models.Q(state="succeeded")
                | models.Q(journal__isnull=False, paid_fen__isnull=False, paid_at__isnull=False),
            ),
            models.CheckConstraint(
                name="payment_refunds_within",
                condition=models.Q(refunded_fen=0)
                | models.Q(
                    paid_fen__isnull=False, refunded_fen__gt=0, refunded_fen__lte=models.F("paid_fen")
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["driver", "-id"], name="payment_of_driver"),
            models.Index(fields=["operator", "-id"], name="payment_of_operator"),
            models.Index(fields=["state", "-id"], name="payment_by_state"),
            models.Index(fields=["-created_at", "-id"], name="payment_by_time"),
            models.Index(
                fields=["next_query_at"],
                name="payment_query_due",
                condition=models.Q(next_query_at__isnull=False),
            ),
        ]
        permissions = [
            ("query_payment", _("Can ask a payment channel about a payment")),
            ("resolve_payment", _("Can decide about payments that do not fit")),
        ]

    def __str__(self) -> str:
        return self.out_trade_no

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class PaymentNotice(models.Model):
    """One verified notice of a channel: what it said, how often it came, what became of it."""

    class Outcome(models.TextChoices):
        CREDITED = "credited", _("Credited")
        REPEATED = "repeated", _("Known already")
        DIFFERS = "differs", _("Does not fit, to handle")
        UNKNOWN = "unknown", _("No such payment")
        REFUND = "refund", _("About a refund")
        IGNORED = "ignored", _("Nothing to do")

    channel = models.CharField(_("payment channel"), max_length=8, choices=Channel.choices)
    notice_id = models.CharField(_("notice no."), max_length=128)
    number = models.CharField(_("about"), max_length=64, blank=True)
    payment = models.ForeignKey(
        Payment,
        verbose_name=_("payment"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="notices",
    )
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.IGNORED)
    body = models.JSONField(_("what it said"), default=dict)
    received_at = models.DateTimeField(_("received at"))
    repeats = models.PositiveIntegerField(_("repeats"), default=0)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="payment__operator_id", driver="payment__driver_id")

    class Meta:
        verbose_name = _("payment notice")
        verbose_name_plural = _("payment notices")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "notice_id"], name="payment_notice_once"),
        ]
        indexes = [models.Index(fields=["number"], name="payment_notice_number")]

    def __str__(self) -> str:
        return self.notice_id
