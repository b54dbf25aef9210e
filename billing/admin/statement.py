"""Statements of payees, frozen with the rows they are made of, and fees and adjustments beside orders."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from billing.admin import statement_sheet
from billing.admin.list_sums import ListSums
from billing.admin.payment import link
from billing.models import SettlementItem, Statement
from billing.services.payouts import statements
from kernel.exports import Kind
from users.console.actions import ActionForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip, fen, quantity
from users.console.filters import AutocompleteSelectFilter, choice_filter
from users.exports import ExportColumn

MONEY = (
    ("gross", _("income (yuan)"), "gross_fen"),
    ("discount", _("discount (yuan)"), "discount_fen"),
    ("commission", _("commission (yuan)"), "commission_fen"),
    ("channel_fee", _("channel fees (yuan)"), "channel_fee_fen"),
    ("shares", _("own share (yuan)"), "shares_fen"),
    ("items", _("fees and adjustments (yuan)"), "items_fen"),
    ("carried_in", _("carried in (yuan)"), "carried_in_fen"),
    ("payout", _("payout (yuan)"), "payout_fen"),
    ("carried_out", _("carried on (yuan)"), "carried_out_fen"),
)


@admin.register(Statement)
class StatementAdmin(ListSums, FactAdmin):
    list_sums = (
        (_("own share"), "shares_fen"),
        (_("fees and adjustments"), "items_fen"),
        (_("paid out"), "payout_fen"),
    )
    big_table = True
    search_kinds = {"number": "exact", "payee__code": "exact"}
    search_help_text = _("A whole statement number or payee code")
    change_form_template = "billing/statement_change.html"
    list_display = (
        "number", "payee", "period", "orders", "energy", "gross", "share", "items_sum", "paid_out", "carried", "status",
    )  # fmt: skip
    list_select_related = ("payee",)
    list_filter = (("operator", AutocompleteSelectFilter),)
    fields = (
        "number",
        "payee",
        "period",
        "paid_out",
        "payout_page",
        "carried",
        "carried_why",
        "status",
        "confirmed_by",
    )
    actions_detail = ("confirm",)
    export_columns = (
        ExportColumn("number", _("statement no."), "number"),
        ExportColumn("payee", _("payee"), "payee__name"),
        ExportColumn("operator", _("operator"), "operator__name"),
        ExportColumn("from", _("from"), "day_from", Kind.DAY),
        ExportColumn("to", _("to"), "day_to", Kind.DAY),
        ExportColumn("orders", _("orders"), "orders", Kind.INTEGER),
        ExportColumn("energy", _("energy (kWh)"), "energy_kwh", Kind.DECIMAL),
        *(ExportColumn(code, title, lookup, Kind.FEN) for code, title, lookup in MONEY),
    )

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        extra = dict(extra_context or {})
        obj = self.get_object(request, object_id) if object_id else None
        if obj is not None:
            extra |= {"sheet": statement_sheet.of(obj), "period": self.period(obj)}
        return super().changeform_view(request, object_id, form_url, extra)

    @admin.display(description=_("period of the statement"), ordering="day_to")
    def period(self, obj):
        return f"{obj.day_to}" if obj.day_from == obj.day_to else f"{obj.day_from} – {obj.day_to}"

    @admin.display(description=_("energy"))
    def energy(self, obj):
        return quantity(obj.energy_kwh, "kWh")

    @admin.display(description=_("income"))
    def gross(self, obj):
        return fen(obj.gross_fen)

    @admin.display(description=_("own share"))
    def share(self, obj):
        return fen(obj.shares_fen)

    @admin.display(description=_("fees and adjustments"))
    def items_sum(self, obj):
        return fen(obj.items_fen) if obj.items_fen else "–"

    @admin.display(description=_("paid out"))
    def paid_out(self, obj):
        return fen(obj.payout_fen)

    @admin.display(description=_("payout"))
    def payout_page(self, obj):
        payout = getattr(obj, "payout", None)
        return link("billing_payout", payout.pk, payout.number) if payout else "–"

    @admin.display(description=_("carried on"))
    def carried(self, obj):
        return fen(obj.carried_out_fen) if obj.carried_out_fen else "–"

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(_("Confirmed"), "green") if obj.confirmed_at else chip(_("To confirm"), "amber")

    @operator_action(
        title=_("Confirm"),
        text=_("You agree with the figures of this statement."),
        permission="billing.confirm_statement",
        form=ActionForm,
        available=lambda statement: statement.confirmed_at is None,
        icon="task_alt",
        variant=ActionVariant.PRIMARY,
    )
    def confirm(self, request, obj, form):
        statements.confirm_statement(actor=actor_of(request), statement=obj)
        return _("The statement is confirmed.")


@admin.register(SettlementItem)
class SettlementItemAdmin(FactAdmin):
    list_display = ("day", "payee", "kind", "amount", "note", "statement_page")
    list_select_related = ("payee", "statement")
    list_filter = (
        choice_filter("kind", _("Kind"), SettlementItem.Kind.choices),
        ("operator", AutocompleteSelectFilter),
    )
    fields = (*list_display, "contract", "created_at")

    @admin.display(description=_("amount"))
    def amount(self, obj):
        return fen(obj.amount_fen)

    @admin.display(description=_("statement"))
    def statement_page(self, obj):
        return link("billing_statement", obj.statement_id, obj.statement.number if obj.statement else "")
