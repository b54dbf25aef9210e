"""Settling differences, closing business days, and opening a closed day again with four eyes.

A day is closed only when every channel's bill of it is here, no difference is open and all income of the day is
divided. Closing books what the channels kept as their fees; opening it again books that back.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Sum

from billing import business_day
from billing.locks import lock_day
from billing.models import (
    Account,
    BillLine,
    ChannelBill,
    DayClose,
    Difference,
    Journal,
    Payment,
    Proposal,
    RefundPart,
)
from billing.services import ledger, proposals
from billing.services.clearing.clear import uncleared
from billing.services.payments import CHANNEL_ACCOUNTS
from billing.services.reconciliation.reconcile import channels_of, compare, lock_open_day, require_over
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import Operator
from users.services import edits

WHY = "the books of the whole platform"
D = Difference.State


def explain(*, actor: Actor, difference: Difference, note: str) -> Difference:
    """Settle a difference with a note and without moving money: it was handled at the channel, or is none.

    Needs `billing.settle_difference`. DomainError `permission_denied`, `reason_required`, `difference_settled`,
    `day_closed`.
    """
    policy.require(actor, "billing.settle_difference")
    note = edits.require_reason(note)
    with transaction.atomic():
        locked = _lock_open(difference)
        _settle(locked, D.EXPLAINED, note, actor)
    return locked


def close_day(*, actor: Actor, day: date) -> DayClose:
    """Close a business day and book the channels' fees of it.

    Needs `billing.close_day`. DomainError `permission_denied`, `day_not_over`, `day_closed`, `day_bill_missing`,
    `day_differences`, `day_uncleared`.
    """
    policy.require(actor, "billing.close_day")
    require_over(day)
    with transaction.atomic():
        locked = lock_open_day(day)
        bills = {one.channel: one for one in ChannelBill.objects.filter(day=day)}
        missing = [channel for channel in channels_of(day) if channel not in bills]
        if missing:
            raise DomainError("day_bill_missing", {"day": day.isoformat(), "channels": ", ".join(missing)})
        for channel in bills:
            compare(channel=channel, day=day, actor=actor)
        waiting = Difference.objects.filter(day=day, state=D.OPEN).count()
        if waiting:
            raise DomainError("day_differences", {"day": day.isoformat(), "count": waiting})
        begin, end = business_day.bounds(day)
        open_journals = uncleared().filter(at__gte=begin, at__lt=end).count()
        if open_journals:
            raise DomainError("day_uncleared", {"day": day.isoformat(), "count": open_journals})
        locked.closings += 1
        for channel, bill in bills.items():
            _book_fees(locked, channel, bill.fees_fen, actor, sign=1)
        locked.state, locked.closed_at, locked.closed_by = (
            DayClose.State.CLOSED,
            clock.now(),
            actor.name[:128],
        )
        locked.figures = figures_of(day)
        locked.save()
        audit.record(
            actor=actor, action="billing.close_day", target=locked, after={"figures": locked.figures}
        )
    return locked


def figures_of(day: date) -> dict[str, dict[str, int]]:
    """{channel: what was paid, refunded and kept as fees} of a day, counted from our rows and the bills."""
    begin, end = business_day.bounds(day)
    found = {}
    fees = dict(ChannelBill.objects.filter(day=day).values_list("channel", "fees_fen"))
    for channel in CHANNEL_ACCOUNTS:
        paid = Payment.objects.unscoped(WHY).filter(
            channel=channel, state=Payment.State.SUCCEEDED, paid_at__gte=begin, paid_at__lt=end
        )
        parts = RefundPart.objects.unscoped(WHY).filter(
            channel=channel, state=RefundPart.State.SUCCEEDED, sent_at__gte=begin, sent_at__lt=end
        )
        figures = {
            "payments_fen": paid.aggregate(total=Sum("paid_fen"))["total"] or 0,
            "refunds_fen": parts.aggregate(total=Sum("amount_fen"))["total"] or 0,
            "fees_fen": fees.get(channel, 0),
        }
        if any(figures.values()) or channel in fees:
            found[channel] = figures
    return found


def _book_fees(day: DayClose, channel: str, fees_fen: int, actor: Actor, *, sign: int) -> None:
    """The channel has kept its fees: it owes us so much less. `sign` -1 takes it back."""
    if not fees_fen:
        return
    word = "" if sign > 0 else ":back"
    ledger.post(
        key=f"channel-fee:{channel}:{day.day.isoformat()}:{day.closings}{word}",
        kind=Journal.Kind.CHANNEL_FEE,
        lines=[
            (ledger.account_of(CHANNEL_ACCOUNTS[channel]), sign * fees_fen),
            (ledger.account_of(Account.Kind.CHANNEL_FEES), -sign * fees_fen),
        ],
        actor=actor,
        memo=day.day.isoformat(),
    )


def _lock_open(difference: Difference) -> Difference:
    """The difference under the lock of its day; DomainError `day_closed`, `difference_settled`."""
    lock_open_day(difference.day)
    locked = Difference.objects.get(pk=difference.pk)
    if locked.state != D.OPEN:
        raise DomainError("difference_settled", {"number": locked.number})
    return locked


def _settle(row: Difference, state: str, note: str, actor: Actor) -> None:
    row.state, row.note = state, note[:255]
    row.settled_at, row.settled_by = clock.now(), actor.name[:128]
    row.save()
    audit.record(
        actor=actor,
        action=f"billing.difference_{state}",
        target=row,
        reason=note,
        before={"state": D.OPEN.value},
        after={"state": state, "theirs_fen": row.theirs_fen, "ours_fen": row.ours_fen},
    )


# --- four eyes: booking a difference, opening a day ---------------------------------
def delta_fen(row: Difference) -> int:
    """By how much the channel holds more of ours than the books say; negative: less. 0 for what moves no money."""
    theirs, ours = row.theirs_fen or 0, row.ours_fen or 0
    into_us = 1 if row.subject == BillLine.Kind.PAYMENT else -1
    match row.kind:
        case Difference.Kind.MISSING_HERE:
            return into_us * theirs
        case Difference.Kind.MISSING_THERE:
            return -into_us * ours
        case Difference.Kind.AMOUNT:
            return into_us * (theirs - ours)
        case Difference.Kind.DUPLICATE:
            return into_us * theirs
        case Difference.Kind.STATE:  # the channel paid a refund that we gave up, or the other way round
            return -theirs if row.theirs == "success" else ours
    return 0  # a fee is booked with the day, as the channel took it


def _check_booking(operator: Operator | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    row = Difference.objects.filter(pk=payload.get("difference")).first()
    if row is None or row.state != D.OPEN or not delta_fen(row):
        raise DomainError("difference_settled", {"number": row.number if row else payload.get("difference")})
    return {"difference": row.pk, "number": row.number, "fen": delta_fen(row)}


def _book_difference(actor: Actor, proposal: Proposal) -> str:
    with transaction.atomic():
        row = _lock_open(Difference.objects.get(pk=proposal.payload["difference"]))
        fen = delta_fen(row)
        if fen != proposal.payload["fen"]:
            raise DomainError("difference_settled", {"number": row.number})
        row.journal = ledger.post(
            key=f"difference:{row.pk}:{proposal.pk}",
            kind=Journal.Kind.DIFFERENCE,
            lines=[
                (ledger.account_of(CHANNEL_ACCOUNTS[row.channel]), -fen),
                (ledger.account_of(Account.Kind.DIFFERENCES), fen),
            ],
            actor=actor,
            memo=row.number,
        )
        _settle(row, D.BOOKED, proposal.reason, actor)
    return row.number


def _check_reopening(operator: Operator | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    day = _day(payload)
    if not DayClose.objects.filter(day=day, state=DayClose.State.CLOSED).exists():
        raise DomainError("day_not_closed", {"day": day.isoformat()}, field="day")
    return {"day": day.isoformat()}


def _reopen(actor: Actor, proposal: Proposal) -> str:
    day = _day(proposal.payload)
    with transaction.atomic():
        locked = lock_day(day)
        if locked.state != DayClose.State.CLOSED:
            raise DomainError("day_not_closed", {"day": day.isoformat()})
        for channel, figures in locked.figures.items():
            _book_fees(locked, channel, figures["fees_fen"], actor, sign=-1)
        before = {"figures": locked.figures, "closed_by": locked.closed_by}
        locked.state, locked.figures = DayClose.State.OPEN, {}
        locked.reopened_at, locked.reopened_by = clock.now(), actor.name[:128]
        locked.save()
        audit.record(
            actor=actor, action="billing.reopen_day", target=locked, reason=proposal.reason, before=before
        )
    return day.isoformat()


def _day(payload: Mapping[str, Any]) -> date:
    try:
        return date.fromisoformat(str(payload.get("day")))
    except ValueError:
        params = {"value": payload.get("day"), "accepted": "2026-11-30"}
        raise DomainError("choice_invalid", params, field="day") from None


proposals.register(Proposal.Kind.REOPEN_DAY, check=_check_reopening, carry_out=_reopen)
proposals.register(Proposal.Kind.DIFFERENCE, check=_check_booking, carry_out=_book_difference)
