"""What the pages of device facts share: the pile they are about, and how one searches for it."""

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from stations.admin.pile import pile_by_code, pile_link
from stations.models import Pile
from users.console.admin import FactAdmin
from users.console.filters import AutocompleteSelectFilter, date_window

__all__ = ["AutocompleteSelectFilter", "PileFactAdmin", "ProtocolColumn", "date_window"]


class ProtocolColumn:
    """The protocol by its name."""

    @admin.display(description=_("protocol"))
    def protocol_name(self, obj):
        return dict(Pile.Protocol.choices).get(obj.protocol, obj.protocol)


class PileFactAdmin(ProtocolColumn, FactAdmin):
    """An append-only list about piles, found by pile code and by a reference."""

    big_table = True
    search_kinds = {"pile__code": "exact"}
    search_help_text = _("A whole pile code or transaction number")
    list_select_related = ("pile", "station")
    reference_field = ""

    def search_condition(self, request, term):
        condition = pile_by_code(term)
        # A YKC transaction number begins with the pile's own 14 digits, so that the index of the pile serves.
        if self.reference_field and len(term) == 32 and term.isdigit():
            condition |= pile_by_code(term[:14]) & Q(**{self.reference_field: term})
        return condition

    @admin.display(description=_("pile"))
    def pile_page(self, obj):
        return pile_link(obj.pile)
