"""Recharges and what the channels said about them."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget

from billing.admin.exports import PAYMENT_COLUMNS
from billing.finance_words import person_word
from billing.models import Channel, Payment, PaymentEvent, PaymentNotice
from billing.payment_words import event_words, reason_words, way_words
from billing.services import payments
from users.console.actions import ActionForm, ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter, date_window

State = Payment.State
TONES = {
    State.CREATED: "grey",
    State.PAYING: "amber",
    State.SUCCEEDED: "green",
    State.CLOSED: "grey",
    State.FAILED: "red",
    State.REVIEW: "red",
}
NOTICE_TONES = {"credited": "green", "differs": "red", "unknown": "red"}


class ResolveForm(ReasonForm):
    how = forms.ChoiceField(
        label=_("Decision"),
        choices=(
            ("credit", _("Credit what the channel says now that it received")),
            ("dismiss", _("Credit nothing")),
        ),
        widget=UnfoldAdminSelectWidget,
    )


def moment(at: Any) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S") if at else "–"


def link(model: str, pk: int | None, text: Any) -> Any:
    """A link to an object of this app, or a dash."""
    if pk is None:
        return "–"
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{model}_change", args=[pk]), text)


_NUMBER = re.compile(r"-?¥|-?\d[\d,.]{0,11}( kWh| %)?$")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d")


def _cells(tag: str, row: Any) -> SafeString:
    """The cells of a row, amounts and numbers to the right."""
    return format_html_join(
        "",
        f"<{tag}{{}}>{{}}</{tag}>",
        ((_side(cell), cell) for cell in row),
    )


def _side(cell: Any) -> SafeString | str:
    if not isinstance(cell, str):
        return ""
    if _NUMBER.match(cell):
        return mark_safe(' class="num"')
    return mark_safe(' class="ev-nowrap"') if _MOMENT.match(cell) else ""


def table(rows: Any, head: Sequence[Any] = (), foot: Sequence[Any] = ()) -> SafeString | str:
    """A small table of cells, with titles and sums if they are given; a dash when there are no rows.

    A column whose cells are amounts or numbers has its title to the right as well.
    """
    lines = [list(row) for row in rows]
    if not lines:
        return "–"
    right = [isinstance(cell, str) and bool(_NUMBER.match(cell)) for cell in lines[0]]
    titles = format_html_join(
        "",
        "<th{}>{}</th>",
        (
            (mark_safe(' class="num"') if side else "", title)
            for title, side in zip(head, right, strict=False)
        ),
    )
    return format_html(
        '<table class="ev-table ev-tight">{}<tbody>{}</tbody>{}</table>',
        format_html("<thead><tr>{}</tr></thead>", titles) if head else "",
        format_html_join("", "<tr>{}</tr>", ((_cells("td", row),) for row in lines)),
        format_html("<tfoot><tr>{}</tr></tfoot>", _cells("th", foot)) if foot else "",
    )


def history(subject: Any) -> SafeString | str:
    """The events of a payment or refund."""
    field = "payment" if isinstance(subject, Payment) else "refund"
    return table(
        (moment(event.at), event_words(event.kind), person_word(event), event.data.get("reason") or "")
        for event in PaymentEvent.objects.filter(**{field: subject})
    )


@admin.register(Payment)
class PaymentAdmin(FactAdmin):
    big_table = True
    export_columns = PAYMENT_COLUMNS
    search_kinds = {"out_trade_no": "exact", "provider_no": "exact", "driver__phone": "exact"}
    search_help_text = _("A whole payment number, channel's number or phone number")
    list_display = (
        "out_trade_no",
        "channel",
        "status",
        "driver",
        "amount",
        "created_at",
        "paid_at",
        "refunded",
    )
    list_select_related = ("driver",)
    list_filter = (
        choice_filter("state", _("State"), State.choices),
        date_window("created_at", _("Time")),
        choice_filter("channel", _("Channel"), Channel.choices),
        ("driver", AutocompleteSelectFilter),
        ("operator", AutocompleteSelectFilter),
    )
    fields = (
        "out_trade_no", "status", "why", "channel", "way_word", "driver_page", "amount", "paid", "refunded", "provider_no",
        "created_at", "expires_at", "paid_at", "last_error", "told", "history",
    )  # fmt: skip
    actions_detail = ("ask_channel", "resolve")

    def search_condition(self, request: Any, term: str) -> Q:
        condition = Q(out_trade_no=term) | Q(provider_no=term)
        return condition | Q(driver__phone=term) if len(term) == 11 else condition

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES.get(obj.state, "grey"))

    @admin.display(description=_("reasons"))
    def why(self, obj):
        lines = ((reason_words(reason),) for reason in obj.review_reasons)
        return format_html_join("", '<p class="ev-line">{}</p>', lines) or "–"

    @admin.display(description=_("driver"))
    def driver_page(self, obj):
        return link("users_driver", obj.driver_id, obj.driver)

    @admin.display(description=_("amount"))
    def amount(self, obj):
        return fen(obj.amount_fen)

    @admin.display(description=_("way"))
    def way_word(self, obj):
        return way_words(obj.way)

    @admin.display(description=_("paid"))
    def paid(self, obj):
        return fen(obj.paid_fen)

    @admin.display(description=_("refunded"))
    def refunded(self, obj):
        return fen(obj.refunded_fen) if obj.refunded_fen else "–"

    @admin.display(description=_("notices"))
    def told(self, obj):
        notices = PaymentNotice.objects.unscoped("notices of a payment in scope").filter(payment=obj)
        return table(
            (
                moment(notice.received_at),
                notice.get_outcome_display(),
                _("repeated %(times)s times") % {"times": notice.repeats} if notice.repeats else "",
            )
            for notice in notices.order_by("id")[:50]
        )

    @admin.display(description=_("history"))
    def history(self, obj):
        return history(obj)

    @operator_action(
        title=_("Ask the channel"),
        text=_("What the channel says is booked at once, if it fits."),
        permission="billing.query_payment",
        form=ActionForm,
        icon="sync",
    )
    def ask_channel(self, request, obj, form):
        payment = payments.query_payment(actor=actor_of(request), payment=obj)
        return _("The payment is now: %(state)s.") % {"state": payment.get_state_display()}

    @operator_action(
        title=_("Decide"),
        text=_(
            "The channel is asked again before anything is credited. The decision and its reason are kept."
        ),
        permission="billing.resolve_payment",
        form=ResolveForm,
        available=lambda payment: payment.state == State.REVIEW,
        icon="gavel",
        variant=ActionVariant.PRIMARY,
    )
    def resolve(self, request, obj, form):
        payments.resolve_payment(
            actor=actor_of(request),
            payment=obj,
            how=form.cleaned_data["how"],
            reason=form.cleaned_data["reason"],
        )
        return _("The decision is kept.")


@admin.register(PaymentNotice)
class PaymentNoticeAdmin(FactAdmin):
    big_table = True
    search_kinds = {"number": "exact", "notice_id": "exact"}
    search_help_text = _("A whole payment, refund or notice number")
    list_display = ("received_at", "channel", "result", "number", "payment_page", "repeats")
    list_select_related = ("payment",)
    list_filter = (
        choice_filter("outcome", _("Outcome"), PaymentNotice.Outcome.choices),
        date_window("received_at", _("Time")),
        choice_filter("channel", _("Channel"), Channel.choices),
    )
    fields = ("notice_id", "channel", "result", "number", "payment_page", "received_at", "repeats", "body")

    @admin.display(description=_("outcome"))
    def result(self, obj):
        return chip(obj.get_outcome_display(), NOTICE_TONES.get(obj.outcome, "grey"))

    @admin.display(description=_("payment"))
    def payment_page(self, obj):
        return link("billing_payment", obj.payment_id, obj.payment)
