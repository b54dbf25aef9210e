"""Charging on pay score: open the service order, start, complete it with the real amount, book the debit.

Each step is one transaction or one call, never both, on a committed row that the sweep finds again: a process that
dies between the completion and its answer leaves an order that is asked about, and a notice or a query books its
debit once, as any payment. What is not debited stays on the driver's arrears, which refuse the next start.
"""

import logging
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from billing.locks import lock_order, lock_payment, lock_score_order
from billing.models import Channel, ChargingOrder, Payment, ScoreOrder
from billing.models.payment import SCORE_WAY
from billing.order_money import money_of
from billing.payments import score_texts
from billing.payments.channels import ChannelOff
from billing.payments.pay_score import (
    PayScore,
    ScoreBegin,
    ScoreEnd,
    ScoreState,
    ScoreView,
    pay_score,
)
from billing.payments.provider import ProviderRefused, ProviderUnknown, Trade, TradeState
from billing.services import ledger, orders, payments, score_permissions
from billing.services.offers import offer_for
from billing.services.order_states import note as note_order
from billing.services.payment_states import PAYMENT_STATES, move_payment, note
from billing.services.score_states import BEFORE_CHARGE, PLAN_S, S, move_score
from billing.services.targets import Targets
from kernel import clock
from kernel.actor import Actor, ActorKind, system
from kernel.errors import DomainError
from kernel.services import audit, outbox
from stations.models import Connector, Pile
from users.models import Driver

logger = logging.getLogger(__name__)
TOPIC = "billing.score_order"
WIRE_ZONE = ZoneInfo("Asia/Shanghai")
LATE_AFTER = timedelta(minutes=5)  # whoever asked this long ago does not wait at the pile any more
LIFE = timedelta(days=30)  # a service order that is not completed expires then
ORDER_ENDED = (ChargingOrder.State.SETTLED, ChargingOrder.State.CLOSED)
TWO_WHEELERS = (Pile.Protocol.DNY,)


def start_by_score(
    *,
    actor: Actor,
    driver: Driver,
    connector_code: str,
    limit_fen: int | None = None,
    limits: Mapping[str, Any] | None = None,
    idempotency_key: str = "",
) -> ScoreOrder:
    """Open a service order and start the charge on it; nothing is held and nothing is paid before the end.

    The charge stops before `limit_fen`, at most `EV_PAYSCORE_FUND_FEN`. `limits` may hold `energy_kwh`, `seconds`,
    `soc_pct`, `package_fen`. A start that is refused cancels the service order. A service that does not answer
    leaves the order `created`: it is asked about, and started if it was opened soon enough.

    Raises:
        DomainError: `score_unavailable`, `score_not_given`, `connector_unknown`, `driver_frozen`,
            `driver_in_arrears`, `driver_busy`, `amount_invalid`, `idempotency_conflict`, `permission_denied`, and why
            one cannot start at the connector.
    """
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(driver.pk):
        raise DomainError("permission_denied", {"permission": "billing.add_scoreorder"})
    service = score_permissions.client()
    fund = settings.PAYSCORE_FUND_FEN
    if limit_fen is not None and (isinstance(limit_fen, bool) or not 1 <= limit_fen <= fund):
        raise DomainError("amount_invalid", {"amount": limit_fen, "maximum": fund}, field="limit_fen")
    connector = (
        Connector.objects.unscoped("a driver may charge at any connector")
        .select_related("pile", "station")
        .filter(code=connector_code)
        .first()
    )
    if connector is None:
        raise DomainError("connector_unknown", {"code": connector_code}, field="connector_code")
    kept = _limits_json({**(limits or {}), "fen": limit_fen or fund})
    row = _of_key(driver, idempotency_key)
    if row is None:
        row = _claim_row(driver, connector, kept, idempotency_key)
    if row.connector_id != connector.pk or row.limits != kept:
        raise DomainError("idempotency_conflict")
    if row.state == S.CREATED:
        _create(row, service, actor)
    if row.state == S.READY:
        work(score_id=row.pk)
    row.refresh_from_db()
    return row


def take_view(*, actor: Actor, score_id: int, view: ScoreView) -> ScoreOrder:
    """Take over what the service proves about an order, from an answer, a query or a verified notice.

    Safe to repeat and in any order: the states decide what is left to do, and a debit is booked once.
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
            case ScoreState.DONE if row.state != S.PAID:
                _done(row, view, actor)
            case ScoreState.REVOKED | ScoreState.EXPIRED if row.state not in (S.PAID, S.REVOKED, S.EXPIRED):
                _without_service(row, "revoked" if view.state is ScoreState.REVOKED else "expired", actor)
        return row


def work(*, score_id: int) -> str:
    """Take what needs no call of a due order: start it, or see that its charge has ended. Safe to repeat and to race."""
    job = system("pay score")
    with transaction.atomic():
        row = lock_score_order(score_id)
        if row.state == S.READY:
            _begin(row, job)
        elif row.state == S.STARTED and row.order.state in ORDER_ENDED:
            _charge_ended(row, job)
        elif row.state in BEFORE_CHARGE and clock.now() - row.created_at > LATE_AFTER:
            _give_up(row, DomainError("paid_start_late"), job)
    return row.state


def sweep(*, actor: Actor, limit: int = 200) -> int:
    """Take every step that is due: ended charges, completions, debits under way, lost answers; returns how many."""
    rows = ScoreOrder.objects.unscoped("every pay-score order with a step to take")
    ended = Q(state=S.STARTED, order__state__in=ORDER_ENDED)
    due = Q(next_at__lte=clock.now())
    taken = 0
    for score_id in list(rows.filter(ended | due).order_by("pk").values_list("pk", flat=True)[:limit]):
        try:
            state = work(score_id=score_id)
            taken += 1
            if state not in (S.READY, S.STARTED):
                _call(score_id, actor)
        except Exception:
            logger.exception("pay-score order %s could not go on", score_id)
    return taken


def on_message(payload: Mapping[str, Any]) -> None:
    """The outbox's door: what is open starts at once."""
    work(score_id=payload["score_id"])


def trade_of(payment: Payment) -> Trade:
    """The debit behind a payment as the service tells it now; raises `ProviderUnknown`."""
    try:
        return _trade(payment.out_trade_no, pay_score().query(payment.out_trade_no))
    except ChannelOff as error:
        raise ProviderUnknown(str(error)) from error


payments.ask_elsewhere(SCORE_WAY, trade_of)


# --- opening -------------------------------------------------------------------------
def _claim_row(driver: Driver, connector: Connector, kept: dict[str, Any], key: str) -> ScoreOrder:
    """The committed row of this request; everything that can be refused before the service is asked is."""
    refusal = orders.why_not_startable(connector=connector, driver=driver)
    if refusal is not None:
        raise refusal
    if driver.is_frozen:
        raise DomainError("driver_frozen")
    if owed := ledger.arrears_fen(driver):
        raise DomainError("driver_in_arrears", {"yuan": f"{owed / 100:.2f}"})
    permission = score_permissions.permission_of(driver)
    if permission is None or permission.state != permission.State.OPEN:
        raise DomainError("score_not_given")
    now = clock.now()
    offer = offer_for(pile=connector.pile, station=connector.station, driver=driver, at=now)
    if offer is None:
        raise DomainError("no_tariff", {"code": connector.pile.code})
    local = now.astimezone(ZoneInfo(connector.station.time_zone))
    tiers = {tier.code: tier for tier in offer.snapshot.tiers}
    tier = tiers[offer.snapshot.slots_on(local.date())[(local.hour * 60 + local.minute) // 30]]
    try:
        with transaction.atomic():
            return ScoreOrder.objects.create(
                number=f"S{now.astimezone(WIRE_ZONE):%y%m%d%H%M%S}{secrets.randbelow(10**10):010d}",
                driver=driver,
                operator_id=connector.operator_id,
                station_id=connector.station_id,
                pile_id=connector.pile_id,
                connector=connector,
                client_key=key,
                openid=permission.openid,
                fund_fen=kept["fen"],
                rule=score_texts.rule(tier.electricity_price, tier.service_price),
                limits=kept,
                created_at=now,
                next_at=now + timedelta(seconds=PLAN_S[0]),
            )
    except IntegrityError:
        found = _of_key(driver, key)  # a rival with the same key was first
        if found is not None:
            return found
        rows = ScoreOrder.objects.unscoped("a driver's own request").filter(
            driver=driver, state__in=(*BEFORE_CHARGE, S.STARTED)
        )
        raise DomainError(
            "driver_busy", {"order_no": rows.values_list("number", flat=True).first()}
        ) from None


def _create(row: ScoreOrder, service: PayScore, actor: Actor) -> None:
    begin = ScoreBegin(
        number=row.number,
        openid=row.openid,
        fund_fen=row.fund_fen,
        items=score_texts.at_creation(_kind(row), row.rule),
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


def _begin(row: ScoreOrder, job: Actor) -> None:
    """Start the charge of a locked row, or note why not and have the service order cancelled."""
    driver = row.driver
    actor = Actor(ActorKind.ACCOUNT, str(driver.pk), driver.masked_phone, party=driver)
    if clock.now() - row.created_at > LATE_AFTER:
        _give_up(row, DomainError("paid_start_late"), job)
        return
    try:
        with transaction.atomic():
            row.order = orders.start_order(
                actor=actor,
                connector_code=row.connector.code,
                driver=driver,
                limit_fen=row.fund_fen,
                targets=Targets.from_json({k: v for k, v in row.limits.items() if k != "package_fen"}),
                package_fen=row.limits.get("package_fen"),
                by_score=True,
            )
    except DomainError as refusal:
        _give_up(row, refusal, job)
        return
    move_score(row, "started", update_fields=["order"])


def _give_up(row: ScoreOrder, refusal: DomainError | None, job: Actor) -> None:
    if refusal is not None:
        row.refusal = {"code": refusal.code, "params": refusal.params}
    move_score(row, "given_up", update_fields=["refusal"])
    after = {"number": row.number, **(row.refusal or {})}
    audit.record(actor=job, action="billing.score_given_up", target=row, after=after)


# --- the end of the charge -----------------------------------------------------------
def _charge_ended(row: ScoreOrder, job: Actor) -> None:
    """A locked row whose charge has ended: ask for what is owed of it, or cancel when that is nothing."""
    order = row.order
    owed = money_of(order).owed_fen
    row.asked_fen = min(owed, row.fund_fen)
    if not row.asked_fen:
        _give_up(row, None, job)
        return
    now = clock.now()
    began = max(order.started_at or row.opened_at, row.opened_at)
    row.completion = {
        "items": score_texts.at_completion(
            _kind(row),
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
    row.payment = Payment.objects.create(
        out_trade_no=row.number,
        channel=Channel.WECHAT,
        way=SCORE_WAY,
        driver=row.driver,
        operator_id=row.driver.operator_id,
        amount_fen=row.asked_fen,
        state=Payment.State.PAYING,
        created_at=now,
        expires_at=now + LIFE,
    )
    note(row.payment, "created", job, {"amount_fen": row.asked_fen, "order_no": order.order_no})
    note_order(order, "score_asked", job, {"number": row.number, "amount_fen": row.asked_fen})
    move_score(row, "billed", update_fields=["asked_fen", "completion", "payment"])


def _done(row: ScoreOrder, view: ScoreView, actor: Actor) -> None:
    """The service has ended a locked row's order: book its debit, or see that there is none."""
    if view.debits:
        if row.payment_id is None:  # completed by hand at the service
            row.payment = Payment.objects.create(
                out_trade_no=row.number,
                channel=Channel.WECHAT,
                way=SCORE_WAY,
                driver=row.driver,
                operator_id=row.driver.operator_id,
                amount_fen=view.total_fen,
                state=Payment.State.PAYING,
                created_at=clock.now(),
                expires_at=clock.now(),
            )
            row.save(update_fields=["payment"])
        _adopt_total(row, view)
        payments.book_trade(actor=actor, payment_id=row.payment_id, trade=_trade(row.number, view))
    elif row.payment_id is not None:
        payment = lock_payment(row.payment_id)
        if PAYMENT_STATES.allows(payment.state, "closed"):
            move_payment(payment, "closed", actor, {"by": "paid another way"})
    move_score(row, "paid")
    if row.order_id is not None:
        note_order(row.order, "score_done", actor, {"number": row.number, "amount_fen": view.total_fen or 0})


def _adopt_total(row: ScoreOrder, view: ScoreView) -> None:
    """The payment is of what the service says it asks for, if that is one of the two amounts we asked for."""
    if row.payment_id is None or view.total_fen not in (row.asked_fen, row.lowered_fen):
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
    # More than one debit of an order is nothing this platform knows to book: without a number a person decides.
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


# --- calling the service ---------------------------------------------------------------
def _call(score_id: int, actor: Actor) -> None:
    """One call for a due row, outside every transaction; the next attempt is planned before it."""
    row = _claim(score_id)
    if row is None:
        return
    try:
        service = pay_score()
        match row.state:
            case S.CREATED:
                if service.query(row.number).state is ScoreState.ABSENT:
                    _create(row, service, actor)
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
    if view.state is not ScoreState.PAYING:
        return view
    owed = min(money_of(row.order).owed_fen, row.asked_fen)
    if not owed:
        return service.paid_elsewhere(row.number, clock.now())
    lowered = row.lowered_fen if row.lowered_fen is not None else (owed if owed < row.asked_fen else None)
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


def _kind(row: ScoreOrder) -> str:
    two = row.pile.protocol in TWO_WHEELERS
    return score_texts.TWO_WHEELER if two else score_texts.CAR


def _of_key(driver: Driver, key: str) -> ScoreOrder | None:
    if not key:
        return None
    return ScoreOrder.objects.unscoped("a driver's own request").filter(driver=driver, client_key=key).first()


def _limits_json(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if name == "energy_kwh" else value for name, value in limits.items() if value}
