"""Sales of month cards: the price of a period, which is an operator's income when it is sold."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths


class MonthSale(models.Model):
    """One period of a month card that was sold at the desk; moves only through `billing.services.month_cards`.

    `before_from` and `before_until` are what the card was valid for until then. A sale is paid back once, in whole or
    in part.
    """

    card = models.ForeignKey(
        "users.Card", verbose_name=_("charging card"), on_delete=models.PROTECT, related_name="month_sales"
    )
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    amount_fen = models.BigIntegerField(_("price (fen)"))
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"))
    before_from = models.DateField(null=True, blank=True)
    before_until = models.DateField(null=True, blank=True)
    sold_at = models.DateTimeField(_("sold at"))
    sold_by = models.CharField(_("sold by"), max_length=128, blank=True)
    journal = models.OneToOneField("billing.Journal", on_delete=models.PROTECT, related_name="month_sale")
    refunded_fen = models.BigIntegerField(_("paid back (fen)"), default=0)
    refunded_at = models.DateTimeField(_("paid back at"), null=True, blank=True)
    refunded_by = models.CharField(_("paid back by"), max_length=128, blank=True)
    refund_reason = models.CharField(_("reason"), max_length=255, blank=True)
    refund_journal = models.OneToOneField(
        "billing.Journal", null=True, blank=True, on_delete=models.PROTECT, related_name="month_refund"
    )

    objects = ScopedManager()
    scope_paths = ScopePaths(
        operator="operator_id", driver="card__driver_id", enterprise="card__enterprise_id"
    )

    class Meta:
        verbose_name = _("month card sale")
        verbose_name_plural = _("month card sales")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="month_sale_in_order", condition=models.Q(valid_until__gte=models.F("valid_from"))
            ),
            models.CheckConstraint(
                name="month_sale_refund_within",
                condition=models.Q(amount_fen__gt=0, refunded_fen=0, refund_journal__isnull=True)
                | models.Q(
                    amount_fen__gt=0,
                    refunded_fen__gt=0,
                    refunded_fen__lte=models.F("amount_fen"),
                    refund_journal__isnull=False,
                ),
            ),
        ]
        indexes = [models.Index(fields=["operator", "-id"], name="month_sale_of_operator")]
        permissions = [("refund_monthsale", _("Can pay month cards back"))]

    def __str__(self) -> str:
        return f"{self.card} {self.valid_from}–{self.valid_until}"

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
