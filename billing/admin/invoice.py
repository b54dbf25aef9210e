"""Invoices: requests to review, what the provider made of them, reversals, and the issuers' rates."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing.admin.finance_terms import ProposedAdmin
from billing.admin.list_sums import ListSums
from billing.admin.payment import link, moment, table
from billing.finance_words import fee_word
from billing.models import Invoice, InvoiceTerms, Proposal
from billing.services.invoices import issuing, requests
from billing.services.invoices.terms import DEFAULT_LINES, line_of, warning_of
from kernel.exports import Kind
from users.console.actions import ActionForm, ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import EMPTY, chip, fen, quantity
from users.console.filters import AutocompleteSelectFilter, choice_filter, date_window
from users.exports import ExportColumn, choice_words

S = Invoice.State
TONES = {
    S.REQUESTED: "amber",
    S.APPROVED: "blue",
    S.ISSUING: "violet",
    S.ISSUED: "green",
    S.FAILED: "red",
    S.REJECTED: "grey",
    S.WITHDRAWN: "grey",
    S.REVERSED: "red",
}
REVIEW = "billing.review_invoice"


@admin.register(Invoice)
class InvoiceAdmin(ListSums, FactAdmin):
    list_sums = (
        (_("amount without tax"), "net_fen"),
        (_("tax"), "tax_fen"),
        (_("amount with tax"), "gross_fen"),
    )
    big_table = True
    search_kinds = {"number": "exact", "provider_no": "exact", "buyer_name": "startswith"}
    search_help_text = _("A whole request or invoice number, or the beginning of a title")
    list_display = (
        "requested_at",
        "number",
        "what",
        "status",
        "operator",
        "payer",
        "buyer_name",
        "gross",
        "provider_no",
        "file",
    )
    list_select_related = ("operator", "driver", "enterprise", "red_of")
    list_filter = (
        choice_filter("state", _("State"), S.choices),
        date_window("requested_at", _("Time"), "all"),
        ("operator", AutocompleteSelectFilter),
        ("enterprise", AutocompleteSelectFilter),
    )
    fields = (
        "number", "what", "status", "payer", "operator", "seller_name", "seller_tax_no", "buyer_kind", "buyer_name",
        "buyer_tax_no", "gross", "content", "order_table", "reverses", "reason", "requested_at",
        "requested_by_name", "decided_at", "decided_by_name", "decision_reason", "provider_no", "issued_at", "file",
        "attempts", "last_error",
    )  # fmt: skip
    actions_detail = ("approve", "reject", "withdraw", "ask", "reverse")
    export_columns = (
        ExportColumn("number", _("request no."), "number"),
        ExportColumn("kind", _("kind"), "kind", convert=choice_words(Invoice.Kind.choices)),
        ExportColumn("state", _("state"), "state", convert=choice_words(S.choices)),
        ExportColumn("operator", _("issuer"), "operator__name"),
        ExportColumn("enterprise", _("enterprise"), "enterprise__name"),
        ExportColumn("buyer", _("title"), "buyer_name", permission="users.view_personal_data"),
        ExportColumn("gross", _("amount with tax (yuan)"), "gross_fen", Kind.FEN),
        ExportColumn("net", _("amount without tax (yuan)"), "net_fen", Kind.FEN),
        ExportColumn("tax", _("tax (yuan)"), "tax_fen", Kind.FEN),
        ExportColumn("invoice_no", _("invoice no."), "provider_no"),
        ExportColumn("requested_at", _("requested at"), "requested_at", Kind.MOMENT),
        ExportColumn("issued_at", _("issued at"), "issued_at", Kind.MOMENT),
    )

    def action_subject(self, obj):
        return f"{obj.operator} → {obj.buyer_name}  {fen(obj.gross_fen)}"

    @admin.display(description=_("kind"))
    def what(self, obj):
        return chip(obj.get_kind_display(), "red" if obj.kind == Invoice.Kind.RED else "blue")

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES[obj.state])

    @admin.display(description=_("paid by"))
    def payer(self, obj):
        if obj.enterprise_id is not None:
            return link("users_enterprise", obj.enterprise_id, str(obj.enterprise))
        return link("users_driver", obj.driver_id, str(obj.driver))

    @admin.display(description=_("amount with tax"))
    def gross(self, obj):
        return fen(obj.gross_fen)

    @admin.display(description=_("lines"))
    def content(self, obj):
        return table(
            (
                (
                    line.name,
                    line.tax_code,
                    f"{line.rate_bp / 100:g} %",
                    quantity(line.energy_kwh, "kWh", 4),
                    fen(line.net_fen),
                    fen(line.tax_fen),
                    fen(line.gross_fen),
                )
                for line in obj.lines.all()
            ),
            head=(
                _("goods or service"), _("tax code"), _("tax rate"), _("energy"), _("amount without tax"), _("tax"),
                _("amount with tax"),
            ),
            foot=(_("Total"), "", "", "", fen(obj.net_fen), fen(obj.tax_fen), fen(obj.gross_fen)),
        )  # fmt: skip

    @admin.display(description=_("charging orders"))
    def order_table(self, obj):
        rows = obj.orders.select_related("order")
        return table(
            (
                (
                    link("billing_chargingorder", one.order_id, one.order.order_no),
                    moment(one.order.settled_at),
                    fen(one.gross_fen),
                )
                for one in rows
            ),
            head=(_("order no."), _("settled at"), _("paid")),
        )

    @admin.display(description=_("reverses"))
    def reverses(self, obj):
        return link("billing_invoice", obj.red_of_id, obj.red_of.number if obj.red_of else "")

    @admin.display(description=_("document"))
    def file(self, obj):
        if not obj.document_url.startswith(("http://", "https://")):
            return EMPTY
        return format_html('<a href="{}" rel="noopener noreferrer">{}</a>', obj.document_url, "PDF")

    @operator_action(
        title=_("Approve"),
        text=_("It goes to the provider at once. Who asked for a red invoice cannot approve it."),
        permission=REVIEW,
        form=ActionForm,
        available=lambda invoice: invoice.state == S.REQUESTED,
        icon="check_circle",
        variant=ActionVariant.PRIMARY,
    )
    def approve(self, request, obj, form):
        requests.approve_invoice(actor=actor_of(request), invoice=obj)
        return _("The invoice is on its way.")

    @operator_action(
        title=_("Reject"),
        text=_("The reason is told to who asked; the orders can be invoiced again."),
        permission=REVIEW,
        form=ReasonForm,
        available=lambda invoice: invoice.state in (S.REQUESTED, S.FAILED),
        icon="cancel",
        variant=ActionVariant.DANGER,
    )
    def reject(self, request, obj, form):
        requests.reject_invoice(actor=actor_of(request), invoice=obj, reason=form.cleaned_data["reason"])
        return _("The request is rejected.")

    @operator_action(
        title=_("Withdraw"),
        text=_("The request of an enterprise is taken back; its orders can be invoiced again."),
        permission="billing.request_invoice",
        form=ActionForm,
        available=lambda invoice: invoice.state == S.REQUESTED and invoice.enterprise_id is not None,
        icon="undo",
    )
    def withdraw(self, request, obj, form):
        requests.withdraw_invoice(actor=actor_of(request), invoice=obj)
        return _("The request is withdrawn.")

    @operator_action(
        title=_("Ask the provider"),
        text=_("Under the same number: nothing is issued twice."),
        permission=REVIEW,
        form=ActionForm,
        available=lambda invoice: invoice.state in (S.APPROVED, S.ISSUING),
        icon="sync",
    )
    def ask(self, request, obj, form):
        asked = issuing.retry_invoice(actor=actor_of(request), invoice=obj)
        return _("Now: %(state)s.") % {"state": asked.get_state_display()}

    @operator_action(
        title=_("Reverse"),
        text=_(
            "Asks for a red invoice over the whole; another person approves it. Refunds are possible afterwards."
        ),
        permission="billing.red_invoice",
        form=ReasonForm,
        available=lambda invoice: invoice.kind == Invoice.Kind.BLUE and invoice.state == S.ISSUED,
        icon="undo",
        variant=ActionVariant.DANGER,
    )
    def reverse(self, request, obj, form):
        red = requests.request_red(actor=actor_of(request), invoice=obj, reason=form.cleaned_data["reason"])
        return red, _("The red invoice waits for a second person.")


def _rates() -> list[tuple[str, str]]:
    return [(str(bp), f"{bp / 100:g} %") for bp in (1300, 900, 600, 500, 300, 150, 100, 0)]


class InvoiceTermsForm(forms.ModelForm):
    """Rates and codes of the two kinds that every order has; the others follow the defaults."""

    electricity_rate = forms.ChoiceField(
        label=_("electricity: rate"), choices=_rates, initial="1300", widget=UnfoldAdminSelectWidget
    )
    electricity_code = forms.CharField(
        label=_("electricity: tax code"),
        initial=DEFAULT_LINES["electricity"]["tax_code"],
        max_length=19,
        widget=UnfoldAdminTextInputWidget,
    )
    service_rate = forms.ChoiceField(
        label=_("service: rate"),
        choices=_rates,
        initial="1300",
        help_text=_(
            "The tax administration sees charging as one sale of electricity (13 %). Ask your tax office before you "
            "choose another rate."
        ),
        widget=UnfoldAdminSelectWidget,
    )
    service_code = forms.CharField(
        label=_("service: tax code"),
        initial=DEFAULT_LINES["service"]["tax_code"],
        max_length=19,
        widget=UnfoldAdminTextInputWidget,
    )
    reason = forms.CharField(label=_("reason"), max_length=255, widget=UnfoldAdminTextInputWidget)

    class Meta:
        model = InvoiceTerms
        fields = ("operator", "seller_name", "seller_tax_no", "auto_approve_fen")


@admin.register(InvoiceTerms)
class InvoiceTermsAdmin(ProposedAdmin):
    form = InvoiceTermsForm
    proposed_kind = Proposal.Kind.INVOICE_TERMS
    list_display = ("operator", "number", "seller_name", "seller_tax_no", "published_by", "published_at")
    shown = (
        "operator",
        "number",
        "seller_name",
        "seller_tax_no",
        "auto_approve",
        "rates",
        "published_by",
        "published_at",
    )
    readonly_fields = ("auto_approve", "rates")
    written = (
        "operator", "seller_name", "seller_tax_no", "auto_approve_fen", "electricity_rate", "electricity_code",
        "service_rate", "service_code", "reason",
    )  # fmt: skip

    def get_fields(self, request, obj=None):
        return self.shown if obj else self.written

    def payload(self, data: dict[str, Any]) -> dict[str, Any]:
        lines = {
            kind: {"rate_bp": int(data[f"{kind}_rate"]), "tax_code": data[f"{kind}_code"]}
            for kind in ("electricity", "service")
        }
        names = ("seller_name", "seller_tax_no", "auto_approve_fen")
        return {name: data[name] for name in names} | {"lines": lines}

    @admin.display(description=_("needs no review up to"))
    def auto_approve(self, obj):
        return fen(obj.auto_approve_fen)

    @admin.display(description=_("rates and tax codes"))
    def rates(self, obj):
        rows = [(kind, line_of(obj, kind)) for kind in DEFAULT_LINES]
        return format_html_join(
            "",
            '<p class="ev-line">{}</p>',
            [
                *(
                    (f"{fee_word(kind)} {row['name']} · {row['rate_bp'] / 100:g} % · {row['tax_code']}",)
                    for kind, row in rows
                ),
                (warning_of(obj.lines),),
            ],
        )
