"""Charging orders: a list for work, and a page that tells one session from start to money."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget

from billing.admin import order_page
from billing.models import ChargingOrder
from billing.models.order import OPEN_STATES
from billing.services import orders, reviews
from devices.models import DeviceTransaction
from stations.admin.pile import pile_by_code
from stations.models import Connector, Pile
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
            ("samples", _("The live samples")),
            ("zero", _("Nothing is charged")),
        ),
        widget=UnfoldAdminSelectWidget,
    )


@admin.register(ChargingOrder)
class ChargingOrderAdmin(FactAdmin):
    big_table = True
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
    )
    actions_detail = ("remote_stop", "settle")
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
        reviews.settle_review(
            actor=actor_of(request),
            order_no=obj.order_no,
            how=form.cleaned_data["how"],
            reason=form.cleaned_data["reason"],
        )
        return _("The order is settled.")
