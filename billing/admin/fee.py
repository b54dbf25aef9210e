"""Fees after the charge in the console: read, and waived with a reason."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing.models import OrderFee
from billing.services import fees
from users.console.actions import ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter, date_window

State = OrderFee.State
TONES = {State.RUNNING: "blue", State.SETTLED: "green", State.WAIVED: "amber", State.DROPPED: "grey"}


@admin.register(OrderFee)
class OrderFeeAdmin(FactAdmin):
    big_table = True
    search_kinds = {"order__order_no": "exact"}
    search_help_text = _("A whole order number")
    list_display = ("began_at", "kind", "status", "order_page", "station", "connector", "amount", "not_seen")
    list_select_related = ("order", "station", "connector")
    list_filter = (
        choice_filter("state", _("State"), State.choices),
        choice_filter("kind", _("Kind"), OrderFee.Kind.choices),
        date_window("began_at", _("Time")),
        ("station", AutocompleteSelectFilter),
    )
    fields = (
        "kind", "status", "order_page", "station", "connector", "began_at", "ended_at", "blocks", "amount",
        "not_seen", "settled_at", "waived_by", "waive_reason",
    )  # fmt: skip
    actions_detail = ("waive",)

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES.get(obj.state, "grey"))

    @admin.display(description=_("order"))
    def order_page(self, obj):
        url = reverse("admin:billing_chargingorder_change", args=[obj.order_id])
        return format_html('<a href="{}">{}</a>', url, obj.order.order_no)

    @admin.display(description=_("amount"))
    def amount(self, obj):
        return fen(fees.so_far(obj).fen if obj.state == State.RUNNING else obj.amount_fen)

    @admin.display(description=_("end"))
    def not_seen(self, obj):
        return chip(_("The end was not seen"), "red") if obj.flagged else "–"

    @operator_action(
        title=_("Waive fee"),
        text=_("The fee costs nothing; what was paid goes back to the wallet."),
        permission="billing.waive_fee",
        form=ReasonForm,
        available=lambda fee: fee.state in (State.RUNNING, State.SETTLED),
        icon="money_off",
    )
    def waive(self, request, obj, form):
        fees.waive_fee(actor=actor_of(request), fee_id=obj.pk, reason=form.cleaned_data["reason"])
        return _("The fee is waived.")
