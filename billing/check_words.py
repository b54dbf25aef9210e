"""What a nightly check found, in a sentence; the code stays beside it for whoever looks into it."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop

SENTENCES: dict[str, str] = {
    "balance_differs": gettext_noop("An account's balance is not the sum of its entries."),
    "held_differs": gettext_noop("What is held on an account is not the sum of its holds."),
    "journal_empty": gettext_noop("A posting has no entries."),
    "journal_unbalanced": gettext_noop("A posting does not add up to zero."),
    "ledger_not_zero": gettext_noop("All entries together do not add up to zero."),
    "income_differs": gettext_noop("An operator's income account is not what waits to be divided."),
    "bill_differs": gettext_noop("An order's bill is not what its evidence says."),
    "cannot_recompute": gettext_noop("An order's bill cannot be computed again."),
    "fee_differs": gettext_noop("A fee after the charge is not what its times say."),
    "coupon_differs": gettext_noop("A coupon is not used as its order says."),
    "not_booked": gettext_noop("An order is not booked with its amount."),
    "overdue": gettext_noop("An order is not at its end although its time is over."),
    "hold_on_finished_order": gettext_noop("Money is still held for an order that has ended."),
    "open_without_hold": gettext_noop("An order runs without money held for it."),
    "no_power": gettext_noop("An order charged next to nothing over a long time."),
    "short_sessions": gettext_noop("A driver has many very short charges."),
    "channel_differs": gettext_noop(
        "A channel's account is not what payments, refunds and payouts add up to."
    ),
    "transit_differs": gettext_noop("A driver's refunds under way are not what their parts add up to."),
    "refunded_differs": gettext_noop("What was given back of a recharge is not what its refunds say."),
    "bonus_differs": gettext_noop("Bonuses given, spent and taken back do not add up."),
    "paid_not_started": gettext_noop("A payment for one charge neither started it nor went back."),
    "score_debit_open": gettext_noop("A pay-score order has ended while its debit is still open."),
    "score_stuck": gettext_noop("A pay-score order does not move on."),
    "clearing_differs": gettext_noop("A division does not add up to the income it divides."),
    "clearing_income_differs": gettext_noop("A division is not over the income that was booked."),
    "clearing_not_posted": gettext_noop("A division is not booked."),
    "not_cleared": gettext_noop("Income has not been divided."),
    "commission_differs": gettext_noop("The commission account is not what the divisions add up to."),
    "statement_differs": gettext_noop("A statement is not the sum of its rows."),
    "payable_differs": gettext_noop(
        "What is owed to a payee is not what shares, fees and payouts add up to."
    ),
    "payouts_in_transit_differs": gettext_noop("A payee's payouts under way do not add up."),
    "platform_fees_differs": gettext_noop("The platform's fees are not what the contracts booked."),
    "bank_differs": gettext_noop("The bank account is not what bank payouts add up to."),
    "channel_fees_differs": gettext_noop("Channel fees booked and carried do not add up."),
    "differences_differs": gettext_noop("Booked differences do not add up."),
    "closed_day_differs": gettext_noop("A closed day is not what it was closed with."),
    "invoice_lines_differ": gettext_noop("An invoice's lines do not add up to it."),
    "invoice_orders_differ": gettext_noop("An invoice's orders do not add up to it."),
    "invoice_red_differs": gettext_noop("A red invoice is not the reversal of its invoice."),
    "invoice_above_paid": gettext_noop("An invoice is over more than was paid."),
    "invoice_foreign_order": gettext_noop("An invoice is over an order that somebody else paid."),
    "invoice_holds_order": gettext_noop("An order is held by an invoice that is no more."),
}


def sentence(code: str) -> str:
    """What a code says, in the active language; the code itself where there is no sentence."""
    return gettext(SENTENCES[code]) if code in SENTENCES else code


def figure_lines(data: Mapping[str, Any], indent: str = "") -> list[str]:
    """The figures of a finding, amounts as yuan."""
    lines = []
    for name, value in data.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{name}:", *figure_lines(value, indent + "  ")]
        elif name.endswith("_fen") and isinstance(value, int):
            lines.append(f"{indent}{name.removesuffix('_fen')}: ¥{value / 100:,.2f}")
        else:
            lines.append(f"{indent}{name}: {value}")
    return lines
