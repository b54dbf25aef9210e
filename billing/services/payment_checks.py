"""Payments and refunds counted again, against the ledger and against each other; changes nothing."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import F, Q, Sum

from billing.models import Account, Entry, Journal, Payment, Payout, RechargeBonus, RefundPart, ScoreOrder
from billing.services.checks import Problem, sum_of
from billing.services.payments import CHANNEL_ACCOUNTS
from billing.services.score_states import ENDED
from kernel import clock

T = RefundPart.State
UNDER_WAY = (T.PENDING, T.SENT)
# Fees that a channel kept, and differences that two people booked: checked against their days elsewhere.
OTHER_MOVES = (Journal.Kind.CHANNEL_FEE, Journal.Kind.DIFFERENCE)
TAKEN = (*UNDER_WAY, T.SUCCEEDED)
SCORE_LATE = timedelta(days=1)


def payment_problems() -> Iterator[Problem]:
    """Channel accounts, money under way and rests of recharges that are not what their rows add up to."""
    payments = Payment.objects.unscoped("a check of every payment")
    parts = RefundPart.objects.unscoped("a check of every refund")
    accounts = Account.objects.unscoped("a check of the whole ledger")
    payouts = Payout.objects.unscoped("a check of every payout")
    for channel, kind in CHANNEL_ACCOUNTS.items():
        booked = accounts.filter(kind=kind).aggregate(total=sum_of("balance_fen"))["total"]
        paid = payments.filter(channel=channel, state=Payment.State.SUCCEEDED)
        back = parts.filter(channel=channel, state=T.SUCCEEDED).aggregate(total=sum_of("amount_fen"))["total"]
        out = payouts.filter(channel=channel, state=Payout.State.PAID).aggregate(total=sum_of("amount_fen"))[
            "total"
        ]
        moved = Entry.objects.unscoped("a check of every payment").filter(
            account__kind=kind, journal__kind__in=OTHER_MOVES
        )
        out += moved.aggregate(total=sum_of("amount_fen"))["total"]
        rows_fen = back + out - paid.aggregate(total=sum_of("paid_fen"))["total"]
        if booked != rows_fen:
            yield Problem(
                "channel_differs", f"channel {channel}", {"booked_fen": booked, "rows_fen": rows_fen}
            )
    given = RechargeBonus.objects.unscoped("a check of every bonus")
    out = given.aggregate(given=sum_of("bonus_fen"), back=sum_of("taken_back_fen"))
    booked = accounts.filter(kind=Account.Kind.PLATFORM_BONUS).aggregate(total=sum_of("balance_fen"))["total"]
    if booked != out["back"] - out["given"]:
        yield Problem("bonus_differs", "bonuses", {"booked_fen": booked, **out})
    yield from _transit(accounts, parts)
    yield from _scores()
    rests = payments.annotate(taken_fen=sum_of("refund_parts__amount_fen", Q(refund_parts__state__in=TAKEN)))
    for row in rests.exclude(refunded_fen=F("taken_fen")).values("out_trade_no", "refunded_fen", "taken_fen"):
        yield Problem("refunded_differs", f"payment {row.pop('out_trade_no')}", row)


def _scores() -> Iterator[Problem]:
    """Service orders of pay score that nobody moves on: never completed, or ended with a debit that is still open."""
    rows = ScoreOrder.objects.unscoped("a check of every pay-score order")
    late = rows.filter(
        state__in=(ScoreOrder.State.COMPLETING, ScoreOrder.State.CANCELLING),
        order__ended_at__lt=clock.now() - SCORE_LATE,
    )
    for number, state, error in late.values_list("number", "state", "last_error"):
        yield Problem("score_stuck", f"pay score {number}", {"state": state, "error": error})
    ended = rows.filter(state__in=ENDED, payment__state__in=(Payment.State.CREATED, Payment.State.PAYING))
    for number, state in ended.values_list("number", "state"):
        yield Problem("score_debit_open", f"pay score {number}", {"state": state})


def _transit(accounts, parts) -> Iterator[Problem]:
    under_way = dict(
        parts.filter(state__in=UNDER_WAY)
        .values_list("refund__driver_id")
        .annotate(total=Sum("amount_fen"))
        .order_by()
    )
    held = dict(accounts.filter(kind=Account.Kind.REFUNDS_IN_TRANSIT).values_list("driver_id", "balance_fen"))
    for driver_id in sorted(under_way.keys() | held.keys()):
        rows_fen, booked_fen = under_way.get(driver_id, 0), held.get(driver_id, 0)
        if rows_fen != booked_fen:
            data = {"booked_fen": booked_fen, "rows_fen": rows_fen}
            yield Problem("transit_differs", f"driver {driver_id}", data)
