"""Drivers with their money: wallet, holds, arrears, ledger lines and orders."""

import uuid
from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from billing.admin.order import order_chip
from billing.admin.order_page import lasted
from billing.models import Account, ChargingOrder, Entry
from billing.services import ledger, refunds
from users.admin.driver import DriverAdmin
from users.console.actions import ReasonForm, operator_action
from users.console.admin import actor_of, replace
from users.console.display import fen
from users.models import Driver

ENTRIES_SHOWN = 20
ORDERS_SHOWN = 10


class TopUpForm(ReasonForm):
    amount = forms.DecimalField(
        label=_("Amount (yuan)"),
        min_value=Decimal("0.01"),
        max_value=Decimal("100000"),
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
    )
    # Made when the dialog opens, so that a second click on the same dialog books nothing twice.
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


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
        account = next((row for row in obj.accounts.all() if row.kind == Account.Kind.WALLET), None)
        return fen(account.balance_fen if account else 0)

    wallet.short_description = _("wallet")

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        extra = dict(extra_context or {})
        driver = self.get_object(request, object_id) if object_id else None
        if driver is not None and request.user.has_perm("users.view_driver"):
            extra |= self._money(request, driver)
        return super().changeform_view(request, object_id, form_url, extra)

    def _money(self, request, driver):
        accounts = {row.kind: row for row in driver.accounts.all()}
        wallet, arrears = accounts.get(Account.Kind.WALLET), accounts.get(Account.Kind.ARREARS)
        before = request.GET.get("entries_before", "")
        lines = Entry.objects.unscoped("lines of a driver in scope").filter(
            account__in=[row.pk for row in accounts.values()]
        )
        if before.isdigit():
            lines = lines.filter(pk__lt=int(before))
        page = list(lines.select_related("journal__order", "account").order_by("-pk")[: ENTRIES_SHOWN + 1])
        orders = ChargingOrder.objects.for_actor(actor_of(request)).filter(driver=driver)
        orders = orders.select_related("station", "connector").order_by("-pk")[:ORDERS_SHOWN]
        return {
            "figures": [
                (_("Balance"), fen(wallet.balance_fen if wallet else 0), ""),
                (_("Held for running orders"), fen(wallet.held_fen if wallet else 0), ""),
                (_("Available"), fen(wallet.available_fen if wallet else 0), ""),
                (_("Arrears"), fen(-arrears.balance_fen if arrears else 0), ""),
            ],
            "owes": bool(arrears and arrears.balance_fen),
            "entries": page[:ENTRIES_SHOWN],
            "entries_older": page[ENTRIES_SHOWN - 1].pk if len(page) > ENTRIES_SHOWN else None,
            "driver_orders": [(row, order_chip(row), lasted(row)) for row in orders],
        }

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
