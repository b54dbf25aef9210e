"""Clearing, payables and payouts counted again against the ledger; changes nothing."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import F, Q, Sum

from billing.models import (
    Account,
    ClearingLine,
    ClearingRecord,
    DayClose,
    Difference,
    Entry,
    Payout,
    SettlementItem,
    Statement,
)
from billing.services.checks import Problem, sum_of
from billing.services.clearing.clear import income_kinds, uncleared
from billing.services.clearing.sources import in_the_name_of_a_source
from billing.services.reconciliation.day_close import delta_fen, figures_of
from kernel import clock

CLEARED_WITHIN = timedelta(minutes=30)
WHY = "a check of all clearing"


def finance_problems() -> Iterator[Problem]:
    """What is not divided in time, records that differ from lines or journals, payables that differ from both."""
    late = uncleared().filter(at__lt=clock.now() - CLEARED_WITHIN)
    for row in late.values("pk", "order__order_no", "idempotency_key", "at")[:100]:
        number = row["order__order_no"]
        subject = f"order {number}" if number else row["idempotency_key"]
        yield Problem("not_cleared", subject, {"journal": row["pk"]})
    yield from _records()
    yield from _accounts()
    yield from _statements()
    yield from _closed_days()


def _records() -> Iterator[Problem]:
    records = ClearingRecord.objects.unscoped(WHY)
    rows = records.annotate(lines_fen=sum_of("lines__amount_fen")).exclude(gross_fen=F("lines_fen"))
    for row in rows.values("pk", "gross_fen", "lines_fen"):
        yield Problem("clearing_differs", f"clearing {row.pop('pk')}", row)
    income = sum_of("journal__entries__amount_fen", Q(journal__entries__account__kind__in=income_kinds()))
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
        open_fen = rows.filter(journal__in=waiting).aggregate(total=sum_of("amount_fen"))["total"]
        # What is in the name of no source (an adjustment of old books) is not divided, and stands there for good.
        nobodys = rows.exclude(in_the_name_of_a_source("journal__")).exclude(journal__kind="clearing")
        rest_fen = nobodys.aggregate(total=sum_of("amount_fen"))["total"]
        if account.balance_fen != open_fen + rest_fen:
            data = {"balance_fen": account.balance_fen, "uncleared_fen": open_fen + rest_fen}
            yield Problem("income_differs", f"account {account.pk}", data)
    commission = accounts.filter(kind=Account.Kind.COMMISSION).aggregate(total=sum_of("balance_fen"))["total"]
    kept = lines.filter(role="commission").aggregate(total=sum_of("amount_fen"))["total"]
    if commission != kept:
        yield Problem("commission_differs", "commission", {"booked_fen": commission, "lines_fen": kept})
    yield from _payables(accounts, lines)


def _payables(accounts, lines) -> Iterator[Problem]:
    """What is owed to each payee = shares + items - payouts; what is under way = payouts not ended."""
    items, payouts = SettlementItem.objects.unscoped(WHY), Payout.objects.unscoped(WHY)
    owed = Counter(_by_payee(lines.filter(role="share")))
    owed.update(_by_payee(items))
    owed.subtract(_by_payee(payouts))
    ended = (Payout.State.PAID, Payout.State.RETURNED)
    under_way = _by_payee(payouts.exclude(state__in=ended))
    for kind, rows in ((Account.Kind.PAYABLE, owed), (Account.Kind.PAYOUTS_IN_TRANSIT, under_way)):
        booked = dict(accounts.filter(kind=kind).values_list("payee_id", "balance_fen"))
        for payee_id in sorted(rows.keys() | booked.keys()):
            if rows.get(payee_id, 0) != booked.get(payee_id, 0):
                data = {"booked_fen": booked.get(payee_id, 0), "rows_fen": rows.get(payee_id, 0)}
                yield Problem(f"{kind}_differs", f"payee {payee_id}", data)
    own = items.exclude(kind=SettlementItem.Kind.PAYOUT_RETURNED).aggregate(total=sum_of("amount_fen"))[
        "total"
    ]
    bank = payouts.filter(channel="bank", state=Payout.State.PAID).aggregate(total=sum_of("amount_fen"))[
        "total"
    ]
    for kind, rows_fen in ((Account.Kind.PLATFORM_FEES, -own), (Account.Kind.BANK, bank)):
        booked_fen = accounts.filter(kind=kind).aggregate(total=sum_of("balance_fen"))["total"]
        if booked_fen != rows_fen:
            yield Problem(f"{kind}_differs", kind, {"booked_fen": booked_fen, "rows_fen": rows_fen})


def _by_payee(rows) -> dict[int, int]:
    return dict(rows.values_list("payee_id").annotate(total=Sum("amount_fen")).order_by())


def _statements() -> Iterator[Problem]:
    """Statements are what their rows are, follow each other without a gap in what is carried, and are paid once."""
    rows = Statement.objects.unscoped(WHY).order_by("payee_id", "day_to")
    sums = {
        model: dict(
            model.objects.unscoped(WHY)
            .filter(statement__isnull=False)
            .values_list("statement_id")
            .annotate(total=Sum("amount_fen"))
            .order_by()
        )
        for model in (ClearingLine, SettlementItem)
    }
    carried: dict[int, int] = {}
    paid = dict(Payout.objects.unscoped(WHY).values_list("statement_id", "amount_fen"))
    for one in rows.iterator(chunk_size=1000):
        found = (
            sums[ClearingLine].get(one.pk, 0),
            sums[SettlementItem].get(one.pk, 0),
            carried.get(one.payee_id, 0),
            paid.get(one.pk, 0),
        )
        written = (one.shares_fen, one.items_fen, one.carried_in_fen, one.payout_fen)
        if found != written:
            yield Problem(
                "statement_differs", f"statement {one.number}", {"written": written, "found": found}
            )
        carried[one.payee_id] = one.carried_out_fen


def _closed_days() -> Iterator[Problem]:
    """A closed day is what it was closed with, and its fees are in the books once."""
    fees = 0
    for closed in DayClose.objects.filter(state=DayClose.State.CLOSED).order_by("day"):
        fees += sum(row["fees_fen"] for row in closed.figures.values())
        now = figures_of(closed.day)
        if now != closed.figures:
            yield Problem("closed_day_differs", f"day {closed.day}", {"closed": closed.figures, "now": now})
    accounts = Account.objects.unscoped(WHY)
    lines = ClearingLine.objects.unscoped(WHY).filter(role="channel_fee")
    earned = lines.aggregate(total=sum_of("amount_fen"))["total"]
    differences = Difference.objects.filter(state=Difference.State.BOOKED).select_related("journal")
    booked = sum(delta_fen(row) for row in differences)
    for kind, rows_fen in ((Account.Kind.CHANNEL_FEES, earned - fees), (Account.Kind.DIFFERENCES, booked)):
        booked_fen = accounts.filter(kind=kind).aggregate(total=sum_of("balance_fen"))["total"]
        if booked_fen != rows_fen:
            yield Problem(f"{kind}_differs", kind, {"booked_fen": booked_fen, "rows_fen": rows_fen})
