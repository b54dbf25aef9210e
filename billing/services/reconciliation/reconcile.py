"""Comparing a business day with what the payment channels say about it.

The bill is fetched outside every lock. What the channel has and we lack is asked for under its own number and booked
before the comparison, so that a notice that never came leaves no work behind. Differences are kept as work items;
one that a later comparison does not find any more settles itself. A closed day is not compared again.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from billing import business_day
from billing.locks import lock_day
from billing.models import (
    BillLine,
    Channel,
    ChannelBill,
    DayClose,
    Difference,
    Payment,
    RefundPart,
    ScoreOrder,
)
from billing.models.payment import SCORE_WAY
from billing.payments.bills import Bill, BillNotReady, fetch_bill
from billing.payments.channels import pay_score, provider_of
from billing.payments.merchants import ChannelOff
from billing.payments.provider import ProviderRefused, ProviderUnknown
from billing.services import payments, refund_sending, score_debits
from billing.services.reconciliation import matching
from billing.services.reconciliation.matching import Finding, Key, Ours, Theirs
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy

logger = logging.getLogger(__name__)
WHY = "the books of the whole platform against a channel's bill"
LOOK_BACK_DAYS = 7
SCORE_LIFE = timedelta(days=31)  # a service order is debited within its 30 days, or never
MOST_ASKED = 200
READY_HOUR = 10  # WeChat Pay: the bill of a day is there after 10:00 of the next
S, T, D = Payment.State, RefundPart.State, Difference.State


@dataclass
class Result:
    """What a comparison found. `open` counts the differences of the channel and day that wait for a person."""

    channel: str
    day: date
    payments: int = 0
    refunds: int = 0
    open: int = 0
    booked: list[str] = field(default_factory=list)


def channels_of(day: date) -> list[str]:
    """The channels whose bill a day needs: those that are on, and those that moved money that day."""
    found = []
    for channel in payments.CHANNEL_ACCOUNTS:
        try:
            provider_of(channel)
            found.append(channel)
        except ChannelOff:
            if _expected(channel, day):
                found.append(channel)
    return found


def reconcile_day(*, actor: Actor, day: date, channel: str) -> Result:
    """Fetch a channel's bill of a day and compare.

    Needs `billing.reconcile`. DomainError `permission_denied`, `day_not_over`, `day_closed`, `payment_channel_off`,
    `bill_not_ready`, `bill_unavailable`.
    """
    policy.require(actor, "billing.reconcile")
    require_over(day)
    require_open(day)
    payments.provider_for(channel)
    try:
        bill = fetch_bill(channel, day)
    except BillNotReady as error:
        raise DomainError("bill_not_ready", {"channel": channel, "day": day.isoformat()}) from error
    except (ProviderUnknown, ProviderRefused) as error:
        params = {"channel": channel, "day": day.isoformat(), "reason": str(error)[:120]}
        raise DomainError("bill_unavailable", params) from error
    stored = _store(bill, channel, day)
    booked = _ask_for_missing(actor, channel, bill)
    with transaction.atomic():
        lock_open_day(day)
        compare(channel=channel, day=day, actor=actor)
        waiting = Difference.objects.filter(channel=channel, day=day, state=D.OPEN).count()
        audit.record(
            actor=actor,
            action="billing.reconcile",
            target=stored,
            after={"open": waiting, "payments": stored.payments, "refunds": stored.refunds},
        )
    return Result(channel, day, stored.payments, stored.refunds, waiting, booked)


def reconcile_recent(*, actor: Actor) -> int:
    """Compare every day of the last week that is not closed and not settled yet; returns how many comparisons."""
    today, done = business_day.today(), 0
    ready = clock.now().astimezone(business_day.ZONE).hour >= READY_HOUR
    for back in range(1, LOOK_BACK_DAYS + 1):
        day = today - timedelta(days=back)
        DayClose.objects.get_or_create(day=day)  # so that it is listed until somebody closes it
        if (back == 1 and not ready) or DayClose.objects.filter(
            day=day, state=DayClose.State.CLOSED
        ).exists():
            continue
        for channel in channels_of(day):
            settled = ChannelBill.objects.filter(channel=channel, day=day).exists()
            if settled and not Difference.objects.filter(channel=channel, day=day, state=D.OPEN).exists():
                continue
            try:
                reconcile_day(actor=actor, day=day, channel=channel)
                done += 1
            except DomainError as error:
                logger.warning("%s of %s could not be compared: %s", channel, day, error.message)
    return done


def compare(*, channel: str, day: date, actor: Actor) -> None:
    """Compare the stored bill with our rows as they are now and keep the differences. Under the day's lock."""
    rows = list(BillLine.objects.filter(bill__channel=channel, bill__day=day).order_by("pk"))
    expected = _expected(channel, day)
    numbers = {row.number for row in rows} | {number for _kind, number in expected}
    named = _debits(channel, {row.provider_no for row in rows}, numbers)
    lines = [
        Theirs(
            row.kind,
            _number(row.kind, row.number, row.provider_no, named),
            row.provider_no,
            row.amount_fen,
            row.fee_fen,
            row.state,
        )
        for row in rows
    ]
    numbers |= {line.number for line in lines}
    others = BillLine.objects.filter(Q(number__in=numbers) | Q(provider_no__in=named), bill__channel=channel)
    elsewhere = {
        (kind, _number(kind, number, provider_no, named), other)
        for kind, number, provider_no, other in others.exclude(bill__day=day).values_list(
            "kind", "number", "provider_no", "bill__day"
        )
    }
    findings = matching.compare(
        lines,
        _ours(channel, numbers),
        expected - {(kind, number) for kind, number, _day in elsewhere},
        fee_bp=settings.CHANNEL_FEE_BP[channel],
        told_before={(kind, number) for kind, number, other in elsewhere if other < day},
    )
    _keep(channel, day, findings, actor)


def lock_open_day(day: date) -> DayClose:
    """Lock a day that is not closed; DomainError `day_closed`. Call it inside a transaction."""
    locked = lock_day(day)
    if locked.state == DayClose.State.CLOSED:
        raise DomainError("day_closed", {"day": day.isoformat()})
    return locked


def require_over(day: date) -> None:
    """DomainError `day_not_over` for today and later."""
    if day >= business_day.today():
        raise DomainError("day_not_over", {"day": day.isoformat()}, field="day")


def require_open(day: date) -> None:
    """DomainError `day_closed`, before anything is asked of a channel."""
    if DayClose.objects.filter(day=day, state=DayClose.State.CLOSED).exists():
        raise DomainError("day_closed", {"day": day.isoformat()})


# --- the bill ------------------------------------------------------------------
def _store(bill: Bill, channel: str, day: date) -> ChannelBill:
    """Keep the bill in the place of an earlier fetch of it."""
    of_kind: dict[str, list[Any]] = {matching.PAYMENT: [], matching.REFUND: []}
    for line in bill.lines:
        of_kind[line.kind].append(line)
    values = {
        "state": ChannelBill.State.FETCHED if bill.lines else ChannelBill.State.EMPTY,
        "digest": bill.digest,
        "fetched_at": clock.now(),
        "payments": len(of_kind[matching.PAYMENT]),
        "payments_fen": sum(line.amount_fen for line in of_kind[matching.PAYMENT]),
        "refunds": len(of_kind[matching.REFUND]),
        "refunds_fen": sum(line.amount_fen for line in of_kind[matching.REFUND]),
        "fees_fen": sum(line.fee_fen for line in bill.lines),
    }
    with transaction.atomic():
        lock_open_day(day)
        stored, _created = ChannelBill.objects.update_or_create(channel=channel, day=day, defaults=values)
        stored.lines.all().delete()
        BillLine.objects.bulk_create(
            [
                BillLine(
                    bill=stored,
                    kind=line.kind,
                    number=line.number[:64],
                    trade_number=line.trade_number[:64],
                    provider_no=line.provider_no[:64],
                    amount_fen=line.amount_fen,
                    fee_fen=line.fee_fen,
                    state=line.state,
                    at=line.at,
                )
                for line in bill.lines
            ],
            batch_size=1000,
        )
    return stored


def _ask_for_missing(actor: Actor, channel: str, bill: Bill) -> list[str]:
    """Ask the channel about every payment and refund it billed and we have not booked; returns what that booked."""
    paid = [line.number for line in bill.lines if line.kind == matching.PAYMENT]
    missing = Payment.objects.unscoped(WHY).filter(channel=channel, out_trade_no__in=paid)
    booked = []
    for payment in missing.exclude(state__in=[S.SUCCEEDED, S.REVIEW]):
        try:
            trade = payments.ask_channel(payment)
            payments.book_trade(actor=actor, payment_id=payment.pk, trade=trade)
        except (ProviderUnknown, DomainError) as error:
            logger.warning("payment %s could not be asked for: %s", payment.out_trade_no, error)
            continue
        payment.refresh_from_db()
        if payment.state == S.SUCCEEDED:
            booked.append(payment.out_trade_no)
    booked += _ask_for_debits(actor, channel, bill)
    refunded = [line.number for line in bill.lines if line.kind == matching.REFUND]
    parts = RefundPart.objects.unscoped(WHY).filter(channel=channel, out_refund_no__in=refunded, state=T.SENT)
    for part in parts:
        RefundPart.objects.unscoped(WHY).filter(pk=part.pk, state=T.SENT).update(next_at=clock.now())
        refund_sending.send_refund(actor=actor, refund_id=part.refund_id)
        part.refresh_from_db()
        if part.state == T.SUCCEEDED:
            booked.append(part.out_refund_no)
    return booked


def _ask_for_debits(actor: Actor, channel: str, bill: Bill) -> list[str]:
    """Ask about the service orders of pay score that may be behind lines which nothing here knows.

    Such a line has a number of the channel's own, so every order is asked about that could have been debited, those
    of the line's amount first: also orders that ended here without a debit, whose notice nobody heard and nobody asks
    about any more. Stops when every line is known.
    """
    if channel != Channel.WECHAT:
        return []
    unknown = _unknown(channel, bill)
    if not unknown:
        return []
    ours = (
        ScoreOrder.objects.unscoped(WHY)
        .exclude(state=ScoreOrder.State.PAID, payment__state=S.SUCCEEDED)
        .filter(created_at__gte=min(unknown.values()) - SCORE_LIFE)
    )
    amounts = {line.amount_fen for line in bill.lines if line.provider_no in unknown}
    found = list(ours.order_by("-pk").values_list("pk", "number", "asked_fen", "lowered_fen")[:2_000])
    # The whole amount, else a part of one, else one that was completed by hand at the service.
    found.sort(key=lambda one: (not amounts & {one[2], one[3]}, (one[2] or 0) < min(amounts)))
    booked = []
    for score_id, number, _asked, _lowered in found[:MOST_ASKED]:
        try:
            view = pay_score().query(number)
        except (ProviderUnknown, ChannelOff) as error:
            logger.warning("pay-score order %s could not be asked for: %s", number, error)
            continue
        if not {one.number for one in view.debits} & unknown.keys():
            continue
        score_debits.take_view(actor=actor, score_id=score_id, view=view)
        taken = score_debits.debits_of(number).filter(state=S.SUCCEEDED, provider_no__in=unknown)
        booked += taken.values_list("out_trade_no", flat=True)
        unknown = _unknown(channel, bill)
        if not unknown:
            break
    return booked


def _unknown(channel: str, bill: Bill) -> dict[str, datetime]:
    """{the channel's number: moment} of billed payments that no payment here has by either number."""
    paid = {
        line.provider_no: line for line in bill.lines if line.kind == matching.PAYMENT and line.provider_no
    }
    rows = Payment.objects.unscoped(WHY).filter(channel=channel)
    known = set(rows.filter(provider_no__in=paid).values_list("provider_no", flat=True))
    named = set(
        rows.filter(out_trade_no__in=[line.number for line in paid.values()]).values_list(
            "out_trade_no", flat=True
        )
    )
    return {
        number: line.at for number, line in paid.items() if number not in known and line.number not in named
    }


def _debits(channel: str, provider_nos: set[str], numbers: set[str]) -> dict[str, str]:
    """{the channel's number: ours} of debits of pay score, which bills name by numbers of the channel's own."""
    debits = Payment.objects.unscoped(WHY).filter(
        Q(provider_no__in=provider_nos) | Q(out_trade_no__in=numbers), channel=channel, way=SCORE_WAY
    )
    return dict(debits.exclude(provider_no="").values_list("provider_no", "out_trade_no"))


def _number(kind: str, number: str, provider_no: str, named: Mapping[str, str]) -> str:
    return named.get(provider_no, number) if kind == matching.PAYMENT else number


# --- our side -------------------------------------------------------------------
def _expected(channel: str, day: date) -> set[Key]:
    """What we booked of a day, which the channel's bill of that day has to have."""
    begin, end = business_day.bounds(day)
    paid = Payment.objects.unscoped(WHY).filter(
        channel=channel, state=S.SUCCEEDED, paid_at__gte=begin, paid_at__lt=end
    )
    parts = RefundPart.objects.unscoped(WHY).filter(
        channel=channel, state=T.SUCCEEDED, sent_at__gte=begin, sent_at__lt=end
    )
    found = {(matching.PAYMENT, number) for number in paid.values_list("out_trade_no", flat=True)}
    return found | {(matching.REFUND, number) for number in parts.values_list("out_refund_no", flat=True)}


def _ours(channel: str, numbers: set[str]) -> dict[Key, Ours]:
    rows: dict[Key, Ours] = {}
    paid = Payment.objects.unscoped(WHY).filter(channel=channel, out_trade_no__in=numbers)
    for number, state, amount, paid_fen in paid.values_list(
        "out_trade_no", "state", "amount_fen", "paid_fen"
    ):
        done = state == S.SUCCEEDED
        rows[matching.PAYMENT, number] = Ours(
            paid_fen if done else amount, matching.DONE if done else matching.OPEN
        )
    states = {T.SUCCEEDED: matching.DONE, T.PENDING: matching.OPEN, T.SENT: matching.OPEN}
    parts = RefundPart.objects.unscoped(WHY).filter(channel=channel, out_refund_no__in=numbers)
    for number, state, amount in parts.values_list("out_refund_no", "state", "amount_fen"):
        rows[matching.REFUND, number] = Ours(amount, states.get(T(state), matching.NONE))
    return rows


def _keep(channel: str, day: date, findings: list[Finding], actor: Actor) -> None:
    """Open what is new, open again what had only settled itself, and settle what is not found any more."""
    known = {
        (row.kind, row.subject, row.number): row
        for row in Difference.objects.filter(channel=channel, day=day)
    }
    now = clock.now()
    for finding in findings:
        key = (finding.kind, finding.subject, finding.number[:64])
        values = {
            "provider_no": finding.provider_no[:64],
            "theirs_fen": finding.theirs_fen,
            "ours_fen": finding.ours_fen,
            "theirs": finding.theirs,
            "ours": finding.ours,
        }
        row = known.pop(key, None)
        if row is None:
            Difference.objects.create(
                channel=channel, day=day, kind=key[0], subject=key[1], number=key[2], found_at=now, **values
            )
            continue
        changed = {name for name, value in values.items() if getattr(row, name) != value}
        # What a person explained stays explained as long as it is the same.
        if row.state == D.MATCHED or (row.state == D.EXPLAINED and changed):
            row.state, row.settled_at, row.settled_by = D.OPEN, None, ""
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
    for row in known.values():
        if row.state == D.OPEN:
            row.state, row.settled_at, row.settled_by = D.MATCHED, now, actor.name[:128]
            row.save(update_fields=["state", "settled_at", "settled_by"])
