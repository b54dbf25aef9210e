"""What waits for a second person, and what was decided."""

from typing import Any

from django.contrib import admin
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from billing.admin.order import SettleForm
from billing.admin.payment import moment
from billing.finance_words import fee_word, terms_words, yuan
from billing.models import Payee, Proposal
from billing.services import proposals
from users.console.actions import ActionForm, ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip
from users.console.filters import AutocompleteSelectFilter, choice_filter

State = Proposal.State
TONES = {State.PROPOSED: "amber", State.APPROVED: "green", State.REJECTED: "grey"}


def payee_names(operator_id: int | None) -> dict[int, str]:
    rows = Payee.objects.unscoped("payees of an operator in scope").filter(operator_id=operator_id)
    return dict(rows.values_list("pk", "name"))


def content_lines(proposal: Proposal) -> list[Any]:
    """What would change, as lines a person reads."""
    payload = proposal.payload
    match proposal.kind:
        case Proposal.Kind.CLEARING_RULE:
            at = _("In force from %(moment)s") % {"moment": moment(parse_datetime(payload["effective_at"]))}
            return [at, *terms_words(payload["terms"], payee_names(proposal.operator_id))]
        case Proposal.Kind.ORDER_SETTLEMENT:
            how = dict(SettleForm.base_fields["how"].choices).get(payload["how"], payload["how"])
            return [
                payload["order_no"],
                how,
                *([f"{payload['energy_kwh']} kWh"] if "energy_kwh" in payload else []),
            ]
        case Proposal.Kind.ORDER_REFUND:
            amounts = (f"{fee_word(kind)} {yuan(fen)}" for kind, fen in payload["amounts"].items())
            return [payload["order_no"], *amounts]
    return [f"{key}: {value}" for key, value in payload.items() if value not in (None, "")]


@admin.register(Proposal)
class ProposalAdmin(FactAdmin):
    list_display = (
        "requested_at",
        "kind",
        "status",
        "operator",
        "requested_by_name",
        "reason",
        "decided_by_name",
        "result",
    )
    list_display_links = ("requested_at", "kind")
    list_select_related = ("operator",)
    list_filter = (
        choice_filter("state", _("State"), State.choices, default=State.PROPOSED),
        choice_filter("kind", _("Kind"), Proposal.Kind.choices),
        ("operator", AutocompleteSelectFilter),
    )
    fields = (
        "kind", "status", "operator", "content", "reason", "requested_at", "requested_by_name", "decided_at",
        "decided_by_name", "decision_reason", "result",
    )  # fmt: skip
    actions_detail = ("approve", "reject")

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES[obj.state])

    @admin.display(description=_("what it says"))
    def content(self, obj):
        return format_html_join("", '<p class="ev-line">{}</p>', ((line,) for line in content_lines(obj)))

    @operator_action(
        title=_("Approve"),
        text=_("It takes effect at once. Who asked for it cannot approve it."),
        permission="billing.approve_change",
        form=ActionForm,
        available=lambda proposal: proposal.state == State.PROPOSED,
        icon="check",
        variant=ActionVariant.PRIMARY,
    )
    def approve(self, request, obj, form):
        proposals.approve(actor=actor_of(request), proposal=obj)
        return _("The change is made.")

    @operator_action(
        title=_("Reject"),
        text=_("Nothing changes; the reason is kept."),
        permission="billing.approve_change",
        form=ReasonForm,
        available=lambda proposal: proposal.state == State.PROPOSED,
        icon="close",
        variant=ActionVariant.DANGER,
    )
    def reject(self, request, obj, form):
        proposals.reject(actor=actor_of(request), proposal=obj, reason=form.cleaned_data["reason"])
        return _("The change is rejected.")
