"""Settlement terms and service contracts: written here, in force when a second person has approved them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from billing.models import FinanceTerms, Proposal, ServiceContract
from billing.services import proposals
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import fen
from users.console.filters import AutocompleteSelectFilter


class _ProposedForm(forms.ModelForm):
    reason = forms.CharField(label=_("reason"), max_length=255, widget=UnfoldAdminTextInputWidget)


class TermsForm(_ProposedForm):
    class Meta:
        model = FinanceTerms
        fields = ("operator", "cycle", "minimum_payout_fen", "auto_payout", "tax_name", "taxpayer_id")


class ContractForm(_ProposedForm):
    class Meta:
        model = ServiceContract
        fields = (
            "operator", "kind", "amount_fen", "percent_bp", "starts_on", "ends_on", "remind_days", "note",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        # The unused price of a kind is empty in the row; the service checks the one that counts.
        return {**data, "amount_fen": data.get("amount_fen") or 0, "percent_bp": data.get("percent_bp") or 0}

    def _post_clean(self) -> None:
        """The service validates; the row does not exist before it is approved."""


class ProposedAdmin(ScopedModelAdmin):
    """A page whose «add» asks a second person."""

    proposed_kind = ""
    list_filter = (("operator", AutocompleteSelectFilter),)
    list_select_related = ("operator",)
    autocomplete_fields = ("operator",)

    def has_change_permission(self, request, obj=None):
        return False

    def has_add_permission(self, request):
        return request.user.has_perm("billing.propose_change")

    def get_form(self, request, obj=None, change=False, **kwargs):
        if obj is None:  # the reason is the form's own, not the model's
            kwargs["fields"] = self.form.Meta.fields
        return super().get_form(request, obj, change=change, **kwargs)

    def payload(self, data: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in data.items() if name not in ("operator", "reason")}

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        request._proposal = proposals.propose(
            actor=actor_of(request),
            kind=self.proposed_kind,
            operator=data["operator"],
            payload=self.payload(data),
            reason=data["reason"],
        )

    def response_add(self, request, obj, post_url_continue=None):
        messages.success(request, _("It is in force when a second person has approved it."))
        return HttpResponseRedirect(
            reverse(f"{self.admin_site.name}:billing_proposal_change", args=[request._proposal.pk])
        )


@admin.register(FinanceTerms)
class FinanceTermsAdmin(ProposedAdmin):
    proposed_kind = Proposal.Kind.FINANCE_TERMS
    form = TermsForm
    list_display = ("operator", "number", "cycle", "least", "auto_payout", "published_by", "published_at")
    list_display_links = ("operator", "number")

    def get_fields(self, request, obj=None):
        if obj is None:
            return (*TermsForm.Meta.fields, "reason")
        shown = ("operator", "cycle", "least", "auto_payout", "tax_name", "taxpayer_id")
        return (*shown, "number", "published_by", "published_at")

    @admin.display(description=_("least payout"))
    def least(self, obj):
        return fen(obj.minimum_payout_fen)


@admin.register(ServiceContract)
class ServiceContractAdmin(ProposedAdmin):
    proposed_kind = Proposal.Kind.CONTRACT
    form = ContractForm
    list_display = ("operator", "kind", "price", "starts_on", "ends_on", "created_by")
    list_display_links = ("operator", "kind")

    def get_fields(self, request, obj=None):
        if obj is None:
            return (*ContractForm.Meta.fields, "reason")
        shown = ("operator", "kind", "price", "starts_on", "ends_on", "remind_days", "note")
        return (*shown, "created_by", "created_at")

    def payload(self, data):
        values = super().payload(data)
        return {
            name: value.isoformat() if name in ("starts_on", "ends_on") and value else value
            for name, value in values.items()
        }

    @admin.display(description=_("price"))
    def price(self, obj):
        if obj.kind == ServiceContract.Kind.HOSTING_PERCENT:
            return f"{obj.percent_bp / 100:.2f} %"
        return fen(obj.amount_fen)
