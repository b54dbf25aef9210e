"""Payments that were for one charge: whether it started, and where the money went."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.admin.payment import link
from billing.errors import sentence_of
from billing.models import PaidStart
from users.console.admin import FactAdmin
from users.console.display import chip, fen
from users.console.filters import choice_filter, date_window

State = PaidStart.State
TONES = {
    State.WAITING: "grey",
    State.DUE: "amber",
    State.STARTED: "blue",
    State.REFUNDING: "amber",
    State.DONE: "green",
    State.CANCELLED: "grey",
}


@admin.register(PaidStart)
class PaidStartAdmin(FactAdmin):
    big_table = True
    search_kinds = {"payment__out_trade_no": "exact", "driver__phone": "exact", "order__order_no": "exact"}
    search_help_text = _("A whole payment number, order number or phone number")
    list_display = (
        "created_at", "status", "payment_page", "amount", "connector", "order_page", "refund_page", "reason",
    )  # fmt: skip
    list_select_related = ("payment", "connector", "order", "refund")
    list_filter = (choice_filter("state", _("State"), State.choices), date_window("created_at", _("Time")))
    fields = (*list_display, "limits", "ended_at")

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES.get(obj.state, "grey"))

    @admin.display(description=_("payment"))
    def payment_page(self, obj):
        return link("billing_payment", obj.payment_id, obj.payment.out_trade_no)

    @admin.display(description=_("amount"))
    def amount(self, obj):
        return fen(obj.payment.amount_fen)

    @admin.display(description=_("order"))
    def order_page(self, obj):
        return link("billing_chargingorder", obj.order_id, obj.order.order_no if obj.order else "")

    @admin.display(description=_("refund"))
    def refund_page(self, obj):
        return link("billing_refund", obj.refund_id, obj.refund.refund_no if obj.refund else "")

    @admin.display(description=_("why it did not start"))
    def reason(self, obj):
        return sentence_of(obj.refusal) if obj.refusal else "–"
