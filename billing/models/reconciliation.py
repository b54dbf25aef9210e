"""Bills of payment channels, what differs from our books, and the days that are closed for good."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.payment import Channel


class ChannelBill(models.Model):
    """A channel's bill of one business day, as it was fetched last; its lines are `BillLine`."""

    class State(models.TextChoices):
        FETCHED = "fetched", _("Fetched")
        EMPTY = "empty", _("The channel had nothing that day")

    channel = models.CharField(_("payment channel"), max_length=8, choices=Channel.choices)
    day = models.DateField(_("day"))
    state = models.CharField(_("state"), max_length=8, choices=State.choices)
    digest = models.CharField(_("checksum"), max_length=64, blank=True)
    payments = models.PositiveIntegerField(_("payments"), default=0)
    payments_fen = models.BigIntegerField(_("paid (fen)"), default=0)
    refunds = models.PositiveIntegerField(_("refunds"), default=0)
    refunds_fen = models.BigIntegerField(_("refunded (fen)"), default=0)
    fees_fen = models.BigIntegerField(_("channel fees (fen)"), default=0)
    fetched_at = models.DateTimeField(_("fetched at"))

    class Meta:
        verbose_name = _("channel bill")
        verbose_name_plural = _("channel bills")
        ordering = ["-day", "channel"]
        constraints = [models.UniqueConstraint(fields=["channel", "day"], name="channel_bill_once")]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.day}"


class BillLine(models.Model):
    """One line of a channel's bill. `amount_fen` is never negative; a fee that came back is."""

    class Kind(models.TextChoices):
        PAYMENT = "payment", _("Payment")
        REFUND = "refund", _("Refund")

    bill = models.ForeignKey(ChannelBill, on_delete=models.CASCADE, related_name="lines")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    number = models.CharField(_("our no."), max_length=64)
    trade_number = models.CharField(_("payment no."), max_length=64)
    provider_no = models.CharField(_("channel's no."), max_length=64)
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    fee_fen = models.BigIntegerField(_("channel fee (fen)"))
    state = models.CharField(_("state"), max_length=12)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("line of a channel bill")
        verbose_name_plural = _("lines of channel bills")
        indexes = [models.Index(fields=["number", "kind"], name="bill_line_number")]
        constraints = [
            models.CheckConstraint(name="bill_line_not_negative", condition=models.Q(amount_fen__gte=0))
        ]

    def __str__(self) -> str:
        return self.number


class Difference(models.Model):
    """What a channel's bill and our books do not agree on: a work item until it is settled.

    It settles by itself when a later comparison does not find it any more. `theirs_fen` and `ours_fen` are empty
    where a side has nothing.
    """

    class Kind(models.TextChoices):
        MISSING_HERE = "missing_here", _("The channel has it, we do not")
        MISSING_THERE = "missing_there", _("We have it, the channel does not")
        AMOUNT = "amount", _("The amount differs")
        STATE = "state", _("The state differs")
        FEE = "fee", _("The fee differs")
        DUPLICATE = "duplicate", _("The channel has it twice")

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        MATCHED = "matched", _("Agrees by now")
        EXPLAINED = "explained", _("Explained")
        BOOKED = "booked", _("Booked")

    channel = models.CharField(_("payment channel"), max_length=8, choices=Channel.choices)
    day = models.DateField(_("day"))
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    subject = models.CharField(_("about"), max_length=8, choices=BillLine.Kind.choices)
    number = models.CharField(_("our no."), max_length=64)
    provider_no = models.CharField(_("channel's no."), max_length=64, blank=True)
    theirs_fen = models.BigIntegerField(_("channel (fen)"), null=True, blank=True)
    ours_fen = models.BigIntegerField(_("here (fen)"), null=True, blank=True)
    theirs = models.CharField(_("channel says"), max_length=32, blank=True)
    ours = models.CharField(_("we say"), max_length=32, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    found_at = models.DateTimeField(_("found at"))
    settled_at = models.DateTimeField(pgettext_lazy("difference", "settled at"), null=True, blank=True)
    settled_by = models.CharField(_("settled by"), max_length=128, blank=True)
    note = models.CharField(_("note"), max_length=255, blank=True)
    journal = models.OneToOneField(
        "billing.Journal", verbose_name=_("journal"), null=True, blank=True, on_delete=models.PROTECT
    )

    class Meta:
        verbose_name = _("reconciliation difference")
        verbose_name_plural = _("reconciliation differences")
        ordering = ["-day", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "channel", "kind", "subject", "number"], name="difference_once"
            ),
            models.CheckConstraint(
                name="difference_booked_has_journal",
                condition=~models.Q(state="booked") | models.Q(journal__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["day"], name="difference_open", condition=models.Q(state="open")),
        ]
        permissions = [
            ("reconcile", _("Can compare the books with the bills of payment channels")),
            ("settle_difference", _("Can explain differences with payment channels")),
        ]

    def __str__(self) -> str:
        return f"{self.number} · {self.get_kind_display()}"


class DayClose(models.Model):
    """A business day of the platform's money: open, or closed with the figures it was closed with.

    `figures` holds {channel: {payments_fen, refunds_fen, fees_fen}}; `closings` numbers the fee journals of
    each closing.
    """

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("business day", "Open")
        CLOSED = "closed", pgettext_lazy("business day", "Closed")

    day = models.DateField(_("day"), unique=True)
    state = models.CharField(_("state"), max_length=6, choices=State.choices, default=State.OPEN)
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    closings = models.PositiveIntegerField(_("closed so many times"), default=0)
    closed_at = models.DateTimeField(pgettext_lazy("business day", "closed at"), null=True, blank=True)
    closed_by = models.CharField(_("closed by"), max_length=128, blank=True)
    reopened_at = models.DateTimeField(_("reopened at"), null=True, blank=True)
    reopened_by = models.CharField(_("reopened by"), max_length=128, blank=True)

    class Meta:
        verbose_name = _("business day")
        verbose_name_plural = _("day close")
        ordering = ["-day"]
        constraints = [
            models.CheckConstraint(
                name="day_close_closed_at",
                condition=~models.Q(state="closed") | models.Q(closed_at__isnull=False),
            )
        ]
        permissions = [("close_day", _("Can close a business day"))]

    def __str__(self) -> str:
        return f"{self.day}"
