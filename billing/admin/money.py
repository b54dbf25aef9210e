"""Money on the pages of who pays: figures of the accounts, pages of their lines, the dialog that tops up."""

import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from billing.models import Account, Entry
from users.console.actions import ReasonForm
from users.console.display import fen

ENTRIES_SHOWN = 20


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

    @property
    def amount_fen(self) -> int:
        return int(self.cleaned_data["amount"] * 100)


def yuan_field(
    label: Any, *, required: bool = False, minimum: str = "0.01", **more: Any
) -> forms.DecimalField:
    """An amount in yuan with two places."""
    return forms.DecimalField(
        label=label,
        required=required,
        min_value=Decimal(minimum),
        max_value=Decimal("10000000"),
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        **more,
    )


def to_fen(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount * 100)


def money_context(request: HttpRequest, accounts: Iterable[Account], kind: str) -> dict[str, Any]:
    """Figures and lines of the accounts of one payer; `kind` is the account that pays."""
    rows = {row.kind: row for row in accounts}
    account, arrears = rows.get(kind), rows.get(Account.Kind.ARREARS)
    before = request.GET.get("entries_before", "")
    lines = Entry.objects.unscoped("lines of a payer in scope").filter(
        account__in=[row.pk for row in rows.values()]
    )
    if before.isdigit() and len(before) < 19:
        lines = lines.filter(pk__lt=int(before))
    page = list(lines.select_related("journal__order", "account").order_by("-pk")[: ENTRIES_SHOWN + 1])
    figures = [
        (_("Balance"), fen(account.balance_fen if account else 0), ""),
        (_("Held for running orders"), fen(account.held_fen if account else 0), ""),
        (_("Available"), fen(account.available_fen if account else 0), ""),
        (_("Arrears"), fen(-arrears.balance_fen if arrears else 0), ""),
    ]
    if account is not None and account.credit_fen:
        figures.insert(3, (_("Credit"), fen(account.credit_fen), ""))
    if (bonus := rows.get(Account.Kind.BONUS)) is not None:
        figures.append((_("Bonus"), fen(bonus.balance_fen), ""))
    if (deposit := rows.get(Account.Kind.CARD_DEPOSIT)) is not None:
        figures.append((_("Deposit"), fen(deposit.balance_fen), ""))
    return {
        "figures": figures,
        "owes": bool(arrears and arrears.balance_fen),
        "entries": page[:ENTRIES_SHOWN],
        "entries_older": page[ENTRIES_SHOWN - 1].pk if len(page) > ENTRIES_SHOWN else None,
    }
