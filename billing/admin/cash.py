"""Cash of e-bike boxes by day in the console: read only, the counters of the boxes tell it."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.models import BoxCashDay
from users.console.admin import FactAdmin
from users.console.display import fen
from users.console.filters import AutocompleteSelectFilter


@admin.register(BoxCashDay)
class BoxCashDayAdmin(FactAdmin):
    search_kinds = {"pile__code": "exact"}
    search_help_text = _("A whole pile code")
    list_display = ("day", "pile", "station", "coins_yuan", "cards_yuan", "coins", "swipes")
    list_select_related = ("pile", "station")
    list_filter = (("station", AutocompleteSelectFilter), ("operator", AutocompleteSelectFilter))
    fields = (*list_display, "operator")

    @admin.display(description=_("coins (yuan)"), ordering="coins_fen")
    def coins_yuan(self, obj):
        return fen(obj.coins_fen)

    @admin.display(description=_("cards (yuan)"), ordering="cards_fen")
    def cards_yuan(self, obj):
        return fen(obj.cards_fen)
