"""Payees in the console: the operator, its agents in a tree, its partners, and what each is owed."""

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from billing.admin.payout import BindForm
from billing.models import Account, Payee, Proposal
from billing.services import proposals
from billing.services.clearing import payees
from billing.services.payouts import accounts
from users.console.actions import ReasonForm, operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter


class AdjustForm(ReasonForm):
    yuan = forms.DecimalField(
        label=_("amount (yuan)"),
        decimal_places=2,
        max_digits=12,
        help_text=_("Below zero takes from the payee"),
        widget=UnfoldAdminTextInputWidget,
    )


TONES = {Payee.Kind.OPERATOR: "green", Payee.Kind.AGENT: "blue", Payee.Kind.PARTNER: "violet"}


@admin.register(Payee)
class PayeeAdmin(ScopedModelAdmin):
    list_display = ("name", "code", "what", "operator", "parent", "owed", "under_way", "is_active")
    list_display_links = ("name", "code")
    list_select_related = ("operator", "parent")
    search_fields = ("code", "name")
    list_filter = (
        choice_filter("kind", _("Kind"), Payee.Kind.choices),
        ("operator", AutocompleteSelectFilter),
    )
    autocomplete_fields = ("operator", "parent")
    actions_detail = ("bind_account", "adjust")
    fields = ("operator", "kind", "code", "name", "parent", "phone", "is_active")

    def get_queryset(self, request):
        money = Account.objects.unscoped("accounts of payees in scope").filter(payee=OuterRef("pk"))

        def balance(kind):
            return Subquery(money.filter(kind=kind).values("balance_fen")[:1])

        return (
            super()
            .get_queryset(request)
            .annotate(owed_fen=balance("payable"), under_way_fen=balance("payouts_in_transit"))
        )

    def get_readonly_fields(self, request, obj=None):
        return ("operator", "kind", "code", "parent") if obj else ()

    def get_fields(self, request, obj=None):
        return self.fields if obj else self.fields[:-1]

    def formfield_for_choice_field(self, db_field, request, **kwargs):
        if db_field.name == "kind":  # the operator's own is opened by itself
            kwargs["choices"] = [one for one in Payee.Kind.choices if one[0] != Payee.Kind.OPERATOR]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    @operator_action(
        title=_("Bind a payout account"),
        text=_("A code goes to the payee's phone; a second person confirms the account with it."),
        permission="billing.bind_payoutaccount",
        form=BindForm,
        available=lambda payee: payee.is_active,
        icon="add_card",
    )
    def bind_account(self, request, obj, form):
        account = accounts.bind_account(actor=actor_of(request), payee=obj, **form.values())
        return account, _("The account waits for confirmation.")

    @operator_action(
        title=_("Adjust"),
        text=_("Adds to what the payee is owed, or takes from it, when a second person has approved it."),
        permission="billing.propose_change",
        form=AdjustForm,
        icon="balance",
    )
    def adjust(self, request, obj, form):
        proposal = proposals.propose(
            actor=actor_of(request),
            kind=Proposal.Kind.ADJUSTMENT,
            operator=obj.operator,
            payload={"payee": obj.pk, "amount_fen": int(form.cleaned_data["yuan"] * 100)},
            reason=form.cleaned_data["reason"],
        )
        return proposal, _("The adjustment waits for a second person.")

    @admin.display(description=_("kind"))
    def what(self, obj):
        return chip(obj.get_kind_display(), TONES[obj.kind])

    @admin.display(description=_("owed"))
    def owed(self, obj):
        return fen(obj.owed_fen or 0)

    @admin.display(description=_("payouts under way"))
    def under_way(self, obj):
        return fen(obj.under_way_fen) if obj.under_way_fen else "–"

    def save_through_service(self, request, obj, form, change):
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            payees.update_payee(actor=actor_of(request), payee=obj, changes=changes)
        else:
            self.adopt(obj, payees.create_payee(actor=actor_of(request), **form.cleaned_data))
