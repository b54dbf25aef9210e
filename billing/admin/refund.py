"""Refunds: the queue of what is to be decided, and what became of each part."""

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from billing.admin.exports import REFUND_COLUMNS
from billing.admin.list_sums import ListSums
from billing.admin.payment import history, link, moment, table
from billing.models import Refund, RefundPart
from billing.services import refund_sending, refunds
from users.console.actions import ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter, date_window

State = Refund.State
TONES = {
    State.REQUESTED: "amber",
    State.APPROVED: "blue",
    State.SENT: "blue",
    State.SUCCEEDED: "green",
    State.PARTIAL: "violet",
    State.FAILED: "red",
}


@admin.register(Refund)
class RefundAdmin(ListSums, FactAdmin):
    list_sums = ((_("amount"), "amount_fen"), (_("refunded"), "refunded_fen"))
    big_table = True
    export_columns = REFUND_COLUMNS
    search_kinds = {"refund_no": "exact", "driver__phone": "exact"}
    search_help_text = _("A whole refund number or phone number")
    list_display = (
        "refund_no",
        "status",
        "driver",
        "amount",
        "reason",
        "requested_at",
        "requested_by_name",
        "decided_by_name",
    )
    list_select_related = ("driver",)
    list_filter = (
        choice_filter("state", _("State"), State.choices),
        date_window("requested_at", _("Time"), default="all"),
        ("driver", AutocompleteSelectFilter),
        ("operator", AutocompleteSelectFilter),
    )
    fields = (
        "refund_no", "status", "driver_page", "amount", "refunded", "reason", "requested_at", "requested_by_name",
        "decided_at", "decided_by_name", "decision_reason", "finished_at", "parts_table", "history",
    )  # fmt: skip
    actions_detail = ("approve", "reject", "retry")

    def action_subject(self, obj):
        return f"{obj.driver}  {fen(obj.amount_fen)}"

    def get_queryset(self, request):
        stuck = RefundPart.objects.unscoped("parts of refunds in scope").filter(
            refund=OuterRef("pk"), needs_attention=True, state=RefundPart.State.SENT
        )
        return super().get_queryset(request).annotate(stuck=Exists(stuck))

    def search_condition(self, request, term: str) -> Q:
        return Q(refund_no=term) | Q(driver__phone=term) if len(term) == 11 else Q(refund_no=term)

    @admin.display(description=_("state"))
    def status(self, obj):
        label = chip(obj.get_state_display(), TONES.get(obj.state, "grey"))
        return format_html("{} {}", label, chip(_("Needs attention"), "red")) if obj.stuck else label

    @admin.display(description=_("driver"))
    def driver_page(self, obj):
        return link("users_driver", obj.driver_id, obj.driver)

    @admin.display(description=_("amount"))
    def amount(self, obj):
        return fen(obj.amount_fen)

    @admin.display(description=_("refunded"))
    def refunded(self, obj):
        return fen(obj.refunded_fen)

    @admin.display(description=_("parts"))
    def parts_table(self, obj):
        return table(
            (
                (
                    link("billing_payment", part.payment_id, part.payment),
                    part.get_channel_display(),
                    fen(part.amount_fen),
                    part.get_state_display(),
                    moment(part.finished_at),
                    part.last_error or "–",
                )
                for part in obj.parts.select_related("payment")
            ),
            head=(
                _("recharge"),
                _("payment channel"),
                _("amount"),
                _("state"),
                _("finished at"),
                _("last error"),
            ),
        )

    @admin.display(description=_("history"))
    def history(self, obj):
        return history(obj)

    @operator_action(
        title=_("Approve"),
        text=_("The money goes back to the recharges it came from. This cannot be taken back."),
        permission="billing.approve_refund",
        available=lambda refund: refund.state == State.REQUESTED,
        icon="check",
        variant=ActionVariant.PRIMARY,
    )
    def approve(self, request, obj, form):
        refunds.approve_refund(actor=actor_of(request), refund=obj, reason=form.cleaned_data["reason"])
        return _("The refund is approved and on its way.")

    @operator_action(
        title=_("Reject"),
        text=_("The amount is back on the wallet at once; the driver reads the reason."),
        permission="billing.approve_refund",
        form=ReasonForm,
        available=lambda refund: refund.state == State.REQUESTED,
        icon="close",
        variant=ActionVariant.DANGER,
    )
    def reject(self, request, obj, form):
        refunds.reject_refund(actor=actor_of(request), refund=obj, reason=form.cleaned_data["reason"])
        return _("The refund is rejected.")

    @operator_action(
        title=_("Send again"),
        text=_("The same numbers are used, so nothing is refunded twice."),
        permission="billing.approve_refund",
        available=lambda refund: refund.state in (State.APPROVED, State.SENT),
        icon="sync",
    )
    def retry(self, request, obj, form):
        refund_sending.retry_refund(actor=actor_of(request), refund=obj, reason=form.cleaned_data["reason"])
        return _("The refund was sent again.")
