"""Ledger entries in the console: every movement of money, read only."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing.admin.exports import ENTRY_COLUMNS
from billing.models import Account, Entry
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
    list_select_related = ("journal__order", "account__driver", "account__enterprise", "account__card",
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

    @admin.display(description=_("order"))
    def order_page(self, obj):
        if obj.journal.order_id is None:
            return "–"
        url = reverse("admin:billing_chargingorder_change", args=[obj.journal.order_id])
        return format_html('<a href="{}">{}</a>', url, obj.journal.order.order_no)

    @admin.display(description=_("note"))
    def memo(self, obj):
        return obj.journal.memo or "–"

    @admin.display(description=_("by"))
    def booked_by(self, obj):
        return obj.journal.actor_name
