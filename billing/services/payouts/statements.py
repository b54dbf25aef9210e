"""Statements: what each payee is owed up to a day, frozen with its rows, and the payout of it.

A statement takes every row of its days that no statement has taken yet. What is negative, below the least payout,
or has no confirmed account to go to is carried to the next one.
"""

import logging
from calendar import monthrange
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Min, QuerySet, Sum

from billing import business_day
from billing.locks import lock_payee
from billing.models import (
    Account,
    ClearingLine,
    ClearingRecord,
    FinanceTerms,
    Journal,
    Payee,
    Payout,
    PayoutAccount,
    SettlementItem,
    Statement,
)
from billing.services import ledger
from billing.services.payouts import states
from billing.services.payouts.terms import terms_of
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.services import edits

logger = logging.getLogger(__name__)
WHY = "the rows of one payee"
Carried = Statement.Carried


def build_due_statements(*, actor: Actor) -> int:
    """Make every statement whose cycle is over and that has rows; returns how many. One fault stops no other.

    Safe to run at any time, twice, and in two processes: a payee has one statement per last day.
    """
    yesterday = business_day.today() - timedelta(days=1)
    made = 0
    for payee in list(_with_open_rows(yesterday)):
        try:
            day_to = cycle_end(terms_of(payee.operator).cycle, yesterday)
            made += build_statement(actor=actor, payee=payee, day_to=day_to) is not None
        except Exception:
            logger.exception("statement of payee %s could not be made", payee.pk)
    return made


def cycle_end(cycle: str, yesterday: date) -> date:
    """The last day of the newest cycle that was over by the end of `yesterday`."""
    tomorrow = yesterday + timedelta(days=1)
    match cycle:
        case FinanceTerms.Cycle.WEEKLY:
            return yesterday - timedelta(days=(yesterday.weekday() + 1) % 7)
        case FinanceTerms.Cycle.MONTHLY:
            whole = yesterday.day == monthrange(yesterday.year, yesterday.month)[1]
            return yesterday if whole else tomorrow.replace(day=1) - timedelta(days=1)
    return yesterday


def build_statement(*, actor: Actor, payee: Payee, day_to: date) -> Statement | None:
    """Freeze what a payee is owed up to and with `day_to`, and open its payout; None when there is nothing new."""
    if day_to >= business_day.today():
        raise DomainError("day_not_over", {"day": day_to.isoformat()})
    with transaction.atomic():
        payee = lock_payee(payee.pk)
        lines, items = _open_lines(payee, day_to), _open_items(payee, day_to)
        earlier = Statement.objects.unscoped(WHY).filter(payee=payee)
        if earlier.filter(day_to__gte=day_to).exists() or not (lines.exists() or items.exists()):
            return None
        last = earlier.order_by("-day_to").first()
        first_days = [lines.aggregate(day=Min("day"))["day"], items.aggregate(day=Min("day"))["day"]]
        statement = Statement.objects.create(
            number=f"S{day_to:%Y%m%d}{payee.pk:08d}",
            payee=payee,
            operator_id=payee.operator_id,
            day_from=last.day_to + timedelta(days=1) if last else min(day for day in first_days if day),
            day_to=day_to,
            created_at=clock.now(),
        )
        # Taken first and summed then: a row that is cleared this moment is in both or in neither.
        lines.update(statement=statement)
        items.update(statement=statement)
        _freeze(statement, last)
        if statement.payout_fen:
            _open_payout(statement, actor)
    return statement


def confirm_statement(*, actor: Actor, statement: Statement) -> Statement:
    """The payee's side says that the statement is right. Needs `billing.confirm_statement`."""
    policy.require(actor, "billing.confirm_statement")
    edits.in_scope(actor, statement)
    with transaction.atomic():
        rows = Statement.objects.unscoped("scope is checked above").filter(pk=statement.pk, confirmed_at=None)
        if rows.update(confirmed_at=clock.now(), confirmed_by=actor.name[:128]):
            audit.record(actor=actor, action="billing.confirm_statement", target=statement)
    statement.refresh_from_db()
    return statement


def _with_open_rows(day: date) -> QuerySet[Payee]:
    lines = ClearingLine.objects.unscoped("payees with open rows").filter(
        statement=None, role="share", day__lte=day
    )
    items = SettlementItem.objects.unscoped("payees with open rows").filter(statement=None, day__lte=day)
    ids = set(lines.values_list("payee_id", flat=True).distinct()) | set(
        items.values_list("payee_id", flat=True).distinct()
    )
    return Payee.objects.unscoped("payees with open rows").filter(pk__in=ids).select_related("operator")


def _open_lines(payee: Payee, day_to: date) -> QuerySet[ClearingLine]:
    return ClearingLine.objects.unscoped(WHY).filter(
        payee=payee, role="share", statement=None, day__lte=day_to
    )


def _open_items(payee: Payee, day_to: date) -> QuerySet[SettlementItem]:
    return SettlementItem.objects.unscoped(WHY).filter(payee=payee, statement=None, day__lte=day_to)


def _freeze(statement: Statement, last: Statement | None) -> None:
    """Write the figures of the rows that this statement took."""
    lines, items = statement.lines.all(), statement.items.all()
    records = ClearingRecord.objects.unscoped(WHY).filter(pk__in=lines.values("record_id"))
    figures = records.aggregate(energy=Sum("energy_kwh"), gross=Sum("gross_fen"))
    kept = dict(
        ClearingLine.objects.unscoped(WHY)
        .filter(record__in=records, payee=None)
        .values_list("role")
        .annotate(total=Sum("amount_fen"))
        .order_by()
    )
    statement.orders = records.filter(order__isnull=False).values("order_id").distinct().count()
    statement.energy_kwh = figures["energy"] or 0
    statement.gross_fen = figures["gross"] or 0
    statement.discount_fen = _discounts(records)
    statement.commission_fen = kept.get("commission", 0)
    statement.channel_fee_fen = kept.get("channel_fee", 0)
    statement.shares_fen = lines.aggregate(total=Sum("amount_fen"))["total"] or 0
    statement.items_fen = items.aggregate(total=Sum("amount_fen"))["total"] or 0
    statement.carried_in_fen = last.carried_out_fen if last is not None else 0
    net = statement.carried_in_fen + statement.shares_fen + statement.items_fen
    statement.carried_why = _carried_why(statement.payee, net)
    if statement.carried_why:
        statement.carried_out_fen = net
    else:
        statement.payout_fen = net
    statement.save()


def _discounts(records: QuerySet[ClearingRecord]) -> int:
    """What drivers did not have to pay of these orders."""
    settled = records.filter(kind=ClearingRecord.Kind.SETTLEMENT)
    return settled.aggregate(total=Sum("order__discount_fen"))["total"] or 0


def _carried_why(payee: Payee, net: int) -> str:
    if net < 0:
        return Carried.NEGATIVE
    if net < terms_of(payee.operator).minimum_payout_fen:
        return Carried.BELOW_MINIMUM if net else Carried.NOTHING
    if _account_of(payee) is None:
        return Carried.NO_ACCOUNT
    return Carried.NOTHING


def _account_of(payee: Payee) -> PayoutAccount | None:
    rows = PayoutAccount.objects.unscoped(WHY).filter(payee=payee, state=PayoutAccount.State.VERIFIED)
    return rows.first()


def _open_payout(statement: Statement, actor: Actor) -> Payout:
    payee, account = statement.payee, _account_of(statement.payee)
    payout = Payout.objects.create(
        number=f"D{statement.day_to:%Y%m%d}{statement.pk:010d}",
        statement=statement,
        payee=payee,
        operator_id=payee.operator_id,
        account=account,
        channel=account.channel,
        amount_fen=statement.payout_fen,
        created_at=clock.now(),
    )
    ledger.post(
        key=f"payout:{payout.number}",
        kind=Journal.Kind.PAYOUT,
        lines=[
            (ledger.payable_of(payee.pk), -payout.amount_fen),
            (ledger.payable_of(payee.pk, Account.Kind.PAYOUTS_IN_TRANSIT), payout.amount_fen),
        ],
        actor=actor,
        memo=payout.number,
    )
    states.note(payout, "created", actor, {"statement": statement.number, "amount_fen": payout.amount_fen})
    if states.pays_by_itself(payout):
        states.approve_by_terms(payout, actor)
    return payout
