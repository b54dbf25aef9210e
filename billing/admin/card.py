"""Charging cards with their money: one page with card, holder, balance, unfinished order and what happened last."""

import datetime

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget

from billing.admin.money import TopUpForm, money_context
from billing.admin.order import SettleForm, order_chip
from billing.admin.order_page import lasted
from billing.models import Account, ChargingOrder, Proposal
from billing.services import card_desk, ledger, month_cards
from billing.services.card_imports import CardImporter
from kernel.models import AuditEvent
from users.admin.card import CardAdmin
from users.console.actions import ReasonForm, operator_action
from users.console.admin import actor_of, replace
from users.console.display import fen
from users.console.importing import import_view
from users.models import Card

ORDERS_SHOWN = 10
EVENTS_SHOWN = 10
LIVING = (Card.State.ACTIVE, Card.State.FROZEN, Card.State.LOST)


def last_orders(request: HttpRequest, **condition):
    """The last orders of a card or an enterprise that the reader sees, as `billing/last_orders.html` shows them."""
    orders = ChargingOrder.objects.for_actor(actor_of(request)).filter(**condition)
    orders = orders.select_related("station", "connector").order_by("-pk")[:ORDERS_SHOWN]
    return [(row, order_chip(row), lasted(row)) for row in orders]


class MonthForm(TopUpForm):
    """Price and period of a month card."""

    valid_from = forms.DateField(label=_("valid from"), widget=UnfoldAdminDateWidget)
    valid_until = forms.DateField(label=_("valid until"), widget=UnfoldAdminDateWidget)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        card = self.obj
        today = datetime.date.today()
        first = today
        if card.valid_until is not None and card.valid_until >= today:
            first = card.valid_from or today
        begin = max(today, card.valid_until + datetime.timedelta(days=1)) if card.valid_until else today
        self.fields["valid_from"].initial = first
        self.fields["valid_until"].initial = begin + datetime.timedelta(days=30)


class ReturnForm(ReasonForm):
    to_wallet = forms.ChoiceField(
        label=_("The money goes"),
        choices=(("", _("out in cash")), ("1", _("to the driver's wallet"))),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )


@replace(Card)
class MoneyCardAdmin(CardAdmin):
    list_links = ((_("Import cards"), "users_card_import", "users.issue_card"),)
    list_display = (
        "logical_no", "physical_no", "kind", "status", "holder", "pays_from", "balance", "valid_until",
    )  # fmt: skip
    actions_detail = (
        "top_up", "ungray", "deposit", "sell_month", "take_back", *CardAdmin.actions_detail,
    )  # fmt: skip
    change_form_template = "billing/card_change.html"

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("accounts")

    def get_urls(self):
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="users_card_import"), *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        return import_view(
            self,
            request,
            CardImporter(),
            permission="users.issue_card",
            back=reverse("admin:users_card_changelist"),
        )

    def balance(self, obj):
        row = next((row for row in obj.accounts.all() if row.kind == Account.Kind.CARD), None)
        return fen(row.balance_fen if row else 0)

    balance.short_description = _("balance")

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        extra = dict(extra_context or {})
        card = self.get_object(request, object_id) if object_id else None
        if card is not None:
            extra |= money_context(request, card.accounts.all(), Account.Kind.CARD)
            extra["driver_orders"] = last_orders(request, card=card)
            extra["orders_query"] = f"card__id__exact={card.pk}"
            extra["gray_order"] = card_desk.gray_order(card)
            events = AuditEvent.objects.filter(target_type="users.card", target_id=str(card.pk))
            extra["card_events"] = events.order_by("-id")[:EVENTS_SHOWN]
        return super().changeform_view(request, object_id, form_url, extra)

    @operator_action(
        title=_("Top up"),
        text=_("Money enters the card's own account at once; arrears are paid first."),
        permission="billing.top_up_card",
        form=TopUpForm,
        available=lambda card: card.state in LIVING,
        icon="add_card",
        variant=ActionVariant.PRIMARY,
    )
    def top_up(self, request, obj, form):
        data = form.cleaned_data
        ledger.top_up(
            actor=actor_of(request),
            driver=obj,
            amount_fen=form.amount_fen,
            reason=data["reason"],
            idempotency_key=f"console:{data['key']}",
        )
        return _("%(amount)s booked.") % {"amount": fen(form.amount_fen)}

    @operator_action(
        title=_("Un-gray"),
        text=_(
            "The unfinished transaction of the card is settled or written off, and the card is free again."
        ),
        permission="users.ungray_card",
        form=SettleForm,
        available=lambda card: card_desk.gray_order(card) is not None,
        icon="invert_colors_off",
    )
    def ungray(self, request, obj, form):
        data = form.cleaned_data
        done = card_desk.ungray(
            actor=actor_of(request),
            card=obj,
            how=data["how"],
            reason=data["reason"],
            energy_kwh=data["energy_kwh"] if data["how"] == "meter" else None,
        )
        if isinstance(done, Proposal):
            return _("So much is at stake that a second person has to approve it.")
        return _("The card is free again; %(amount)s were charged.") % {"amount": fen(done.total_fen)}

    @operator_action(
        title=_("Take a deposit"),
        text=_("It goes back when the card is returned."),
        permission="billing.top_up_card",
        form=TopUpForm,
        available=lambda card: card.state in LIVING,
        icon="savings",
    )
    def deposit(self, request, obj, form):
        data = form.cleaned_data
        card_desk.take_deposit(
            actor=actor_of(request),
            card=obj,
            amount_fen=form.amount_fen,
            reason=data["reason"],
            idempotency_key=f"console:{data['key']}",
        )
        return _("%(amount)s booked.") % {"amount": fen(form.amount_fen)}

    @operator_action(
        title=_("Sell a period"),
        text=_(
            "The price is income of the operator; inside the daily limits the card charges free of charge."
        ),
        permission="billing.top_up_card",
        form=MonthForm,
        available=lambda card: card.kind == Card.Kind.MONTH and card.state in LIVING,
        icon="calendar_month",
    )
    def sell_month(self, request, obj, form):
        data = form.cleaned_data
        month_cards.sell_month(
            actor=actor_of(request),
            card=obj,
            amount_fen=form.amount_fen,
            valid_from=data["valid_from"],
            valid_until=data["valid_until"],
            reason=data["reason"],
            idempotency_key=f"console:{data['key']}",
        )
        return _("The card is valid until %(day)s.") % {"day": data["valid_until"]}

    @operator_action(
        title=_("Return card"),
        text=_("Balance and deposit are paid out, and the card never charges again."),
        permission="users.issue_card",
        form=ReturnForm,
        available=lambda card: card.state != Card.State.RETURNED,
        icon="keyboard_return",
        variant=ActionVariant.DANGER,
    )
    def take_back(self, request, obj, form):
        data = form.cleaned_data
        total = card_desk.return_card(
            actor=actor_of(request), card=obj, to_wallet=bool(data["to_wallet"]), reason=data["reason"]
        )
        return _("The card is returned; %(amount)s were paid out.") % {"amount": fen(total)}
