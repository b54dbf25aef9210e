"""The queue of what a person has to decide."""

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextInputWidget

from billing.admin.order import SettleForm, settle_by
from billing.models import ReviewItem
from billing.review_words import sentence_of
from billing.services import reviews
from stations.admin.pile import pile_by_code, pile_link
from users.console.actions import ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip
from users.console.filters import AutocompleteSelectFilter, choice_filter

State = ReviewItem.State


class LinkForm(ReasonForm):
    order_no = forms.CharField(label=_("order no."), max_length=32, widget=UnfoldAdminTextInputWidget)


@admin.register(ReviewItem)
class ReviewItemAdmin(FactAdmin):
    big_table = True
    search_kinds = {"order__order_no": "exact"}
    search_help_text = _("A whole order number or pile code")
    list_display = ("opened_at", "kind", "status", "why", "order_page", "pile_page", "station", "resolved_by")
    list_select_related = ("order", "pile", "station")
    list_filter = (
        choice_filter("state", _("State"), State.choices, default=State.OPEN),
        choice_filter("kind", _("Kind"), ReviewItem.Kind.choices),
        ("station", AutocompleteSelectFilter),
    )
    fields = (
        "kind", "status", "why", "order_page", "record_page", "pile_page", "station", "opened_at", "resolved_at",
        "resolved_by", "resolution",
    )  # fmt: skip
    actions_detail = ("settle", "link", "resolve")

    def search_condition(self, request, term):
        return Q(order__order_no=term) | pile_by_code(term)

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), "red" if obj.state == State.OPEN else "green")

    @admin.display(description=_("reasons"))
    def why(self, obj):
        return (
            format_html_join("", '<p class="ev-line">{}</p>', ((sentence_of(r),) for r in obj.reasons)) or "–"
        )

    @admin.display(description=_("order"))
    def order_page(self, obj):
        if obj.order is None:
            return "–"
        url = reverse("admin:billing_chargingorder_change", args=[obj.order_id])
        return format_html('<a href="{}">{}</a>', url, obj.order.order_no)

    @admin.display(description=_("record"))
    def record_page(self, obj):
        if obj.record_id is None:
            return "–"
        url = reverse("admin:devices_transactionrecord_change", args=[obj.record_id])
        return format_html('<a href="{}">{}</a>', url, obj.record)

    @admin.display(description=_("pile"))
    def pile_page(self, obj):
        return pile_link(obj.pile)

    @operator_action(
        title=_("Settle"),
        text=_("Decide what this order is billed by. The decision and its reason are kept."),
        permission="billing.settle_review",
        form=SettleForm,
        available=lambda item: (
            item.state == State.OPEN and item.order is not None and item.order.state == "review"
        ),
        icon="gavel",
        variant=ActionVariant.PRIMARY,
    )
    def settle(self, request, obj, form):
        return settle_by(request, obj.order.order_no, form)

    @operator_action(
        title=_("Link to an order"),
        text=_("The record is taken as that of an order which lacks one, and judged as any record."),
        permission="billing.settle_review",
        form=LinkForm,
        available=lambda item: item.state == State.OPEN and item.kind == ReviewItem.Kind.ORPHAN_RECORD,
        icon="link",
    )
    def link(self, request, obj, form):
        order = reviews.link_record(
            actor=actor_of(request),
            item_id=obj.pk,
            order_no=form.cleaned_data["order_no"],
            reason=form.cleaned_data["reason"],
        )
        return order, _("The record belongs to the order %(order_no)s now.") % {"order_no": order.order_no}

    @operator_action(
        title=_("Mark as handled"),
        text=_("Nothing is billed by this; write down what was done."),
        permission="billing.settle_review",
        form=ReasonForm,
        available=lambda item: (
            item.state == State.OPEN and (item.order is None or item.order.state != "review")
        ),
        icon="done",
    )
    def resolve(self, request, obj, form):
        reviews.resolve_item(actor=actor_of(request), item_id=obj.pk, resolution=form.cleaned_data["reason"])
        return _("The item is closed.")
