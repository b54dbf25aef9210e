"""The double-entry ledger. Every movement is a journal whose entries sum to zero; amounts are integer fen.

Signs: a wallet's balance is what the platform owes its driver, so money coming in is positive on the wallet
and negative on the account it came from.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class Account(models.Model):
    """A ledger account. `balance_fen` is the sum of its entries, kept in the transaction that posts them.

    `held_fen` is reserved by active holds. What pays for charging (a driver's wallet, an enterprise's account, a
    card's account) never goes below what is held on it less its credit: what its owner owes beyond that stands on
    their arrears account (negative there).
    """

    class Kind(models.TextChoices):
        WALLET = "wallet", _("Driver wallet")
        ENTERPRISE = "enterprise", _("Enterprise account")
        CARD = "card", _("Card account")
        BONUS = "bonus", _("Driver bonus")
        ARREARS = "arrears", _("Arrears")
        CARD_DEPOSIT = "card_deposit", _("Card deposit")
        OPERATOR_ELECTRICITY = "operator_electricity", _("Operator: electricity fees")
        OPERATOR_SERVICE = "operator_service", _("Operator: service fees")
        OPERATOR_FEES = "operator_fees", _("Operator: further fees")
        OPERATOR_OCCUPANCY = "operator_occupancy", _("Operator: occupancy fees")
        OPERATOR_RESERVATION = "operator_reservation", _("Operator: reservation fees")
        OPERATOR_PARKING = "operator_parking", _("Operator: parking fees")
        OPERATOR_DISCOUNTS = "operator_discounts", _("Operator: discounts given")
        PLATFORM_DISCOUNTS = "platform_discounts", _("Platform: discounts given")
        OPERATOR_MONTH_CARDS = "operator_month_cards", _("Operator: month cards")
        OPERATOR_FREE = "operator_free", _("Operator: charging given away")
        OPERATOR_CASH = "operator_cash", _("Operator: cash in boxes")
        OPERATOR_BOX_INCOME = "operator_box_income", _("Operator: coins and offline cards")
        PLATFORM_BONUS = "platform_bonus", _("Platform: bonuses given")
        MANUAL_TOPUP = "manual_topup", _("Platform: manual top-ups")
        CHANNEL_WECHAT = "channel_wechat", _("Platform: WeChat Pay")
        CHANNEL_ALIPAY = "channel_alipay", _("Platform: Alipay")
        REFUNDS_IN_TRANSIT = "refunds_in_transit", _("Driver refunds under way")
        PAYABLE = "payable", _("Owed to a payee")
        PAYOUTS_IN_TRANSIT = "payouts_in_transit", _("Payouts under way")
        COMMISSION = "commission", _("Platform: commission")
        PLATFORM_FEES = "platform_fees", _("Platform: hosting and service fees")
        CHANNEL_FEES = "channel_fees", _("Platform: fees of payment channels")
        BANK = "bank", _("Platform: bank")
        DIFFERENCES = "differences", _("Platform: differences with channels")

    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    driver = models.ForeignKey(
        "users.Driver",
        verbose_name=_("driver"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="accounts",
    )
    operator = models.ForeignKey(
        "users.Operator",
        verbose_name=_("operator"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="accounts",
    )
    enterprise = models.ForeignKey(
        "users.Enterprise",
        verbose_name=_("enterprise"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="accounts",
    )
    card = models.ForeignKey(
        "users.Card",
        verbose_name=_("charging card"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="accounts",
    )
    # An account of a payee also names the payee's operator, so that the operator's finance sees it.
    payee = models.ForeignKey(
        "billing.Payee",
        verbose_name=_("payee"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="accounts",
    )
    balance_fen = models.BigIntegerField(_("balance (fen)"), default=0)
    held_fen = models.BigIntegerField(_("held (fen)"), default=0)
    credit_fen = models.BigIntegerField(_("credit (fen)"), default=0)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", driver="driver_id", enterprise="enterprise_id")

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "driver"], condition=models.Q(driver__isnull=False), name="account_of_driver"
            ),
            models.UniqueConstraint(
                fields=["kind", "operator"],
                # An account of an enterprise, card or payee names the operator too, for the data scope.
                condition=models.Q(
                    operator__isnull=False, enterprise__isnull=True, card__isnull=True, payee__isnull=True
                ),
                name="account_of_operator",
            ),
            models.UniqueConstraint(
                fields=["kind", "enterprise"],
                condition=models.Q(enterprise__isnull=False),
                name="account_of_enterprise",
            ),
            models.UniqueConstraint(
                fields=["kind", "card"], condition=models.Q(card__isnull=False), name="account_of_card"
            ),
            models.UniqueConstraint(
                fields=["kind", "payee"], condition=models.Q(payee__isnull=False), name="account_of_payee"
            ),
            models.UniqueConstraint(
                fields=["kind"],
                condition=models.Q(
                    driver__isnull=True, operator__isnull=True, enterprise__isnull=True, card__isnull=True
                ),
                name="account_of_platform",
            ),
            models.CheckConstraint(name="account_held_not_negative", condition=models.Q(held_fen__gte=0)),
            models.CheckConstraint(
                name="account_covers_holds",
                condition=~models.Q(kind__in=["wallet", "bonus", "enterprise", "card"])
                | models.Q(balance_fen__gte=models.F("held_fen") - models.F("credit_fen")),
            ),
            models.CheckConstraint(
                name="account_credit_of_enterprise",
                condition=models.Q(credit_fen=0) | models.Q(kind="enterprise", credit_fen__gt=0),
            ),
            models.CheckConstraint(
                name="account_deposit_not_negative",
                condition=~models.Q(kind="card_deposit") | models.Q(balance_fen__gte=0),
            ),
            models.CheckConstraint(
                name="account_transit_not_negative",
                condition=~models.Q(kind__in=["refunds_in_transit", "payouts_in_transit"])
                | models.Q(balance_fen__gte=0),
            ),
            models.CheckConstraint(
                name="account_arrears_not_positive",
                condition=~models.Q(kind="arrears") | models.Q(balance_fen__lte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"

    @property
    def available_fen(self) -> int:
        return self.balance_fen + self.credit_fen - self.held_fen


class Journal(models.Model):
    """One movement. `idempotency_key` makes a repeat find it instead of posting again."""

    class Kind(models.TextChoices):
        TOPUP = "topup", _("Top-up")
        SETTLEMENT = "settlement", _("Order settled")
        ORDER_FEE = "order_fee", _("Fee after the charge")
        ARREARS_PAYMENT = "arrears_payment", _("Arrears paid")
        CORRECTION = "correction", _("Order corrected")
        RECHARGE = "recharge", _("Recharge")
        SCORE_DEBIT = "score_debit", _("Debited by pay score")
        REFUND_FREEZE = "refund_freeze", _("Refund asked for")
        REFUND_PAID = "refund_paid", _("Refunded to origin")
        REFUND_RETURNED = "refund_returned", _("Refund returned to the wallet")
        CLEARING = "clearing", _("Income divided")
        FEE = "fee", _("Hosting or service fee")
        ADJUSTMENT = "adjustment", _("Adjustment of a payee's account")
        PAYOUT = "payout", _("Payout under way")
        PAYOUT_PAID = "payout_paid", _("Payout paid")
        PAYOUT_RETURNED = "payout_returned", _("Payout returned")
        CHANNEL_FEE = "channel_fee", _("Fees of a channel's day")
        DIFFERENCE = "difference", _("Difference with a channel")
        BONUS = "bonus", _("Recharge bonus")
        BONUS_TAKEN_BACK = "bonus_taken_back", _("Recharge bonus taken back")
        CARD_DEPOSIT = "card_deposit", _("Card deposit paid")
        CARD_RETURN = "card_return", _("Card returned")
        BOX_CASH = "box_cash", _("Coins and offline cards")
        MONTH_CARD = "month_card", _("Month card sold")
        MONTH_CARD_BACK = "month_card_back", _("Month card paid back")

    idempotency_key = models.CharField(_("idempotency key"), max_length=96, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    order = models.ForeignKey(
        "billing.ChargingOrder",
        verbose_name=_("order"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="journals",
    )
    memo = models.CharField(_("note"), max_length=255, blank=True)
    actor_key = models.CharField(_("by"), max_length=96)
    actor_name = models.CharField(_("name"), max_length=128, blank=True)
    at = models.DateTimeField(_("at"), db_index=True)

    class Meta:
        verbose_name = _("journal")
        verbose_name_plural = _("journals")
        permissions = [
            ("top_up", _("Can put money on wallets")),
            ("top_up_card", _("Can put money on cards")),
            ("set_credit", _("Can set how far an enterprise may owe")),
        ]

    def __str__(self) -> str:
        return self.idempotency_key


class Entry(models.Model):
    """One line of a journal. Never changed, never deleted (a database trigger says so as well)."""

    journal = models.ForeignKey(Journal, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(
        Account, verbose_name=_("account"), on_delete=models.PROTECT, related_name="entries"
    )
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    balance_after_fen = models.BigIntegerField(_("balance after (fen)"))
    at = models.DateTimeField(_("at"))
    # Copied, so that a driver's or an operator's lines are one indexed WHERE.
    driver = models.ForeignKey("users.Driver", null=True, blank=True, on_delete=models.PROTECT)
    operator = models.ForeignKey("users.Operator", null=True, blank=True, on_delete=models.PROTECT)
    enterprise = models.ForeignKey("users.Enterprise", null=True, blank=True, on_delete=models.PROTECT)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", driver="driver_id", enterprise="enterprise_id")

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        constraints = [
            models.CheckConstraint(name="entry_not_zero", condition=~models.Q(amount_fen=0)),
            models.UniqueConstraint(fields=["journal", "account"], name="entry_account_once"),
        ]
        indexes = [models.Index(fields=["account", "-id"], name="entry_of_account")]

    def __str__(self) -> str:
        return f"¥{self.amount_fen / 100:,.2f}"


class Hold(models.Model):
    """Money reserved for one running order: on the payer's account, and on the driver's bonus beyond that."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        RELEASED = "released", _("Released")

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="holds")
    order = models.OneToOneField("billing.ChargingOrder", on_delete=models.PROTECT, related_name="hold")
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    bonus_account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.PROTECT, related_name="bonus_holds"
    )
    bonus_fen = models.BigIntegerField(_("of the bonus (fen)"), default=0)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.ACTIVE)
    created_at = models.DateTimeField(_("created at"))
    released_at = models.DateTimeField(_("released at"), null=True, blank=True)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.CheckConstraint(
                name="hold_positive",
                condition=models.Q(amount_fen__gt=0, bonus_fen__gte=0)
                | models.Q(amount_fen=0, bonus_fen__gt=0),
            ),
            models.CheckConstraint(
                name="hold_bonus_has_account",
                condition=models.Q(bonus_fen=0) | models.Q(bonus_account__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.total_fen} {self.state}"

    @property
    def total_fen(self) -> int:
        return self.amount_fen + self.bonus_fen
