"""What waits for a second person, and what was decided."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from billing.admin.order import SettleForm
from billing.admin.payment import link, moment
from billing.finance_words import fee_word, terms_words
from billing.models import (
    ChargingOrder,
    FinanceTerms,
    InvoiceTerms,
    Payee,
    Proposal,
    ServiceContract,
)
from billing.services import proposals
from users.console.actions import ActionForm, ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter

State = Proposal.State
UNITS = {
    "minimum_payout_fen": _("least payout"),
    "auto_approve_fen": _("needs no review up to"),
    "amount_fen": _("amount"),
    "percent_bp": _("part of the income"),
}
TONES = {State.PROPOSED: "amber", State.APPROVED: "green", State.REJECTED: "grey"}


def payee_names(operator_id: int | None) -> dict[int, str]:
    rows = Payee.objects.unscoped("payees of an operator in scope").filter(operator_id=operator_id)
    return dict(rows.values_list("pk", "name"))


def _order(order_no: str) -> Any:
    rows = ChargingOrder.objects.unscoped("the order of a change in scope").filter(order_no=order_no)
    pk = rows.values_list("pk", flat=True).first()
    return link("billing_chargingorder", pk, order_no) if pk else order_no


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
                _order(payload["order_no"]),
                how,
                *([f"{payload['energy_kwh']} kWh"] if "energy_kwh" in payload else []),
            ]
        case Proposal.Kind.ORDER_REFUND:
            amounts = (f"{fee_word(kind)} {fen(amount)}" for kind, amount in payload["amounts"].items())
            return [_order(payload["order_no"]), *amounts]
        case Proposal.Kind.ADJUSTMENT:
            name = payee_names(proposal.operator_id).get(payload["payee"], f"#{payload['payee']}")
            return [name, fen(payload["amount_fen"])]
        case Proposal.Kind.DIFFERENCE:
            row = link("billing_difference", payload["difference"], payload["number"])
            return [row, _("The channel's account moves by %(amount)s") % {"amount": fen(payload["fen"])}]
        case Proposal.Kind.REOPEN_DAY:
            return [payload["day"]]
    model = {
        Proposal.Kind.FINANCE_TERMS: FinanceTerms,
        Proposal.Kind.INVOICE_TERMS: InvoiceTerms,
        Proposal.Kind.CONTRACT: ServiceContract,
    }.get(proposal.kind)
    values = {
        key: value for key, value in payload.items() if value is False or value not in (None, "", {}, 0)
    }
    if model is None:
        return [f"{key}: {value}" for key, value in values.items()]
    return [f"{_title(model, key)}: {_value(model, key, value)}" for key, value in values.items()]


def _title(model: type[Model], name: str) -> str:
    """A field's title without the unit that its stored value has."""
    return UNITS.get(name) or model._meta.get_field(name).verbose_name


def _value(model: type[Model], name: str, value: Any) -> Any:
    field = model._meta.get_field(name)
    if name == "lines":
        return "；".join(
            f"{fee_word(kind)} {one['rate_bp'] / 100:g} % {one['name']}" for kind, one in value.items()
        )
    if name.endswith("_fen"):
        return fen(value)
    if name.endswith("_bp"):
        return f"{value / 100:g} %"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return dict(field.flatchoices).get(value, value)


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

    def action_subject(self, obj):
        return format_html_join(
            "", '<span class="ev-line">{}</span>', ((line,) for line in content_lines(obj))
        )

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
