"""Ledger accounts in the console: read only."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.models import Account
from users.console.admin import FactAdmin
from users.console.display import fen
from users.console.filters import AutocompleteSelectFilter, choice_filter


@admin.register(Account)
class AccountAdmin(FactAdmin):
    big_table = True
    search_kinds = {"driver__phone": "exact"}
    search_help_text = _("A whole phone number")
    list_display = ("kind", "owner", "balance", "held")
    list_select_related = ("driver", "enterprise", "card", "payee", "operator")
    list_filter = (
        choice_filter("kind", _("Kind"), Account.Kind.choices),
        ("operator", AutocompleteSelectFilter),
    )
    fields = ("kind", "owner", "balance", "held")

    @admin.display(description=_("owner"))
    def owner(self, obj):
        return obj.driver or obj.enterprise or obj.card or obj.payee or obj.operator or _("Platform")

    @admin.display(description=_("balance"))
    def balance(self, obj):
        return fen(obj.balance_fen)

    @admin.display(description=_("held"))
    def held(self, obj):
        return fen(obj.held_fen)
