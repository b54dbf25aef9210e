"""Ledger entries in the console: every movement of money, read only."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing.admin.exports import ENTRY_COLUMNS
from billing.admin.payment import link
from billing.models import Account, Entry
from billing.services.clearing.sources import source_row
from users.console.admin import FactAdmin
from users.console.display import fen
from users.console.filters import AutocompleteSelectFilter, choice_filter, date_window


@admin.register(Entry)
class EntryAdmin(FactAdmin):
    big_table = True
    export_columns = ENTRY_COLUMNS
    search_kinds = {"driver__phone": "exact", "journal__order__order_no": "exact"}
    search_help_text = _("A whole phone number or order number")
    list_display = ("at", "what", "account_name", "amount", "balance", "order_page", "memo")
    list_select_related = (
        "journal__order", "journal__booking", "journal__waived_booking", "journal__month_sale__card",
        "journal__month_refund__card", "account__driver", "account__enterprise", "account__card",
        "account__payee", "account__operator",
    )  # fmt: skip
    list_filter = (
        date_window("at", _("Time")),
        choice_filter("account__kind", _("Account"), Account.Kind.choices),
        ("driver", AutocompleteSelectFilter),
        ("operator", AutocompleteSelectFilter),
    )
    fields = ("at", "what", "account_name", "amount", "balance", "order_page", "memo", "booked_by")

    @admin.display(description=_("movement"))
    def what(self, obj):
        return obj.journal.get_kind_display()

    @admin.display(description=_("account"))
    def account_name(self, obj):
        account = obj.account
        owner = account.driver or account.enterprise or account.card or account.payee or account.operator
        return f"{account.get_kind_display()} {owner or ''}".strip()

    @admin.display(description=_("amount"))
    def amount(self, obj):
        tone = "in" if obj.amount_fen > 0 else "out"
        return format_html('<span class="ev-money ev-{}">{}</span>', tone, fen(obj.amount_fen))

    @admin.display(description=_("balance after"))
    def balance(self, obj):
        return fen(obj.balance_after_fen)

    @admin.display(description=_("of"))
    def order_page(self, obj):
        found = source_row(obj.journal)
        if found is None:
            return "–"
        return link(f"billing_{found._meta.model_name}", found.pk, found)

    @admin.display(description=_("note"))
    def memo(self, obj):
        return obj.journal.memo or "–"

    @admin.display(description=_("by"))
    def booked_by(self, obj):
        return obj.journal.actor_name
