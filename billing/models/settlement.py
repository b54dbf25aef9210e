"""Settlement with payees: the terms, contracts and their fees, and the statements that freeze what is owed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class FinanceTerms(models.Model):
    """One version of how an operator and its payees are settled with; the newest counts, none is ever changed."""

    class Cycle(models.TextChoices):
        DAILY = "daily", _("Daily")
        WEEKLY = "weekly", _("Weekly, Monday to Sunday")
        MONTHLY = "monthly", _("Monthly")

    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="finance_terms"
    )
    number = models.PositiveIntegerField(_("version"))
    cycle = models.CharField(_("cycle"), max_length=8, choices=Cycle.choices, default=Cycle.DAILY)
    minimum_payout_fen = models.BigIntegerField(
        _("least payout (fen)"), default=100, help_text=_("What is below is carried to the next statement")
    )
    auto_payout = models.BooleanField(
        _("pay out by itself"), default=False, help_text=_("Payouts below the limit need no approval")
    )
    tax_name = models.CharField(_("company name"), max_length=100, blank=True)
    taxpayer_id = models.CharField(_("taxpayer no."), max_length=20, blank=True)
    published_by = models.CharField(_("published by"), max_length=128)
    published_at = models.DateTimeField(_("published at"))

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("settlement terms")
        verbose_name_plural = _("settlement terms")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "number"], name="finance_terms_number"),
            models.CheckConstraint(
                name="finance_terms_minimum", condition=models.Q(minimum_payout_fen__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operator} v{self.number}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class ServiceContract(models.Model):
    """What an operator pays the platform beside commission: hosting by the month, or a yearly service fee."""

    class Kind(models.TextChoices):
        HOSTING_PILE = "hosting_pile", _("Hosting, per pile and month")
        HOSTING_PERCENT = "hosting_percent", _("Hosting, percent of the month's income")
        YEARLY = "yearly", _("Yearly service fee")

    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="contracts"
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    amount_fen = models.BigIntegerField(_("amount (fen)"), default=0)
    percent_bp = models.PositiveIntegerField(_("hundredths of a percent"), default=0)
    starts_on = models.DateField(_("starts on"))
    ends_on = models.DateField(_("ends on"))
    remind_days = models.PositiveSmallIntegerField(_("remind so many days before"), default=30)
    note = models.CharField(_("note"), max_length=255, blank=True)
    created_by = models.CharField(_("agreed by"), max_length=128)
    created_at = models.DateTimeField(_("created at"))

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("service contract")
        verbose_name_plural = _("service contracts")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="contract_ends_after_start", condition=models.Q(ends_on__gte=models.F("starts_on"))
            ),
            models.CheckConstraint(
                name="contract_has_a_price",
                condition=models.Q(kind="hosting_percent", percent_bp__gte=1, percent_bp__lte=10_000)
                | (~models.Q(kind="hosting_percent") & models.Q(amount_fen__gte=1)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operator} · {self.get_kind_display()}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class Statement(models.Model):
    """What a payee is owed for a span of days, frozen with the rows it is made of.

    carried_in + shares + items = payout + carried_out. The figures of orders (`orders` to `channel_fee_fen`) are
    those of the orders in which the payee has a share.
    """

    class Carried(models.TextChoices):
        NOTHING = "", _("Nothing carried")
        NEGATIVE = "negative", _("The balance is negative")
        BELOW_MINIMUM = "below_minimum", _("Below the least payout")
        NO_ACCOUNT = "no_account", _("No confirmed payout account")

    number = models.CharField(_("statement no."), max_length=32, unique=True)
    payee = models.ForeignKey(
        "billing.Payee", verbose_name=_("payee"), on_delete=models.PROTECT, related_name="statements"
    )
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    day_from = models.DateField(_("from"))
    day_to = models.DateField(_("to"))
    orders = models.PositiveIntegerField(_("orders"), default=0)
    energy_kwh = FixedPointField(_("energy (kWh)"), places=4, default=0)
    gross_fen = models.BigIntegerField(_("income (fen)"), default=0)
    discount_fen = models.BigIntegerField(_("discounts (fen)"), default=0)
    commission_fen = models.BigIntegerField(_("commission (fen)"), default=0)
    channel_fee_fen = models.BigIntegerField(_("channel fees (fen)"), default=0)
    shares_fen = models.BigIntegerField(_("own share (fen)"), default=0)
    items_fen = models.BigIntegerField(_("fees and adjustments (fen)"), default=0)
    carried_in_fen = models.BigIntegerField(_("carried in (fen)"), default=0)
    payout_fen = models.BigIntegerField(_("payout (fen)"), default=0)
    carried_out_fen = models.BigIntegerField(_("carried on (fen)"), default=0)
    carried_why = models.CharField(
        _("why carried on"), max_length=16, blank=True, choices=Carried.choices, default=Carried.NOTHING
    )
    created_at = models.DateTimeField(_("created at"))
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    confirmed_by = models.CharField(_("confirmed by"), max_length=128, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["payee", "day_to"], name="statement_once"),
            models.CheckConstraint(
                name="statement_adds_up",
                condition=models.Q(
                    payout_fen=models.F("carried_in_fen")
                    + models.F("shares_fen")
                    + models.F("items_fen")
                    - models.F("carried_out_fen")
                ),
            ),
            models.CheckConstraint(
                name="statement_payout_not_negative", condition=models.Q(payout_fen__gte=0)
            ),
        ]
        indexes = [models.Index(fields=["operator", "-id"], name="statement_of_operator")]
        permissions = [("confirm_statement", _("Can confirm statements"))]

    def __str__(self) -> str:
        return self.number

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class SettlementItem(models.Model):
    """What is added to or taken from a payee's account beside orders; negative is to the platform's favour."""

    class Kind(models.TextChoices):
        HOSTING_FEE = "hosting_fee", _("Hosting fee")
        YEARLY_FEE = "yearly_fee", _("Yearly service fee")
        ADJUSTMENT = "adjustment", _("Adjustment")
        PAYOUT_RETURNED = "payout_returned", _("Payout returned")

    key = models.CharField(max_length=96, unique=True)
    payee = models.ForeignKey(
        "billing.Payee", verbose_name=_("payee"), on_delete=models.PROTECT, related_name="items"
    )
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    day = models.DateField(_("day"))
    note = models.CharField(_("note"), max_length=255, blank=True)
    contract = models.ForeignKey(
        ServiceContract,
        verbose_name=_("contract"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="items",
    )
    journal = models.OneToOneField(
        "billing.Journal", verbose_name=_("journal"), on_delete=models.PROTECT, related_name="settlement_item"
    )
    statement = models.ForeignKey(
        Statement,
        verbose_name=_("statement"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="items",
    )
    created_at = models.DateTimeField(_("created at"))

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("fee or adjustment")
        verbose_name_plural = _("fees and adjustments")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="settlement_item_not_zero", condition=~models.Q(amount_fen=0)),
        ]
        indexes = [
            models.Index(
                fields=["payee"], name="settlement_item_open", condition=models.Q(statement__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ¥{self.amount_fen / 100:,.2f}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
