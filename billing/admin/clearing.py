"""Clearing in the console: rules in versions, asked for here and approved by a second person; and every division."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from billing.admin.payment import link, table
from billing.admin.proposal import payee_names
from billing.finance_words import fee_word, terms_words
from billing.models import (
    Booking,
    ChargingOrder,
    ClearingLine,
    ClearingRecord,
    ClearingRule,
    Payee,
    Proposal,
)
from billing.services import proposals
from kernel import clock
from users.console.admin import FactAdmin, ScopedModelAdmin, actor_of
from users.console.display import chip, fen, quantity
from users.console.filters import AutocompleteSelectFilter, choice_filter, date_window

EDITED = ("electricity", "service", "any")
HOW_COMMISSION = _("A percentage such as 5, or yuan per kWh such as 0.05/kWh; empty: none")
HOW_SHARES = _(
    "One payee a line: its code and its percentage, such as “north 20”. Empty: all is the operator's"
)


class RuleForm(forms.ModelForm):
    """A rule as finance writes it; `terms()` is what the service takes."""

    channel_fee = forms.DecimalField(
        label=_("channel fee carried by the parties (%)"),
        min_value=0,
        max_value=100,
        decimal_places=2,
        initial=0,
        widget=UnfoldAdminTextInputWidget,
    )
    reason = forms.CharField(label=_("reason"), max_length=255, widget=UnfoldAdminTextInputWidget)

    class Meta:
        model = ClearingRule
        fields = ("operator", "station", "effective_at")
        field_classes = {"effective_at": forms.SplitDateTimeField}
        widgets = {"effective_at": UnfoldAdminSplitDateTimeWidget}

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        operator = data.get("operator")
        if operator is None:
            return data
        station = data.get("station")
        if station is not None and station.operator_id != operator.pk:
            self.add_error("station", _("The station belongs to another operator."))
        payees = {
            payee.code: payee
            for payee in Payee.objects.unscoped("payees of the chosen operator").filter(operator=operator)
        }
        terms = {"channel_fee_bp": int((data.get("channel_fee") or 0) * 100), "commission": {}, "shares": {}}
        for kind in EDITED:
            if text := (data.get(f"commission_{kind}") or "").strip():
                terms["commission"][kind] = self._commission(f"commission_{kind}", text)
            if text := (data.get(f"shares_{kind}") or "").strip():
                terms["shares"][kind] = self._shares(f"shares_{kind}", text, payees)
        data["terms"] = terms
        return data

    def _commission(self, field: str, text: str) -> dict[str, Any]:
        number, _slash, unit = text.partition("/")
        try:
            value = Decimal(number.strip().rstrip("%"))
            if unit:
                return {"yuan_per_kwh": str(value)}
            return {"bp": _bp(value)}
        except (InvalidOperation, ValueError):
            self.add_error(field, HOW_COMMISSION)
            return {"bp": 0}

    def _shares(self, field: str, text: str, payees: dict[str, Payee]) -> list[dict[str, Any]]:
        rows = []
        for line in text.splitlines():
            code, _space, number = line.strip().rpartition(" ")
            payee = payees.get(code.strip())
            if not line.strip():
                continue
            if payee is None:
                self.add_error(
                    field,
                    _now("There is no payee %(code)s; there are: %(codes)s.")
                    % {"code": code or line, "codes": ", ".join(payees)},
                )
                return []
            try:
                rows.append(
                    {"payee": payee.pk, "bp": _bp(Decimal(number.rstrip("%"))), "parent": payee.parent_id}
                )
            except (InvalidOperation, ValueError):
                self.add_error(field, HOW_SHARES)
                return []
        return rows


def _bp(percent: Decimal) -> int:
    value = percent * 100
    if value != int(value):
        raise ValueError
    return int(value)


for _kind in EDITED:
    RuleForm.declared_fields[f"commission_{_kind}"] = forms.CharField(
        label=_("Commission"), required=False, help_text=HOW_COMMISSION, widget=UnfoldAdminTextInputWidget
    )
    RuleForm.declared_fields[f"shares_{_kind}"] = forms.CharField(
        label=_("Shares"),
        required=False,
        help_text=HOW_SHARES,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


@admin.register(ClearingRule)
class ClearingRuleAdmin(ScopedModelAdmin):
    form = RuleForm
    list_display = ("operator", "number", "where", "effective_at", "status", "content", "published_by")
    list_display_links = ("operator", "number")
    list_select_related = ("operator", "station")
    list_filter = (("operator", AutocompleteSelectFilter),)
    autocomplete_fields = ("operator", "station")

    def get_fieldsets(self, request, obj=None):
        if obj is not None:
            fields = (
                "operator",
                "number",
                "where",
                "effective_at",
                "status",
                "content",
                "published_by",
                "published_at",
            )
            return ((None, {"fields": fields}),)
        first = ((None, {"fields": ("operator", "station", "effective_at", "channel_fee", "reason")}),)
        kinds = ((fee_word(kind), {"fields": (f"commission_{kind}", f"shares_{kind}")}) for kind in EDITED)
        return (*first, *kinds)

    def get_form(self, request, obj=None, change=False, **kwargs):
        if obj is None:  # fields that only the form knows are not the model's to find
            kwargs["fields"] = ("operator", "station", "effective_at")
        return super().get_form(request, obj, change=change, **kwargs)

    def has_change_permission(self, request, obj=None):
        return obj is None and super().has_change_permission(request)

    @admin.display(description=_("station"))
    def where(self, obj):
        return obj.station or _("All stations without a rule of their own")

    @admin.display(description=_("state"))
    def status(self, obj):
        if obj.effective_at > clock.now():
            return chip(_("Planned"), "blue")
        newer = ClearingRule.objects.unscoped("versions of a rule in scope").filter(
            operator_id=obj.operator_id,
            station_id=obj.station_id,
            effective_at__gt=obj.effective_at,
            effective_at__lte=clock.now(),
        )
        return chip(_("Replaced"), "grey") if newer.exists() else chip(_("In force"), "green")

    @admin.display(description=_("what it says"))
    def content(self, obj):
        lines = terms_words(obj.terms, payee_names(obj.operator_id))
        return format_html_join("", '<p class="ev-line">{}</p>', ((line,) for line in lines))

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        request._proposal = proposals.propose(
            actor=actor_of(request),
            kind=Proposal.Kind.CLEARING_RULE,
            operator=data["operator"],
            payload={
                "terms": data["terms"],
                "effective_at": data["effective_at"].isoformat(),
                "station": data["station"].pk if data["station"] else None,
            },
            reason=data["reason"],
        )

    def response_add(self, request, obj, post_url_continue=None):
        messages.success(request, _("The rule waits for a second person."))
        return HttpResponseRedirect(reverse("admin:billing_proposal_change", args=[request._proposal.pk]))


@admin.register(ClearingRecord)
class ClearingRecordAdmin(FactAdmin):
    big_table = True
    search_kinds = {"order__order_no": "exact", "booking__booking_no": "exact"}
    search_help_text = _("A whole order or booking number")
    list_display = ("source", "day", "what", "operator", "station", "energy", "gross", "kept", "shared")
    list_select_related = ("order", "booking", "month_sale__card", "operator", "station")
    list_filter = (
        date_window("cleared_at", _("Time")),
        choice_filter("kind", _("Kind"), ClearingRecord.Kind.choices),
        ("operator", AutocompleteSelectFilter),
        ("station", AutocompleteSelectFilter),
    )
    fields = (
        "source_page",
        "what",
        "day",
        "operator",
        "station",
        "rule",
        "energy",
        "gross",
        "parts",
        "cleared_at",
    )

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("lines")

    def search_condition(self, request, term):
        # By id: a condition on either of two joined tables would read every record.
        orders = ChargingOrder.objects.unscoped("the records found are scoped").filter(order_no=term)
        bookings = Booking.objects.unscoped("the records found are scoped").filter(booking_no=term)
        return Q(order__in=list(orders.values_list("pk", flat=True))) | Q(
            booking__in=list(bookings.values_list("pk", flat=True))
        )

    def _sum(self, obj, *roles):
        return sum(line.amount_fen for line in obj.lines.all() if line.role in roles)

    @admin.display(description=_("kind"))
    def what(self, obj):
        tone = "green" if obj.kind == ClearingRecord.Kind.SETTLEMENT else "amber"
        return chip(obj.get_kind_display(), tone)

    @admin.display(description=_("of"))
    def source(self, obj):
        return f"{obj.source._meta.verbose_name} {obj.source}"

    @admin.display(description=_("of"))
    def source_page(self, obj):
        opts = obj.source._meta
        return link(f"{opts.app_label}_{opts.model_name}", obj.source.pk, self.source(obj))

    @admin.display(description=_("energy"))
    def energy(self, obj):
        return quantity(obj.energy_kwh, "kWh") if obj.energy_kwh else "–"

    @admin.display(description=_("income"))
    def gross(self, obj):
        return fen(obj.gross_fen)

    @admin.display(description=_("platform"))
    def kept(self, obj):
        return fen(self._sum(obj, ClearingLine.Role.COMMISSION, ClearingLine.Role.CHANNEL_FEE))

    @admin.display(description=_("shares"))
    def shared(self, obj):
        return fen(self._sum(obj, ClearingLine.Role.SHARE))

    @admin.display(description=_("division"))
    def parts(self, obj):
        lines = list(obj.lines.select_related("payee"))
        return table(
            (
                (fee_word(line.fee_kind), line.payee or line.get_role_display(), fen(line.amount_fen))
                for line in lines
            ),
            head=(_("kind of fee"), _("who gets it"), _("amount")),
            foot=(_("Total"), "", fen(sum(line.amount_fen for line in lines))),
        )
