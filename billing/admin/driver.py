"""Drivers with their money: wallet, holds, arrears, ledger lines and orders."""

from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from billing.admin.money import TopUpForm, money_context
from billing.admin.order import order_chip
from billing.admin.order_page import lasted
from billing.models import Account, ChargingOrder
from billing.services import ledger, refunds
from users.admin.driver import DriverAdmin
from users.console.actions import operator_action
from users.console.admin import actor_of, replace
from users.console.display import fen
from users.models import Driver

ORDERS_SHOWN = 10


class RefundForm(TopUpForm):
    """Amount, reason and key of a refund in a driver's name."""


@replace(Driver)
class WalletDriverAdmin(DriverAdmin):
    list_display = ("display_name", "masked_phone", "wallet", "operator", "status", "created_at")
    actions_detail = ("top_up", "refund", *DriverAdmin.actions_detail)
    change_form_template = "billing/driver_change.html"

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("accounts")

    def wallet(self, obj):
        if not obj.is_home:
            return "–"
        account = next((row for row in obj.accounts.all() if row.kind == Account.Kind.WALLET), None)
        return fen(account.balance_fen if account else 0)

    wallet.short_description = _("wallet")

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        extra = dict(extra_context or {})
        driver = self.get_object(request, object_id) if object_id else None
        if driver is not None and request.user.has_perm("users.view_driver"):
            extra["driver_orders"] = self._orders(request, driver)
            extra["orders_query"] = f"driver__id__exact={driver.pk}"
            if driver.is_home:
                extra |= money_context(request, driver.accounts.all(), Account.Kind.WALLET)
        return super().changeform_view(request, object_id, form_url, extra)

    def _orders(self, request, driver):
        orders = ChargingOrder.objects.for_actor(actor_of(request)).filter(driver=driver)
        orders = orders.select_related("station", "connector").order_by("-pk")[:ORDERS_SHOWN]
        return [(row, order_chip(row), lasted(row)) for row in orders]

    @operator_action(
        title=_("Top up"),
        text=_("Money enters the wallet at once; arrears are paid first."),
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
            amount_fen=int(data["amount"] * 100),
            reason=data["reason"],
            idempotency_key=f"console:{data['key']}",
        )
        return _("%(amount)s booked.") % {"amount": fen(int(data["amount"] * 100))}

    @operator_action(
        title=_("Ask for a refund"),
        text=_("The amount leaves the wallet at once and goes back to the recharges after approval."),
        permission="billing.request_refund",
        form=RefundForm,
        icon="undo",
    )
    def refund(self, request, obj, form):
        data = form.cleaned_data
        refund = refunds.request_refund(
            actor=actor_of(request),
            driver=obj,
            amount_fen=int(data["amount"] * 100),
            reason=data["reason"],
            idempotency_key=f"console:{data['key']}",
        )
        return _("%(amount)s wait for approval.") % {"amount": fen(refund.amount_fen)}
