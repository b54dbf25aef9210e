"""Calling pay score for the orders that are due: one call each, outside every transaction, planned before it is made."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from billing.locks import lock_score_order
from billing.models import ScoreOrder
from billing.order_money import money_of
from billing.payments import score_texts
from billing.payments.channels import pay_score
from billing.payments.merchants import ChannelOff
from billing.payments.pay_score import PayScore, ScoreBegin, ScoreEnd, ScoreState, ScoreView
from billing.payments.provider import ProviderRefused, ProviderUnknown
from billing.services import score_permissions
from billing.services.score_debits import is_news, kind_of, take_view
from billing.services.score_states import PLAN_S, S, move_score
from kernel import clock
from kernel.actor import Actor
from kernel.services import audit

logger = logging.getLogger(__name__)


def create(row: ScoreOrder, service: PayScore, actor: Actor) -> None:
    begin = ScoreBegin(
        number=row.number,
        openid=row.openid,
        fund_fen=row.fund_fen,
        items=score_texts.at_creation(kind_of(row), row.rule),
        place=row.station.name,
    )
    try:
        view = service.create(begin)
    except ProviderUnknown as error:
        _remember(row.pk, f"create: {error}")
    except ProviderRefused as refusal:
        _refused(row, refusal, actor)
    else:
        taken = take_view(actor=actor, score_id=row.pk, view=view)
        row.state = taken.state


def _refused(row: ScoreOrder, refusal: ProviderRefused, actor: Actor) -> None:
    with transaction.atomic():
        locked = lock_score_order(row.pk)
        if locked.state == S.CREATED:
            locked.refusal = {"code": "score_refused", "params": {"code": refusal.code}}
            move_score(locked, "refused", update_fields=["refusal"])
            audit.record(
                actor=actor,
                action="billing.score_refused",
                target=locked,
                after={"code": refusal.code, "message": refusal.message[:200]},
            )
        row.state = locked.state
    score_permissions.plan_query(row.driver)


def call(score_id: int, actor: Actor) -> None:
    """One call for a due row, outside every transaction; the next attempt is planned before it."""
    row = _claim(score_id)
    if row is None:
        return
    try:
        service = pay_score()
        match row.state:
            case S.CREATED:
                if service.query(row.number).state is ScoreState.ABSENT:
                    create(row, service, actor)
                    return
                view = service.query(row.number)
            case S.COMPLETING:
                view = _complete(row, service)
            case S.CANCELLING:
                view = _cancel(row, service)
            case S.PAYING:
                view = _follow_debit(row, service, actor)
            case _:
                view = service.query(row.number)
    except ProviderRefused as refusal:
        _remember(row.pk, f"refused: {refusal}")
        view = _after_refusal(row)
    except (ProviderUnknown, ChannelOff) as error:
        _remember(row.pk, str(error) or type(error).__name__)
        return
    if view is not None:
        take_view(actor=actor, score_id=row.pk, view=view)


def _claim(score_id: int) -> ScoreOrder | None:
    """Plan the next attempt before this one; None when it is not due or somebody else took it."""
    rows = ScoreOrder.objects.unscoped("claim of one call")
    row = rows.select_related("driver", "station", "pile", "order").get(pk=score_id)
    if row.next_at is None or row.next_at > clock.now():
        return None
    wait = timedelta(seconds=PLAN_S[min(row.attempts + 1, len(PLAN_S) - 1)])
    claimed = rows.filter(pk=row.pk, next_at=row.next_at, state=row.state).update(
        next_at=clock.now() + wait, attempts=F("attempts") + 1
    )
    return row if claimed else None


def _complete(row: ScoreOrder, service: PayScore) -> ScoreView:
    return service.complete(
        ScoreEnd(
            number=row.number,
            total_fen=row.asked_fen,
            items=row.completion["items"],
            began=datetime.fromisoformat(row.completion["began"]),
            ended=datetime.fromisoformat(row.completion["ended"]),
        )
    )


def _cancel(row: ScoreOrder, service: PayScore) -> ScoreView:
    if row.attempts:  # an earlier answer may have been lost
        view = service.query(row.number)
        if view.state is ScoreState.ABSENT:
            return ScoreView(number=row.number, state=ScoreState.REVOKED)
        if view.state is not ScoreState.DOING and view.state is not ScoreState.CREATED:
            return view
    try:
        service.cancel(row.number, "未充电" if row.order_id is None else "无需支付")
    except ProviderRefused as refusal:
        _remember(row.pk, f"cancel: {refusal}")
        view = service.query(row.number)
        return (
            ScoreView(number=row.number, state=ScoreState.REVOKED)
            if view.state is ScoreState.ABSENT
            else view
        )
    return ScoreView(number=row.number, state=ScoreState.REVOKED)


def _follow_debit(row: ScoreOrder, service: PayScore, actor: Actor) -> ScoreView:
    """Ask how the debit goes; what the driver owes less meanwhile is not asked for any more."""
    view = service.query(row.number)
    if view.state is not ScoreState.PAYING or is_news(row.number, view):
        return view  # what was taken is booked first: it is not owed any more
    debited = sum(one.amount_fen for one in view.debits)
    owed = min(money_of(row.order).owed_fen, row.asked_fen - debited)
    if not owed:
        return service.paid_elsewhere(row.number, clock.now())
    wanted = debited + owed
    lowered = row.lowered_fen if row.lowered_fen is not None else (wanted if wanted < row.asked_fen else None)
    if lowered is None or view.total_fen == lowered:
        return view
    with transaction.atomic():  # first here: the service lowers an order once
        locked = lock_score_order(row.pk)
        if locked.lowered_fen is None:
            locked.lowered_fen = lowered
            locked.save(update_fields=["lowered_fen"])
        lowered = locked.lowered_fen
    audit.record(
        actor=actor,
        action="billing.score_lowered",
        target=row,
        before={"fen": row.asked_fen},
        after={"fen": lowered},
    )
    return service.lower(row.number, lowered, row.completion["items"], "已支付部分")


def _after_refusal(row: ScoreOrder) -> ScoreView | None:
    """What the service knows after it refused; None when it does not say."""
    try:
        return pay_score().query(row.number)
    except (ProviderUnknown, ChannelOff) as error:
        logger.warning("pay-score order %s: %s", row.number, error)
        return None


def _remember(score_id: int, text: str) -> None:
    rows = ScoreOrder.objects.unscoped("the last error of one order").filter(pk=score_id)
    rows.update(last_error=text[:255])
