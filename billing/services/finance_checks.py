"""Clearing, payables and payouts counted again against the ledger; changes nothing."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import F, Q, Sum

from billing.models import Account, ClearingLine, ClearingRecord, Entry
from billing.services.checks import Problem, _total
from billing.services.clearing.clear import income_kinds, uncleared
from kernel import clock

CLEARED_WITHIN = timedelta(minutes=30)
WHY = "a check of all clearing"


def finance_problems() -> Iterator[Problem]:
    """What is not divided in time, records that differ from lines or journals, payables that differ from both."""
    late = uncleared().filter(at__lt=clock.now() - CLEARED_WITHIN)
    for row in late.values("pk", "order__order_no", "at")[:100]:
        yield Problem("not_cleared", f"order {row['order__order_no']}", {"journal": row["pk"]})
    yield from _records()
    yield from _accounts()


def _records() -> Iterator[Problem]:
    records = ClearingRecord.objects.unscoped(WHY)
    rows = records.annotate(lines_fen=_total("lines__amount_fen")).exclude(gross_fen=F("lines_fen"))
    for row in rows.values("pk", "gross_fen", "lines_fen"):
        yield Problem("clearing_differs", f"clearing {row.pop('pk')}", row)
    income = _total("journal__entries__amount_fen", Q(journal__entries__account__kind__in=income_kinds()))
    for row in (
        records.annotate(income_fen=income)
        .exclude(gross_fen=F("income_fen"))
        .values("pk", "gross_fen", "income_fen")
    ):
        yield Problem("clearing_income_differs", f"clearing {row.pop('pk')}", row)
    for row in records.filter(posting=None).exclude(gross_fen=0).values("pk", "gross_fen"):
        yield Problem("clearing_not_posted", f"clearing {row.pop('pk')}", row)


def _accounts() -> Iterator[Problem]:
    accounts = Account.objects.unscoped(WHY)
    lines = ClearingLine.objects.unscoped(WHY)
    waiting = uncleared().values("pk")
    for account in accounts.filter(kind__in=income_kinds()).exclude(balance_fen=0):
        rows = Entry.objects.unscoped(WHY).filter(account=account)
        open_fen = rows.filter(journal__in=waiting).aggregate(total=_total("amount_fen"))["total"]
        # What no order asked for (an adjustment of old books) is not divided, and stands there for good.
        orderless = rows.filter(journal__order=None).exclude(journal__kind="clearing")
        rest_fen = orderless.aggregate(total=_total("amount_fen"))["total"]
        if account.balance_fen != open_fen + rest_fen:
            data = {"balance_fen": account.balance_fen, "uncleared_fen": open_fen + rest_fen}
            yield Problem("income_differs", f"account {account.pk}", data)
    commission = accounts.filter(kind=Account.Kind.COMMISSION).aggregate(total=_total("balance_fen"))["total"]
    kept = lines.filter(role="commission").aggregate(total=_total("amount_fen"))["total"]
    if commission != kept:
        yield Problem("commission_differs", "commission", {"booked_fen": commission, "lines_fen": kept})
    yield from _payables(accounts, lines)


def _payables(accounts, lines) -> Iterator[Problem]:
    shares = dict(
        lines.filter(role="share").values_list("payee_id").annotate(total=Sum("amount_fen")).order_by()
    )
    booked = dict(accounts.filter(kind=Account.Kind.PAYABLE).values_list("payee_id", "balance_fen"))
    for payee_id in sorted(shares.keys() | booked.keys()):
        owed = shares.get(payee_id, 0)
        if owed != booked.get(payee_id, 0):
            data = {"booked_fen": booked.get(payee_id, 0), "rows_fen": owed}
            yield Problem("payable_differs", f"payee {payee_id}", data)
