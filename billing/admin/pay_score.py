"""Charges on pay score: whether the service order was opened, what was asked for, what was debited."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.admin.payment import link
from billing.errors import sentence_of
from billing.models import ScoreOrder
from billing.payment_words import limit_words
from users.console.admin import FactAdmin
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter, date_window

State = ScoreOrder.State
TONES = {
    State.STARTED: "blue",
    State.COMPLETING: "amber",
    State.PAYING: "amber",
    State.PAID: "green",
    State.CANCELLING: "amber",
    State.EXPIRED: "red",
    State.REFUSED: "red",
}


@admin.register(ScoreOrder)
class ScoreOrderAdmin(FactAdmin):
    big_table = True
    search_kinds = {"number": "exact", "driver__phone": "exact", "order__order_no": "exact"}
    search_help_text = _("A whole service order number, order number or phone number")
    list_display = (
        "created_at", "number", "status", "connector", "order_page", "asked", "lowered", "payment_page", "reason",
    )  # fmt: skip
    list_select_related = ("connector", "order", "payment")
    list_filter = (
        choice_filter("state", _("State"), State.choices),
        date_window("created_at", _("Time")),
        ("driver", AutocompleteSelectFilter),
        ("operator", AutocompleteSelectFilter),
    )
    fields = (*list_display, "fund", "rule", "wanted", "provider_no", "opened_at", "ended_at", "last_error")

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES.get(obj.state, "grey"))

    @admin.display(description=_("order"))
    def order_page(self, obj):
        return link("billing_chargingorder", obj.order_id, obj.order.order_no if obj.order else "")

    @admin.display(description=_("asked for"))
    def asked(self, obj):
        return "–" if obj.asked_fen is None else fen(obj.asked_fen)

    @admin.display(description=_("lowered to"))
    def lowered(self, obj):
        return "–" if obj.lowered_fen is None else fen(obj.lowered_fen)

    @admin.display(description=_("at most"))
    def fund(self, obj):
        return fen(obj.fund_fen)

    @admin.display(description=_("limits of the driver"))
    def wanted(self, obj):
        return "、".join(limit_words(obj.limits)) or "–"

    @admin.display(description=_("debit"))
    def payment_page(self, obj):
        return link("billing_payment", obj.payment_id, obj.payment.get_state_display() if obj.payment else "")

    @admin.display(description=_("why it did not start"))
    def reason(self, obj):
        return sentence_of(obj.refusal) if obj.refusal else "–"
