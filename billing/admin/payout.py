"""Payouts and the accounts they go to: approved by the right people, watched until they are paid."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing.admin.list_sums import ListSums
from billing.admin.payment import link, moment, table
from billing.finance_words import payout_event_word, person_word
from billing.models import Payout, PayoutAccount, PayoutChannel
from billing.services.payouts import accounts, decisions
from kernel.exports import Kind
from users.console.actions import ActionForm, ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter, date_window
from users.exports import ExportColumn, choice_words

S = Payout.State
TONES = {
    S.CREATED: "amber",
    S.APPROVED: "blue",
    S.SENDING: "violet",
    S.WAITING: "violet",
    S.PAID: "green",
    S.FAILED: "red",
    S.RETURNED: "grey",
}
ACCOUNT_TONES = {
    PayoutAccount.State.PENDING: "amber",
    PayoutAccount.State.VERIFIED: "green",
    PayoutAccount.State.REPLACED: "grey",
    PayoutAccount.State.REJECTED: "red",
}
APPROVE = "billing.approve_payout"


class BankAnswerForm(ReasonForm):
    """What the bank did; the reason field holds its reference, or why it failed."""

    is_paid = forms.ChoiceField(
        label=_("The bank"),
        choices=(("yes", _("has paid it")), ("no", _("has refused it"))),
        widget=UnfoldAdminSelectWidget,
    )


class CodeForm(ActionForm):
    code = forms.CharField(label=_("Code"), max_length=12, widget=UnfoldAdminTextInputWidget)


@admin.register(Payout)
class PayoutAdmin(ListSums, FactAdmin):
    list_sums = ((_("amount"), "amount_fen"),)
    big_table = True
    search_kinds = {"number": "exact", "provider_no": "exact", "statement__number": "exact"}
    search_help_text = _("A whole payout number, statement number or channel's number")
    list_display = ("created_at", "number", "payee", "status", "amount", "account", "error")
    list_select_related = ("payee", "account", "statement")
    list_filter = (
        choice_filter("state", _("State"), S.choices),
        date_window("created_at", _("Time")),
        ("operator", AutocompleteSelectFilter),
    )
    fields = (
        "number", "status", "payee", "amount", "statement_page", "channel", "account", "provider_no", "error",
        "first_approved_by_name", "approver", "attempts", "created_at", "sent_at", "finished_at", "history",
    )  # fmt: skip
    actions_detail = ("approve", "retry", "give_back", "bank_answer")
    export_columns = (
        ExportColumn("number", _("payout no."), "number"),
        ExportColumn("payee", _("payee"), "payee__name"),
        ExportColumn("operator", _("operator"), "operator__name"),
        ExportColumn("statement", _("statement no."), "statement__number"),
        ExportColumn("amount", _("amount (yuan)"), "amount_fen", Kind.FEN),
        ExportColumn("state", _("state"), "state", convert=choice_words(S.choices)),
        ExportColumn("channel", _("payout channel"), "channel", convert=choice_words(PayoutChannel.choices)),
        ExportColumn("channel_no", _("channel's no."), "provider_no"),
        ExportColumn("created_at", _("created at"), "created_at", Kind.MOMENT),
        ExportColumn("finished_at", _("finished at"), "finished_at", Kind.MOMENT),
    )

    def action_subject(self, obj):
        return f"{obj.payee}  {obj.account}  {fen(obj.amount_fen)}"

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES[obj.state])

    @admin.display(description=_("amount"))
    def amount(self, obj):
        return fen(obj.amount_fen)

    @admin.display(description=_("statement"))
    def statement_page(self, obj):
        return link("billing_statement", obj.statement_id, obj.statement.number)

    @admin.display(description=_("last error"))
    def error(self, obj):
        return obj.last_error or obj.refused_code or "–"

    @admin.display(description=_("history"))
    def history(self, obj):
        return table(
            (
                moment(event.at),
                payout_event_word(event.kind),
                person_word(event),
                event.data.get("reason", ""),
            )
            for event in obj.events.all()
        )

    @admin.display(description=_("approved by"))
    def approver(self, obj):
        return _("by the settlement terms") if obj.approved_by_key == "terms" else obj.approved_by_name or "–"

    @operator_action(
        title=_("Approve"),
        text=_("Above the limit two people approve; whoever bound the account cannot."),
        permission=APPROVE,
        available=lambda payout: payout.state == S.CREATED,
        icon="check_circle",
        variant=ActionVariant.PRIMARY,
    )
    def approve(self, request, obj, form):
        decided = decisions.approve_payout(
            actor=actor_of(request), payout=obj, reason=form.cleaned_data["reason"]
        )
        if decided.state == S.CREATED:
            return _("A second person has to approve it as well.")
        return _("The payout is on its way.")

    @operator_action(
        title=_("Send again"),
        text=_("Under the same number, so that it can only be paid once."),
        permission=APPROVE,
        available=lambda payout: (
            not payout.closed_there and payout.state in (S.FAILED, S.SENDING, S.WAITING, S.APPROVED)
        ),
        icon="replay",
    )
    def retry(self, request, obj, form):
        decisions.retry_payout(actor=actor_of(request), payout=obj, reason=form.cleaned_data["reason"])
        return _("The payout is sent again.")

    @operator_action(
        title=_("Give back"),
        text=_("The money returns to the payee's account; the next statement pays it."),
        permission=APPROVE,
        available=lambda payout: payout.state in (S.CREATED, S.APPROVED, S.FAILED),
        icon="undo",
        variant=ActionVariant.DANGER,
    )
    def give_back(self, request, obj, form):
        decisions.return_payout(actor=actor_of(request), payout=obj, reason=form.cleaned_data["reason"])
        return _("The money is back on the payee's account.")

    @operator_action(
        title=_("What the bank did"),
        text=_("The reason is the bank's reference, or why it refused."),
        permission=APPROVE,
        form=BankAnswerForm,
        available=lambda payout: payout.channel == PayoutChannel.BANK and payout.state == S.SENDING,
        icon="account_balance",
    )
    def bank_answer(self, request, obj, form):
        decisions.settle_bank_payout(
            actor=actor_of(request),
            payout=obj,
            is_paid=form.cleaned_data["is_paid"] == "yes",
            reference=form.cleaned_data["reason"],
        )
        return _("It is written down.")


@admin.register(PayoutAccount)
class PayoutAccountAdmin(FactAdmin):
    list_display = ("payee", "channel", "account", "real_name", "status", "bound_by_name", "bound_at")
    list_select_related = ("payee",)
    list_filter = (
        choice_filter("state", _("State"), PayoutAccount.State.choices),
        ("operator", AutocompleteSelectFilter),
    )
    fields = (
        "payee", "channel", "account", "real_name", "bank_name", "status", "bound_by_name", "bound_at",
        "verified_by_name", "verified_at",
    )  # fmt: skip
    actions_detail = ("verify",)

    @admin.display(description=_("account"))
    def account(self, obj):
        return obj.masked

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), ACCOUNT_TONES[obj.state])

    @operator_action(
        title=_("Confirm"),
        text=_(
            "With the code that was sent to the payee's phone. Whoever bound the account cannot confirm it."
        ),
        permission="billing.verify_payoutaccount",
        form=CodeForm,
        available=lambda account: account.state == PayoutAccount.State.PENDING,
        icon="verified",
        variant=ActionVariant.PRIMARY,
    )
    def verify(self, request, obj, form):
        accounts.verify_account(actor=actor_of(request), account=obj, code=form.cleaned_data["code"])
        return _("Payouts go to this account from now on.")


class BindForm(ActionForm):
    """Where a payee wants to be paid to."""

    channel = forms.ChoiceField(
        label=_("payout channel"), choices=PayoutChannel.choices, widget=UnfoldAdminSelectWidget
    )
    identity = forms.CharField(
        label=_("account"),
        max_length=64,
        help_text=PayoutAccount._meta.get_field("identity").help_text,
        widget=UnfoldAdminTextInputWidget,
    )
    real_name = forms.CharField(label=_("holder"), max_length=64, widget=UnfoldAdminTextInputWidget)
    bank_name = forms.CharField(
        label=_("bank and branch"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget
    )

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("channel", "identity", "real_name", "bank_name")}
