"""Sales of month cards in the console: what was sold for how much, and paying one back."""

from decimal import Decimal

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from billing.admin.money import to_fen, yuan_field
from billing.admin.payment import link
from billing.models import MonthSale
from billing.services import month_cards
from kernel.exports import Kind
from users.console.actions import ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, date_window
from users.exports import ExportColumn


class PayBackForm(ReasonForm):
    amount = yuan_field(_("Amount (yuan)"), required=True)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        unused = month_cards.unused_fen(self.obj)
        self.fields["amount"].initial = Decimal(unused).scaleb(-2) if unused else None
        self.fields["amount"].help_text = _("The days after today are worth %(amount)s.") % {
            "amount": fen(unused)
        }


@admin.register(MonthSale)
class MonthSaleAdmin(FactAdmin):
    big_table = True
    search_kinds = {"card__logical_no": "exact"}
    search_help_text = _("A whole card number")
    list_display = ("sold_at", "card", "operator", "valid_from", "valid_until", "price", "status", "sold_by")
    list_select_related = ("card", "operator")
    list_filter = (
        date_window("sold_at", _("Time"), "all"),
        ("operator", AutocompleteSelectFilter),
    )
    fields = (
        "card_page", "operator", "valid_from", "valid_until", "price", "sold_at", "sold_by", "status", "paid_back",
        "refunded_at", "refunded_by", "refund_reason",
    )  # fmt: skip
    actions_detail = ("pay_back",)
    export_columns = (
        ExportColumn("sold_at", _("sold at"), "sold_at", Kind.MOMENT),
        ExportColumn("card", _("card no."), "card__logical_no"),
        ExportColumn("operator", _("operator"), "operator__name"),
        ExportColumn("from", _("valid from"), "valid_from", Kind.DAY),
        ExportColumn("until", _("valid until"), "valid_until", Kind.DAY),
        ExportColumn("price", _("price (yuan)"), "amount_fen", Kind.FEN),
        ExportColumn("refunded", _("paid back (yuan)"), "refunded_fen", Kind.FEN),
    )

    @admin.display(description=_("charging card"))
    def card_page(self, obj):
        return link("users_card", obj.card_id, obj.card)

    @admin.display(description=_("price"))
    def price(self, obj):
        return fen(obj.amount_fen)

    @admin.display(description=_("paid back"))
    def paid_back(self, obj):
        return fen(obj.refunded_fen) if obj.refunded_fen else "–"

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(_("Paid back"), "amber") if obj.refunded_fen else chip(_("Sold"), "green")

    @operator_action(
        title=_("Pay back"),
        text=_("In cash, once; the period ends today. What was divided of it is taken back."),
        permission="billing.refund_monthsale",
        form=PayBackForm,
        available=lambda sale: not sale.refunded_fen,
        icon="undo",
        variant=ActionVariant.DANGER,
    )
    def pay_back(self, request, obj, form):
        data = form.cleaned_data
        month_cards.pay_back_month(
            actor=actor_of(request), sale=obj, amount_fen=to_fen(data["amount"]), reason=data["reason"]
        )
        return _("%(amount)s were paid back.") % {"amount": fen(to_fen(data["amount"]))}
