"""Charging orders: a list for work, and a page that tells one session from start to money."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing import payers
from billing.admin import order_page
from billing.admin.exports import ORDER_COLUMNS
from billing.finance_words import fee_word
from billing.models import ChargingOrder, Proposal
from billing.models.order import OPEN_STATES
from billing.services import orders, proposals, reviews
from billing.services.clearing import order_refunds
from devices.models import DeviceTransaction
from stations.admin.pile import pile_by_code
from stations.models import Connector, Pile
from stations.models.mode import ChargeMode
from users.console.actions import ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip, fen, quantity
from users.console.filters import AutocompleteSelectFilter, choice_filter, date_window
from users.selectors import known_drivers

State = ChargingOrder.State
TONES = {
    State.STARTING: "amber",
    State.CHARGING: "blue",
    State.STOPPING: "amber",
    State.FINISHING: "violet",
    State.REVIEW: "red",
    State.SETTLED: "green",
    State.CLOSED: "grey",
}


def order_chip(order: ChargingOrder) -> Any:
    return chip(order.get_state_display(), TONES.get(order.state, "grey"))


class SettleForm(ReasonForm):
    how = forms.ChoiceField(
        label=_("Settle by"),
        choices=(
            ("record", _("The record of the pile")),
            ("meter", _("The meter of the pile")),
            ("samples", _("The live samples")),
            ("zero", _("Nothing is charged")),
        ),
        widget=UnfoldAdminSelectWidget,
    )
    energy_kwh = forms.DecimalField(
        label=_("energy by the meter (kWh)"),
        required=False,
        min_value=0,
        max_digits=13,
        decimal_places=4,
        help_text=_("Only for «the meter»; empty: the registers of the record"),
        widget=UnfoldAdminTextInputWidget,
    )


def settle_by(request: Any, order_no: str, form: SettleForm) -> Any:
    """Settle as the form says; the sentence, with the proposal where a second person decides."""
    done = reviews.settle_review(
        actor=actor_of(request),
        order_no=order_no,
        how=form.cleaned_data["how"],
        reason=form.cleaned_data["reason"],
        energy_kwh=form.cleaned_data["energy_kwh"] if form.cleaned_data["how"] == "meter" else None,
    )
    if isinstance(done, Proposal):
        return done, _("So much is at stake that a second person has to approve it.")
    return _("The order is settled.")


class OrderRefundForm(ReasonForm):
    """What to give back of each kind of fee, in yuan."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for kind, left_fen in order_refunds.income_left(self.obj).items():
            if left_fen > 0:
                self.fields[f"fee_{kind}"] = forms.DecimalField(
                    label=fee_word(kind),
                    required=False,
                    min_value=0,
                    max_value=Decimal(left_fen) / 100,
                    decimal_places=2,
                    help_text=_("At most %(amount)s") % {"amount": fen(left_fen)},
                    widget=UnfoldAdminTextInputWidget,
                )
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def amounts(self) -> dict[str, int]:
        return {
            name.removeprefix("fee_"): int(value * 100)
            for name, value in self.cleaned_data.items()
            if name.startswith("fee_") and value
        }


@admin.register(ChargingOrder)
class ChargingOrderAdmin(FactAdmin):
    big_table = True
    export_columns = ORDER_COLUMNS
    search_kinds = {"order_no": "exact"}
    search_help_text = _("A whole order number, transaction number, phone number, pile or connector code")
    list_display = (
        "order_no", "status", "station", "connector", "driver_masked", "created_at", "lasted", "energy", "total",
    )  # fmt: skip
    list_select_related = ("station", "connector", "driver")
    list_filter = (
        choice_filter("state", _("State"), State.choices),
        date_window("created_at", _("Time")),
        ("station", AutocompleteSelectFilter),
        ("operator", AutocompleteSelectFilter),
        ("driver", AutocompleteSelectFilter),
        ("pile", AutocompleteSelectFilter),
        ("enterprise", AutocompleteSelectFilter),
        ("card", AutocompleteSelectFilter),
        choice_filter("payer_kind", _("Payer"), ChargingOrder.PayerKind.choices),
        choice_filter("start_method", _("Started by"), ChargingOrder.StartMethod.choices),
        choice_filter("charge_mode", _("Charge mode"), ChargeMode.choices),
    )
    actions_detail = ("remote_stop", "settle", "refund", "note")
    change_form_template = "billing/order_change.html"
    fields = ("order_no",)

    def search_condition(self, request, term):
        """The shape of the term says what it is; each shape is one indexed look-up."""
        condition = Q(order_no=term)
        if re.fullmatch(r"1[3-9]\d{9}", term, re.ASCII):
            found = known_drivers(actor=actor_of(request)).filter(phone=term)
            condition |= Q(driver_id__in=list(found.values_list("pk", flat=True)))
        if re.fullmatch(r"\d{32}", term, re.ASCII):
            condition |= pile_by_code(term[:14]) & Q(transaction_ref=term)
        elif re.fullmatch(r"\d{1,18}", term, re.ASCII):
            pile = DeviceTransaction.objects.for_actor(actor_of(request)).filter(pk=int(term)).first()
            if pile is not None:
                condition |= Q(pile_id=pile.pile_id, transaction_ref=term)
        rows = Pile.objects.for_actor(actor_of(request)).filter(code=term).values_list("pk", flat=True)
        connectors = Connector.objects.for_actor(actor_of(request)).filter(code=term)
        condition |= Q(pile_id__in=list(rows))
        return condition | Q(connector_id__in=list(connectors.values_list("pk", flat=True)))

    @admin.display(description=_("state"))
    def status(self, obj):
        return order_chip(obj)

    @admin.display(description=_("driver"))
    def driver_masked(self, obj):
        return obj.driver or "–"

    @admin.display(description=_("duration"))
    def lasted(self, obj):
        return order_page.lasted(obj)

    @admin.display(description=_("energy"))
    def energy(self, obj):
        return quantity(obj.energy_kwh, "kWh", 2)

    @admin.display(description=_("amount"))
    def total(self, obj):
        return fen(obj.total_fen)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        extra = dict(extra_context or {})
        order = self.get_object(request, object_id) if object_id else None
        if order is not None:
            brief = "live" in request.GET
            extra |= order_page.context(actor=actor_of(request), order=order, brief=brief)
            extra["status_chip"] = order_chip(order)
            extra["title"] = _("Order %(order_no)s") % {"order_no": order.order_no}
            extra["subtitle"] = None
        return super().changeform_view(request, object_id, form_url, extra)

    @operator_action(
        title=_("Stop charging"),
        text=_("The pile is told to stop; the order is settled when its record arrives."),
        permission="stations.remote_stop",
        available=lambda order: order.state in OPEN_STATES and order.state != State.STOPPING,
        icon="stop_circle",
        variant=ActionVariant.DANGER,
    )
    def remote_stop(self, request, obj, form):
        orders.stop_order(actor=actor_of(request), order_no=obj.order_no, reason=form.cleaned_data["reason"])
        return _("The stop command is on its way.")

    @operator_action(
        title=_("Settle"),
        text=_("Decide what this order is billed by. The decision and its reason are kept."),
        permission="billing.settle_review",
        form=SettleForm,
        available=lambda order: order.state == State.REVIEW,
        icon="gavel",
        variant=ActionVariant.PRIMARY,
    )
    def settle(self, request, obj, form):
        return settle_by(request, obj.order_no, form)

    @operator_action(
        title=_("Write a note"),
        text=_("It stands on the timeline of the order for everybody of the staff."),
        permission="billing.settle_review",
        form=ReasonForm,
        icon="edit_note",
    )
    def note(self, request, obj, form):
        reviews.add_note(actor=actor_of(request), order_no=obj.order_no, text=form.cleaned_data["reason"])
        return _("The note is kept.")

    @operator_action(
        title=_("Give money back"),
        text=_("It returns to whoever paid when a second person has approved it."),
        permission="billing.propose_change",
        form=OrderRefundForm,
        available=lambda order: order.state == State.SETTLED and payers.of_order(order) is not None,
        icon="undo",
    )
    def refund(self, request, obj, form):
        proposal = proposals.propose(
            actor=actor_of(request),
            kind=Proposal.Kind.ORDER_REFUND,
            operator=obj.operator,
            payload={"order_no": obj.order_no, "amounts": form.amounts()},
            reason=form.cleaned_data["reason"],
        )
        return proposal, _("The refund waits for a second person.")
