"""Invoices of orders: what a driver or an enterprise asked for, what was issued, and how issuers tax their fees."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class InvoiceTerms(models.Model):
    """One version of how an operator issues invoices; the newest counts, none is ever changed.

    `lines` holds {kind of fee: {"rate_bp", "tax_code", "name"}}; a kind that is missing follows the defaults.
    """

    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="invoice_terms"
    )
    number = models.PositiveIntegerField(_("version"))
    seller_name = models.CharField(_("seller"), max_length=100)
    seller_tax_no = models.CharField(_("seller's taxpayer no."), max_length=20)
    auto_approve_fen = models.BigIntegerField(
        _("needs no review up to (fen)"), default=0, help_text=_("0: every request is reviewed")
    )
    lines = models.JSONField(_("rates and tax codes"), default=dict, blank=True)
    published_by = models.CharField(_("published by"), max_length=128)
    published_at = models.DateTimeField(_("published at"))

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id")

    class Meta:
        verbose_name = _("invoice terms")
        verbose_name_plural = _("invoice terms")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["operator", "number"], name="invoice_terms_number")]

    def __str__(self) -> str:
        return f"{self.operator} v{self.number}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class Invoice(models.Model):
    """One invoice of one issuer. Moves only through `billing.services.invoices.states.move_invoice`.

    It is for whoever paid: a driver, or an enterprise, which is always an organization.
    Amounts include tax: gross = net + tax. A red one reverses `red_of` as a whole and has negative amounts. Its
    number never changes: asking a provider again issues nothing twice.
    """

    class Kind(models.TextChoices):
        BLUE = "blue", _("Invoice")
        RED = "red", _("Red invoice")

    class Buyer(models.TextChoices):
        INDIVIDUAL = "individual", _("Individual")
        ORGANIZATION = "organization", _("Organization")

    class State(models.TextChoices):
        REQUESTED = "requested", _("Waits for review")
        APPROVED = "approved", _("Approved")
        ISSUING = "issuing", _("With the provider")
        ISSUED = "issued", _("Issued")
        FAILED = "failed", _("Refused by the provider")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        REVERSED = "reversed", _("Reversed")

    number = models.CharField(_("request no."), max_length=32, unique=True)
    kind = models.CharField(_("kind"), max_length=4, choices=Kind.choices, default=Kind.BLUE)
    red_of = models.ForeignKey(
        "self",
        verbose_name=_("reverses"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reds",
    )
    operator = models.ForeignKey("users.Operator", verbose_name=_("issuer"), on_delete=models.PROTECT)
    driver = models.ForeignKey(
        "users.Driver",
        verbose_name=_("driver"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="invoices",
    )
    enterprise = models.ForeignKey(
        "users.Enterprise",
        verbose_name=_("enterprise"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="invoices",
    )
    terms = models.ForeignKey(
        InvoiceTerms, verbose_name=_("terms"), null=True, blank=True, on_delete=models.PROTECT
    )
    seller_name = models.CharField(_("seller"), max_length=100)
    seller_tax_no = models.CharField(_("seller's taxpayer no."), max_length=20)
    buyer_kind = models.CharField(_("buyer is"), max_length=12, choices=Buyer.choices)
    buyer_name = models.CharField(pgettext_lazy("invoice", "title"), max_length=100)
    buyer_tax_no = models.CharField(_("buyer's taxpayer no."), max_length=20, blank=True)
    email = models.EmailField(_("email"), blank=True)
    gross_fen = models.BigIntegerField(_("amount with tax (fen)"))
    net_fen = models.BigIntegerField(_("amount without tax (fen)"))
    tax_fen = models.BigIntegerField(_("tax (fen)"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.REQUESTED)
    version = models.PositiveIntegerField(default=0)
    reason = models.CharField(_("reason"), max_length=255, blank=True)
    requested_at = models.DateTimeField(_("requested at"))
    requested_by_key = models.CharField(max_length=96)
    requested_by_name = models.CharField(_("requested by"), max_length=128, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by_key = models.CharField(max_length=96, blank=True)
    decided_by_name = models.CharField(_("decided by"), max_length=128, blank=True)
    decision_reason = models.CharField(_("reason of the decision"), max_length=255, blank=True)
    provider_no = models.CharField(_("invoice no."), max_length=32, blank=True)
    document_url = models.URLField(_("document"), max_length=300, blank=True)
    issued_at = models.DateTimeField(pgettext_lazy("invoice", "issued at"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=255, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", driver="driver_id", enterprise="enterprise_id")

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="invoice_adds_up",
                condition=models.Q(gross_fen=models.F("net_fen") + models.F("tax_fen")),
            ),
            models.CheckConstraint(
                name="invoice_sign",
                condition=models.Q(kind="blue", gross_fen__gt=0, red_of__isnull=True)
                | models.Q(kind="red", gross_fen__lt=0, red_of__isnull=False),
            ),
            models.CheckConstraint(
                name="invoice_for_one_payer",
                condition=models.Q(driver__isnull=False, enterprise__isnull=True)
                | models.Q(driver__isnull=True, enterprise__isnull=False, buyer_kind="organization"),
            ),
            models.UniqueConstraint(
                fields=["red_of"],
                condition=models.Q(kind="red") & ~models.Q(state="rejected"),
                name="invoice_one_red",
            ),
            models.UniqueConstraint(
                fields=["provider_no"], condition=~models.Q(provider_no=""), name="invoice_provider_once"
            ),
            models.CheckConstraint(
                name="invoice_issued_has_number",
                condition=~models.Q(state__in=["issued", "reversed"]) | ~models.Q(provider_no=""),
            ),
            models.CheckConstraint(
                name="invoice_two_people",
                condition=models.Q(kind="blue")
                | models.Q(decided_by_key="")
                | models.Q(state="rejected")
                | ~models.Q(decided_by_key=models.F("requested_by_key")),
            ),
        ]
        indexes = [
            models.Index(fields=["operator", "-id"], name="invoice_of_operator"),
            models.Index(fields=["driver", "-id"], name="invoice_of_driver"),
            models.Index(
                fields=["enterprise", "-id"],
                name="invoice_of_enterprise",
                condition=models.Q(enterprise__isnull=False),
            ),
            models.Index(fields=["next_at"], name="invoice_due", condition=models.Q(next_at__isnull=False)),
        ]
        permissions = [
            ("request_invoice", _("Can ask for invoices of enterprises")),
            ("review_invoice", _("Can approve and reject requests for invoices")),
            ("red_invoice", _("Can ask for red invoices")),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id


class InvoiceLine(models.Model):
    """One line of an invoice: a kind of fee with its tax."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    fee_kind = models.CharField(_("kind"), max_length=16)
    name = models.CharField(_("goods or service"), max_length=100)
    tax_code = models.CharField(_("tax code"), max_length=19)
    rate_bp = models.PositiveIntegerField(_("rate (hundredths of a percent)"))
    energy_kwh = FixedPointField(_("energy (kWh)"), places=4, null=True, blank=True)
    gross_fen = models.BigIntegerField(_("amount with tax (fen)"))
    net_fen = models.BigIntegerField(_("amount without tax (fen)"))
    tax_fen = models.BigIntegerField(_("tax (fen)"))

    class Meta:
        verbose_name = _("invoice line")
        verbose_name_plural = _("invoice lines")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="invoice_line_adds_up",
                condition=models.Q(gross_fen=models.F("net_fen") + models.F("tax_fen")),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class InvoicedOrder(models.Model):
    """An order on an invoice with what was paid for it; while `live`, no other invoice may have it."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="orders")
    order = models.ForeignKey("billing.ChargingOrder", on_delete=models.PROTECT, related_name="invoiced")
    amounts = models.JSONField(_("paid by kind of fee (fen)"))
    gross_fen = models.BigIntegerField(_("amount with tax (fen)"))
    live = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("invoiced order")
        verbose_name_plural = _("invoiced orders")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=models.Q(live=True), name="invoiced_order_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}"
