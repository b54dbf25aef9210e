"""The end of a charge on pay score: what the service is asked for, and the debit that it proves, booked once.

Whatever the service says of an order comes through `take_view`, from an answer, a query or a verified notice; the
states decide what is left to do.
"""

from dataclasses import replace
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from billing.locks import lock_order, lock_payment, lock_score_order
from billing.models import Channel, ChargingOrder, Payment, ScoreOrder
from billing.models.payment import SCORE_WAY
from billing.order_money import money_of
from billing.payments import score_texts
from billing.payments.channels import pay_score
from billing.payments.merchants import ChannelOff
from billing.payments.pay_score import ScoreDebit, ScoreState, ScoreView
from billing.payments.provider import ProviderUnknown, Trade, TradeState
from billing.services import payments
from billing.services.order_states import note as note_order
from billing.services.payment_states import PAYMENT_STATES, move_payment, note
from billing.services.score_states import S, move_score
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit, outbox
from stations.models import Pile

TOPIC = "billing.score_order"
LIFE = timedelta(days=30)  # a service order that is not completed expires then
ORDER_ENDED = (ChargingOrder.State.SETTLED, ChargingOrder.State.CLOSED)
TWO_WHEELERS = (Pile.Protocol.DNY,)
PART, MOST_DEBITS = "-", 20  # a further debit of an order is a payment under the order's number and its own
UNBOOKED = (Payment.State.CREATED, Payment.State.PAYING, Payment.State.CLOSED, Payment.State.FAILED)


def take_view(*, actor: Actor, score_id: int, view: ScoreView) -> ScoreOrder:
    """Take over what the service proves about an order, from an answer, a query or a verified notice.

    Safe to repeat and in any order: the states decide what is left to do, and a debit is booked once, also one that
    is only a part of what was asked for.
    """
    with transaction.atomic():
        row = lock_score_order(score_id)
        if view.provider_no and not row.provider_no:
            row.provider_no = view.provider_no[:64]
            row.save(update_fields=["provider_no"])
        match view.state:
            case ScoreState.CREATED if row.state == S.CREATED:
                move_score(row, "waits")
            case ScoreState.DOING if row.state in (S.CREATED, S.CONFIRMING):
                row.opened_at = clock.now()
                move_score(row, "opened", update_fields=["opened_at"])
                outbox.enqueue(TOPIC, {"score_id": row.pk})
            case ScoreState.PAYING:
                if row.state == S.COMPLETING:
                    move_score(row, "completed")
                _adopt_total(row, view)
                if view.debits and row.payment_id is not None:
                    _book_debits(row, view, actor)
            case ScoreState.DONE if row.state != S.PAID:
                _done(row, view, actor)
            case ScoreState.REVOKED | ScoreState.EXPIRED if row.state not in (S.PAID, S.REVOKED, S.EXPIRED):
                _without_service(row, "revoked" if view.state is ScoreState.REVOKED else "expired", actor)
        return row


def trade_of(payment: Payment) -> Trade:
    """The debit behind a payment as the service tells it now; raises `ProviderUnknown`."""
    number = payment.out_trade_no.partition(PART)[0]
    try:
        view = pay_score().query(number)
    except ChannelOff as error:
        raise ProviderUnknown(str(error)) from error
    row = ScoreOrder.objects.unscoped("the order of a debit").get(number=number)
    if not _fits((row.asked_fen, row.lowered_fen), view):
        return replace(_trade(number, view), out_trade_no=payment.out_trade_no)
    taken = _booked(number, but=payment.pk)
    free = [one for one in view.debits if one.number not in taken]
    own = next((one for one in free if one.number == payment.provider_no), None)
    debit = own or next((one for one in free if one.amount_fen == payment.amount_fen), None)
    if debit is None:
        state = TradeState.UNPAID if view.state is ScoreState.PAYING else TradeState.CLOSED
        return Trade(out_trade_no=payment.out_trade_no, state=state, raw=view.raw)
    return _debited(payment.out_trade_no, view, debit)


payments.ask_elsewhere(SCORE_WAY, trade_of)


def debits_of(number: str) -> QuerySet[Payment]:
    """The payments of a service order: one per debit, and the one that is still waited for."""
    numbers = [number, *(f"{number}{PART}{nth}" for nth in range(2, MOST_DEBITS + 1))]
    rows = Payment.objects.unscoped("the debits of one service order")
    return rows.filter(channel=Channel.WECHAT, way=SCORE_WAY, out_trade_no__in=numbers)


def is_news(number: str, view: ScoreView) -> bool:
    """Whether a view tells of a debit that is not booked yet."""
    return not {one.number for one in view.debits} <= _booked(number)


def give_up(row: ScoreOrder, refusal: DomainError | None, job: Actor) -> None:
    if refusal is not None:
        row.refusal = {"code": refusal.code, "params": refusal.params}
    move_score(row, "given_up", update_fields=["refusal"])
    after = {"number": row.number, **(row.refusal or {})}
    audit.record(actor=job, action="billing.score_given_up", target=row, after=after)


def charge_ended(row: ScoreOrder, job: Actor) -> None:
    """A locked row whose charge has ended: ask for what is owed of it, or cancel when that is nothing."""
    order = row.order
    owed = money_of(order).owed_fen
    row.asked_fen = min(owed, row.fund_fen)
    if not row.asked_fen:
        if (
            order.state == ChargingOrder.State.CLOSED
        ):  # should its record come after all, no service stands behind it
            locked = lock_order(order.pk)
            locked.cover = ChargingOrder.Cover.LATER
            locked.save(update_fields=["cover"])
        give_up(row, None, job)
        return
    now = clock.now()
    began = max(order.started_at or row.opened_at, row.opened_at)
    row.completion = {
        "items": score_texts.at_completion(
            kind_of(row),
            row.rule,
            electricity_fen=order.electricity_fen,
            service_fen=order.service_fen,
            other_fen=order.fees_fen - order.discount_fen,
            began=order.started_at,
            ended=order.ended_at,
        ),
        # The service takes no time from before it knew of the order.
        "began": began.isoformat(),
        "ended": max(began, min(order.ended_at or now, now)).isoformat(),
    }
    row.payment = _planned(row, row.number, row.asked_fen)
    note(row.payment, "created", job, {"amount_fen": row.asked_fen, "order_no": order.order_no})
    note_order(order, "score_asked", job, {"number": row.number, "amount_fen": row.asked_fen})
    move_score(row, "billed", update_fields=["asked_fen", "completion", "payment"])


def _done(row: ScoreOrder, view: ScoreView, actor: Actor) -> None:
    """The service has ended a locked row's order: book its debits, or see that there are none."""
    if view.debits:
        if row.payment_id is None:  # completed by hand at the service
            row.payment = _planned(
                row, row.number, view.total_fen or sum(one.amount_fen for one in view.debits)
            )
            row.save(update_fields=["payment"])
        _adopt_total(row, view)
        _book_debits(row, view, actor)
    if row.payment_id is not None:  # what is still waited for was paid another way
        payment = lock_payment(row.payment_id)
        if PAYMENT_STATES.allows(payment.state, "closed"):
            move_payment(payment, "closed", actor, {"by": "paid another way"})
    move_score(row, "paid")
    if row.order_id is not None:
        note_order(row.order, "score_done", actor, {"number": row.number, "amount_fen": view.total_fen or 0})


def _book_debits(row: ScoreOrder, view: ScoreView, actor: Actor) -> None:
    """Book every debit of a locked row that is not booked yet, each as a payment under WeChat's own number.

    The service may take what is asked for in parts. What does not add up to it goes before a person as one payment,
    and moves no money.
    """
    if not _fits((row.asked_fen, row.lowered_fen), view):
        if view.state is ScoreState.DONE:
            payments.book_trade(actor=actor, payment_id=row.payment_id, trade=_trade(row.number, view))
        return
    known = _booked(row.number)
    left = (view.total_fen or 0) - sum(one.amount_fen for one in view.debits if one.number in known)
    for debit in view.debits:
        if debit.number in known:
            continue
        payment = lock_payment(row.payment_id)
        if payment.state == Payment.State.SUCCEEDED:
            payment = _next_part(row, debit.amount_fen)
        elif payment.amount_fen != debit.amount_fen and payment.state in UNBOOKED:
            payment.amount_fen = debit.amount_fen
            payment.save(update_fields=["amount_fen"])
        payments.book_trade(
            actor=actor, payment_id=payment.pk, trade=_debited(payment.out_trade_no, view, debit)
        )
        left -= debit.amount_fen
    if left > 0 and view.state is ScoreState.PAYING:
        payment = lock_payment(row.payment_id)
        if payment.state == Payment.State.SUCCEEDED:
            _next_part(row, left)
        elif payment.state == Payment.State.PAYING and payment.amount_fen != left:
            payment.amount_fen = left
            payment.save(update_fields=["amount_fen"])


def _next_part(row: ScoreOrder, amount_fen: int) -> Payment:
    """The payment of a further debit of a locked row, from now on the one that is waited for."""
    nth = debits_of(row.number).count() + 1
    row.payment = _planned(row, f"{row.number}{PART}{nth}", amount_fen)
    row.save(update_fields=["payment"])
    return row.payment


def _planned(row: ScoreOrder, number: str, amount_fen: int) -> Payment:
    now = clock.now()
    return Payment.objects.create(
        out_trade_no=number,
        channel=Channel.WECHAT,
        way=SCORE_WAY,
        driver=row.driver,
        operator_id=row.driver.operator_id,
        amount_fen=amount_fen,
        state=Payment.State.PAYING,
        created_at=now,
        expires_at=now + LIFE,
    )


def _booked(number: str, *, but: int | None = None) -> set[str]:
    """WeChat's numbers of the debits of a service order that are booked, on another payment than `but`."""
    rows = debits_of(number).filter(state=Payment.State.SUCCEEDED)
    return set(rows.exclude(pk=but).values_list("provider_no", flat=True))


def _fits(asked: tuple[int | None, ...], view: ScoreView) -> bool:
    """Whether the debits add up to what was asked for, or to a part of it that is still to grow."""
    total, taken = view.total_fen, sum(one.amount_fen for one in view.debits)
    numbers = {one.number for one in view.debits}
    if not view.debits or "" in numbers or len(numbers) != len(view.debits) or len(numbers) > MOST_DEBITS:
        return False
    if any(one.amount_fen <= 0 for one in view.debits) or total is None:
        return False
    if any(asked) and total not in asked:
        return False
    whole = taken == total
    return whole or (taken < total and (view.state is ScoreState.PAYING or view.paid_elsewhere))


def _adopt_total(row: ScoreOrder, view: ScoreView) -> None:
    """The payment is of what the service says it asks for, if that is one of the two amounts we asked for.

    With a debit it is of that one: `_book_debits`.
    """
    if row.payment_id is None or view.debits or view.total_fen not in (row.asked_fen, row.lowered_fen):
        return
    payment = lock_payment(row.payment_id)
    if payment.state == Payment.State.PAYING and payment.amount_fen != view.total_fen:
        payment.amount_fen = view.total_fen
        payment.save(update_fields=["amount_fen"])


def _without_service(row: ScoreOrder, event: str, actor: Actor) -> None:
    """Nothing will be debited: the wallet pays a bill that is still to come, arrears stay the driver's."""
    started = row.order_id is not None
    if started:
        order = lock_order(row.order_id)
        if order.state not in ORDER_ENDED:
            order.cover = ChargingOrder.Cover.LATER
            order.save(update_fields=["cover"])
            note_order(order, "score_ended", actor, {"number": row.number, "how": event})
    if row.payment_id is not None:
        payment = lock_payment(row.payment_id)
        if PAYMENT_STATES.allows(payment.state, "closed"):
            move_payment(payment, "closed", actor, {"by": "channel"})
    move_score(row, event)


def _trade(number: str, view: ScoreView) -> Trade:
    states = {
        ScoreState.REVOKED: TradeState.CLOSED,
        ScoreState.EXPIRED: TradeState.CLOSED,
        ScoreState.ABSENT: TradeState.ABSENT,
    }
    if view.state is not ScoreState.DONE or not view.debits:
        state = (
            TradeState.CLOSED if view.state is ScoreState.DONE else states.get(view.state, TradeState.UNPAID)
        )
        return Trade(out_trade_no=number, state=state, raw=view.raw)
    # Debits that do not add up to what was asked for have no one number: a person decides.
    only = view.debits[0] if len(view.debits) == 1 else None
    return Trade(
        out_trade_no=view.number,
        state=TradeState.PAID,
        provider_no=only.number if only else "",
        amount_fen=sum(debit.amount_fen for debit in view.debits),
        paid_at=view.debits[-1].at,
        payer=view.openid,
        raw=view.raw,
    )


def _debited(number: str, view: ScoreView, debit: ScoreDebit) -> Trade:
    return Trade(
        out_trade_no=number,
        state=TradeState.PAID,
        provider_no=debit.number,
        amount_fen=debit.amount_fen,
        paid_at=debit.at,
        payer=view.openid,
        raw=view.raw,
    )


def kind_of(row: ScoreOrder) -> str:
    two = row.pile.protocol in TWO_WHEELERS
    return score_texts.TWO_WHEELER if two else score_texts.CAR
