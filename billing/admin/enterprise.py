"""Enterprises with their money: the account, where it pays, what it paid for in a month."""

from decimal import Decimal

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from billing.admin.card import last_orders
from billing.admin.money import TopUpForm, money_context, to_fen, yuan_field
from billing.models import Account, EnterpriseStation
from billing.services import ledger
from billing.services.enterprise_accounts import ZONE, set_stations, statement_of
from billing.services.invoices import requests
from kernel import clock
from kernel.errors import DomainError
from kernel.sheets import XLSX, write_sheet
from stations.models import Station
from users.admin.enterprise import EnterpriseAdmin
from users.console.actions import ActionForm, ReasonForm, operator_action
from users.console.admin import actor_of, replace
from users.console.display import fen
from users.models import Enterprise


class CreditForm(ReasonForm):
    credit = yuan_field(
        _("Credit (yuan)"), required=True, minimum="0", help_text=_("How far the account may fall below zero")
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["credit"].initial = Decimal(self.obj.credit_fen).scaleb(-2)


class StationsForm(ReasonForm):
    stations = forms.ModelMultipleChoiceField(
        label=_("pays at"),
        queryset=Station.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Without any station the account pays nowhere"),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        stations = Station.objects.for_actor(actor_of(self.request)).filter(operator_id=self.obj.operator_id)
        self.fields["stations"].queryset = stations.order_by("code")
        bound = EnterpriseStation.objects.filter(enterprise=self.obj)
        self.fields["stations"].initial = list(bound.values_list("station_id", flat=True))


class InvoiceForm(ActionForm):
    """Whom it is made out to, as the last one was, and over which month."""

    month = forms.CharField(
        label=_("Month"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "month"}),
        help_text=_("The month in which the orders were settled. Empty: all that no invoice has yet"),
    )
    buyer_name = forms.CharField(label=_("title"), max_length=100, widget=UnfoldAdminTextInputWidget)
    buyer_tax_no = forms.CharField(label=_("taxpayer no."), max_length=20, widget=UnfoldAdminTextInputWidget)
    email = forms.EmailField(label=_("email"), required=False, widget=UnfoldAdminEmailInputWidget)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        last = requests.last_buyer(self.obj)
        self.initial |= {"buyer_name": last.name, "buyer_tax_no": last.tax_no, "email": last.email}


@replace(Enterprise)
class MoneyEnterpriseAdmin(EnterpriseAdmin):
    list_display = ("code", "name", "operator", "balance", "credit", "contact", "contact_phone", "enabled")
    actions_detail = ("top_up", "set_credit", "set_stations", "invoice")
    change_form_template = "billing/enterprise_change.html"

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("accounts")

    def get_urls(self):
        view = self.admin_site.admin_view(self.statement_view)
        return [
            path("<path:object_id>/statement/", view, name="users_enterprise_statement"),
            *super().get_urls(),
        ]

    def balance(self, obj):
        rows = (row for row in obj.accounts.all() if row.kind == Account.Kind.ENTERPRISE)
        return fen(next((row.balance_fen for row in rows), 0))

    balance.short_description = _("balance")

    def credit(self, obj):
        return fen(obj.credit_fen)

    credit.short_description = _("credit")

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        extra = dict(extra_context or {})
        enterprise = self.get_object(request, object_id) if object_id else None
        if enterprise is not None:
            extra |= money_context(request, enterprise.accounts.all(), Account.Kind.ENTERPRISE)
            extra["driver_orders"] = last_orders(request, enterprise=enterprise)
            extra["orders_query"] = f"enterprise__id__exact={enterprise.pk}"
            extra["paying_stations"] = Station.objects.unscoped("names of where an enterprise pays").filter(
                enterprise_rows__enterprise=enterprise
            )
        return super().changeform_view(request, object_id, form_url, extra)

    def statement_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page of one month, `month` as yyyy-mm (this month when absent); with `sheet` the file of it."""
        enterprise = self.get_object(request, object_id)
        if enterprise is None:
            raise Http404
        if not request.user.has_perm("billing.view_chargingorder"):
            raise PermissionDenied
        month = request.GET.get("month") or f"{clock.now().astimezone(ZONE):%Y-%m}"
        refusal, found = "", None
        try:
            found = statement_of(actor=actor_of(request), enterprise=enterprise, month=month)
        except DomainError as error:
            refusal = error.message
        if found is not None and "sheet" in request.GET:
            answer = HttpResponse(_sheet(found), content_type=XLSX)
            answer["Content-Disposition"] = f'attachment; filename="statement-{enterprise.code}-{month}.xlsx"'
            return answer
        context = {
            **self.admin_site.each_context(request),
            "title": _("Statement of %(name)s") % {"name": enterprise},
            "opts": self.opts,
            "enterprise": enterprise,
            "month": month,
            "statement": found,
            "refusal": refusal,
            "is_fullwidth": "1",
        }
        request.current_app = self.admin_site.name
        status = 400 if refusal else 200
        return TemplateResponse(request, "billing/enterprise_statement.html", context, status=status)

    @operator_action(
        title=_("Top up"),
        text=_("Money enters the account at once; arrears are paid first."),
        permission="billing.top_up",
        form=TopUpForm,
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
        title=_("Set credit"),
        text=_("How far the account may fall below zero; not below what is used already."),
        permission="billing.set_credit",
        form=CreditForm,
        icon="credit_score",
    )
    def set_credit(self, request, obj, form):
        data = form.cleaned_data
        ledger.set_credit(
            actor=actor_of(request), enterprise=obj, credit_fen=to_fen(data["credit"]), reason=data["reason"]
        )
        return _("The credit is set.")

    @operator_action(
        title=_("Bind stations"),
        text=_("The account pays at these stations only."),
        permission="users.change_enterprise",
        form=StationsForm,
        icon="location_on",
    )
    def set_stations(self, request, obj, form):
        data = form.cleaned_data
        set_stations(
            actor=actor_of(request), enterprise=obj, stations=data["stations"], reason=data["reason"]
        )
        return _("The stations are bound.")

    @operator_action(
        title=_("Ask for an invoice"),
        text=_(
            "Over what the account paid for charging; top-ups are not invoiced. It is reviewed by another person."
        ),
        permission="billing.request_invoice",
        form=InvoiceForm,
        icon="receipt_long",
    )
    def invoice(self, request, obj, form):
        actor, data = actor_of(request), form.cleaned_data
        numbers = requests.orders_of_month(actor=actor, enterprise=obj, month=data["month"])
        if not numbers:
            raise DomainError("invoice_nothing_left", field="month")
        buyer = requests.Buyer("organization", data["buyer_name"], data["buyer_tax_no"], data["email"])
        made = requests.request_enterprise_invoices(
            actor=actor, enterprise=obj, order_nos=numbers, buyer=buyer
        )
        total = fen(sum(one.gross_fen for one in made))
        return made[0], _("An invoice over %(amount)s is asked for.") % {"amount": total}


def _sheet(statement) -> bytes:
    titles = [
        gettext("Order no."), gettext("settled at"), gettext("Charged by"), gettext("Station"), gettext("energy (kWh)"),
        gettext("electricity (yuan)"), gettext("service (yuan)"), gettext("total (yuan)"), gettext("paid (yuan)"),
    ]  # fmt: skip
    rows = [
        [
            order.order_no,
            f"{order.settled_at.astimezone(ZONE):%Y-%m-%d %H:%M:%S}",
            order.user_name,
            order.station.name,
            str(order.energy_kwh),
            *(
                f"{amount / 100:.2f}"
                for amount in (
                    order.electricity_fen,
                    order.service_fen,
                    order.total_fen,
                    order.payable_fen,
                )
            ),
        ]
        for order in statement.orders
    ]
    return write_sheet(titles, rows)
