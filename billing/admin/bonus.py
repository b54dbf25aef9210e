"""Recharge bonuses in the console: which recharge got which, and what was taken back."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.models import RechargeBonus
from users.console.admin import FactAdmin
from users.console.display import fen
from users.console.filters import date_window


@admin.register(RechargeBonus)
class RechargeBonusAdmin(FactAdmin):
    big_table = True
    search_kinds = {"payment__out_trade_no": "exact", "driver__phone": "exact"}
    search_help_text = _("A whole payment number or mobile number")
    list_display = ("given_at", "driver", "payment", "offer", "amount", "taken_back")
    list_select_related = ("driver", "payment", "offer")
    list_filter = (date_window("given_at", _("Time")),)
    fields = ("given_at", "driver", "payment", "offer", "amount", "taken_back")

    @admin.display(description=_("bonus"))
    def amount(self, obj):
        return fen(obj.bonus_fen)

    @admin.display(description=_("taken back"))
    def taken_back(self, obj):
        return fen(obj.taken_back_fen) if obj.taken_back_fen else "–"
