"""Fees beside the charge: begun, followed, booked and waived here.

Staying plugged in costs from the end of charging to the unplugging; parking and reservations are told by whoever
saw them. The rule is frozen with the order, the sum comes from `billing.pricing.fees`, and the money is booked by
itself: the wallet pays what is free on it, the rest becomes arrears.
"""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Sum

from billing import payers
from billing.locks import lock_fee, lock_order
from billing.models import Account, ChargingOrder, Journal, OrderFee
from billing.pricing.components import OccupancyFee, ParkingFee, ReservationFee, component_from_json
from billing.pricing.fees import Span, TimedFee, cap_reached_at, occupancy, parking, reservation
from billing.pricing.slots import MAX_INTERVAL
from billing.services import bonuses, debts, ledger
from billing.services.evidence import snapshot_of_order
from billing.services.invoices.states import require_not_invoiced
from billing.services.order_states import note
from devices.events import ConnectorStatusChanged
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Connector
from users import policy

logger = logging.getLogger(__name__)
K, S = OrderFee.Kind, OrderFee.State
ACCOUNTS = {
    K.OCCUPANCY: Account.Kind.OPERATOR_OCCUPANCY,
    K.RESERVATION: Account.Kind.OPERATOR_RESERVATION,
    K.PARKING: Account.Kind.OPERATOR_PARKING,
}
STILL_THERE = (Connector.State.CHARGING, Connector.State.OCCUPIED)
BROKEN = (Connector.State.FAULT, Connector.State.OFFLINE)
LOOK_AGAIN = timedelta(minutes=10)
FRESH = timedelta(minutes=15)  # an older end says nothing about who is plugged in now


def begin_occupancy(order: ChargingOrder, actor: Actor) -> OrderFee | None:
    """Begin to count for a locked order whose charging has ended; None when there is nothing to count.

    Its tariff must have the fee, somebody must pay, the end must be fresh, and the gun must not be known to be out
    or taken by another session.
    """
    rule = snapshot_of_order(order).component(OccupancyFee.kind)
    if rule is None or payers.of_order(order) is None or not (order.ended_at and order.started_at):
        return None
    if clock.now() - order.ended_at > FRESH:
        return None
    others = ChargingOrder.objects.unscoped("who else used the connector").filter(
        connector_id=order.connector_id, pk__gt=order.pk, created_at__gte=order.ended_at
    )
    if others.exists():
        return None
    connector = Connector.objects.unscoped("the order's own").get(pk=order.connector_id)
    if connector.plugged is False or connector.state == Connector.State.IDLE:
        return None
    if OrderFee.objects.unscoped("the order's own").filter(order=order, kind=K.OCCUPANCY).exists():
        return None
    broken = connector.state in BROKEN
    fee = _create(
        order,
        K.OCCUPANCY,
        rule,
        state=S.RUNNING,
        began_at=order.ended_at,
        outages=[[order.ended_at.isoformat(), None]] if broken else [],
    )
    free_until = fee.began_at + timedelta(seconds=rule.grace_s)
    fee.due_at = min(free_until, cap_reached_at(rule, begin=fee.began_at, zone=snapshot_of_order(order).zone))
    fee.save(update_fields=["due_at"])
    note(order, "occupancy_begins", actor, {"free_until": free_until.isoformat(), "fen": rule.fen})
    return fee


def connector_reported(*, actor: Actor, event: ConnectorStatusChanged) -> None:
    """A connector's state next to the fee that counts on it: unplugged ends it, a fault pauses it."""
    gone = event.state == Connector.State.IDLE or event.plugged is False
    for fee_id, order_id in _running(event.pile.id, event.connector_no):
        with transaction.atomic():
            order = lock_order(order_id)
            fee = lock_fee(fee_id)
            if fee.state != S.RUNNING:
                continue
            if gone or (
                event.state == Connector.State.CHARGING
                and event.transaction_ref
                and event.transaction_ref != order.transaction_ref
            ):
                _end(fee, order, max(event.at, fee.began_at), actor)
            elif event.state in BROKEN:
                _pause(fee, event.at)
            elif event.state in STILL_THERE:
                _resume(fee, event.at)


def piles_with_fees(pile_ids: Collection[int]) -> list[int]:
    """Those of some piles at which a fee is counting."""
    rows = OrderFee.objects.unscoped("the piles' own fees").filter(
        pile_id__in=pile_ids, state=S.RUNNING, kind=K.OCCUPANCY
    )
    return list(rows.values_list("pile_id", flat=True).distinct())


def pile_offline(*, pile_id: int, at: datetime) -> None:
    """While a pile is offline nobody can be seen leaving, so nothing counts."""
    for fee_id, order_id in _running(pile_id):
        with transaction.atomic():
            lock_order(order_id)
            fee = lock_fee(fee_id)
            if fee.state == S.RUNNING:
                _pause(fee, at)


def sweep_fees(*, actor: Actor, limit: int = 500) -> int:
    """End fees that reached their cap without anybody being seen leaving, and those whose leaving was missed.

    The unplugging and the end of the charge may be reported in the same moment, in two transactions that do not
    see each other; so the gun is looked at again before the fee costs anything. Returns how many ended.
    """
    now = clock.now()
    rows = OrderFee.objects.unscoped("every fee that is due").filter(due_at__lte=now, state=S.RUNNING)
    ended = 0
    for fee_id, order_id in list(rows.order_by("due_at").values_list("pk", "order_id")[:limit]):
        try:
            with transaction.atomic():
                order = lock_order(order_id)
                fee = lock_fee(fee_id)
                if fee.state != S.RUNNING or fee.due_at is None or fee.due_at > now:
                    continue
                connector = Connector.objects.unscoped("the fee's own").get(pk=fee.connector_id)
                if connector.state == Connector.State.IDLE or connector.plugged is False:
                    _end(fee, order, min(max(connector.state_changed_at or now, fee.began_at), now), actor)
                    ended += 1
                elif (
                    now - fee.began_at >= MAX_INTERVAL
                    or _sum(fee, now).fen >= component_from_json(fee.rule).cap_fen
                ):
                    fee.flagged = True
                    _end(fee, order, now, actor)
                    ended += 1
                else:
                    fee.due_at = now + LOOK_AGAIN
                    fee.save(update_fields=["due_at"])
        except Exception:
            logger.exception("fee %s could not be ended", fee_id)
    return ended


def book_fee(
    *,
    actor: Actor,
    order: ChargingOrder,
    kind: str,
    began_at: datetime,
    ended_at: datetime,
    came: bool = True,
    charging: list[Span] | None = None,
    rule: Any = None,
) -> OrderFee | None:
    """Book a parking or reservation fee that somebody saw from beginning to end; once per order and kind.

    The rule is the order's frozen one unless an older one is given; None when its tariff has none. `charging` are the spans of charging, which
    parking may leave free; the order's own is the default. Call it under the order's lock or alone.
    """
    rule = rule or snapshot_of_order(order).component(kind)
    if rule is None or payers.of_order(order) is None:
        return None
    with transaction.atomic():
        locked = lock_order(order.pk)
        found = OrderFee.objects.unscoped("the order's own").filter(order=locked, kind=kind).first()
        if found is not None:
            return found
        if charging is None:
            charging = [(locked.started_at, locked.ended_at or ended_at)] if locked.started_at else []
        fee = _create(
            locked,
            kind,
            rule,
            state=S.RUNNING,
            began_at=began_at,
            came=came,
            charging=[[since.isoformat(), until.isoformat()] for since, until in charging],
        )
        return _end(lock_fee(fee.pk), locked, ended_at, actor)


def waive_fee(*, actor: Actor, fee_id: int, reason: str) -> OrderFee:
    """Let a fee cost nothing: a running one ends, a paid one goes back to the wallet.

    Needs `billing.waive_fee` and a reason. Raises `not_found`, `reason_required`, `fee_not_running` for one that
    was waived or cost nothing anyway, `permission_denied`.
    """
    policy.require(actor, "billing.waive_fee")
    if not reason.strip():
        raise DomainError("reason_required", field="reason")
    found = OrderFee.objects.for_actor(actor).filter(pk=fee_id).first()
    if found is None:
        raise DomainError("not_found")
    with transaction.atomic():
        order = lock_order(found.order_id)
        fee = lock_fee(fee_id)
        before = {"state": fee.state, "amount_fen": fee.amount_fen}
        if fee.state == S.SETTLED:
            require_not_invoiced(order)
            source = ledger.account_of(ACCOUNTS[fee.kind], operator=fee.operator)
            own, to_bonus = bonuses.split_return(order, fee.amount_fen)
            if own:
                ledger.credit(
                    key=waiver_key_of(fee),
                    kind=Journal.Kind.CORRECTION,
                    source=source,
                    driver=payers.owner_of(order),
                    amount_fen=own,
                    actor=actor,
                    order=order,
                    memo=reason,
                )
            if to_bonus:
                ledger.post(
                    key=f"{waiver_key_of(fee)}:bonus",
                    kind=Journal.Kind.CORRECTION,
                    lines=[(source, -to_bonus), (bonuses.bonus_of(order.driver), to_bonus)],
                    actor=actor,
                    order=order,
                    memo=reason,
                )
                bonuses.give_back_of_left(
                    driver=order.driver,
                    key=f"{waiver_key_of(fee)}:bonus-left",
                    actor=actor,
                    reason=reason,
                )
        elif fee.state != S.RUNNING:
            raise DomainError("fee_not_running")
        fee.state, fee.due_at = S.WAIVED, None
        fee.ended_at = fee.ended_at or clock.now()
        fee.waived_by, fee.waive_reason = actor.name[:128], reason.strip()[:255]
        fee.save(update_fields=["state", "due_at", "ended_at", "waived_by", "waive_reason"])
        note(order, "fee_waived", actor, {"kind": fee.kind, "amount_fen": fee.amount_fen})
        audit.record(
            actor=actor,
            action="billing.waive_fee",
            target=fee,
            reason=reason,
            before=before,
            after={"state": fee.state, "order_no": order.order_no},
        )
    return fee


def key_of(fee: OrderFee) -> str:
    """The key under which the ledger knows a fee's booking."""
    return f"fee:{fee.pk}"


def waiver_key_of(fee: OrderFee) -> str:
    """The key under which the ledger knows that a booked fee was given back."""
    return f"waive-fee:{fee.pk}"


def recompute(fee: OrderFee) -> TimedFee:
    """What an ended fee comes to, from its frozen rule and its moments alone."""
    return _sum(fee, fee.ended_at)


def so_far(fee: OrderFee) -> TimedFee:
    """What a fee comes to at this moment."""
    return _sum(fee, fee.ended_at or clock.now())


def _create(order: ChargingOrder, kind: str, rule: Any, **fields: Any) -> OrderFee:
    return OrderFee.objects.create(
        order=order,
        kind=kind,
        operator_id=order.operator_id,
        station_id=order.station_id,
        pile_id=order.pile_id,
        connector_id=order.connector_id,
        driver_id=order.driver_id,
        rule=rule.to_json(),
        **fields,
    )


def _running(pile_id: int, connector_no: int | None = None) -> list[tuple[int, int]]:
    rows = OrderFee.objects.unscoped("a pile reports its own connector").filter(
        pile_id=pile_id, state=S.RUNNING, kind=K.OCCUPANCY
    )
    if connector_no is not None:
        rows = rows.filter(connector__number=connector_no)
    return list(rows.order_by("order_id").values_list("pk", "order_id"))


def _pause(fee: OrderFee, at: datetime) -> None:
    if not fee.outages or fee.outages[-1][1] is not None:
        fee.outages = [*fee.outages, [max(at, fee.began_at).isoformat(), None]]
        fee.save(update_fields=["outages"])


def _resume(fee: OrderFee, at: datetime) -> None:
    if fee.outages and fee.outages[-1][1] is None:
        fee.outages = [*fee.outages[:-1], [fee.outages[-1][0], at.isoformat()]]
        fee.save(update_fields=["outages"])


def _spans(rows: list[Any], until: datetime) -> list[Span]:
    return [
        (datetime.fromisoformat(since), until if end is None else datetime.fromisoformat(end))
        for since, end in rows
    ]


def _sum(fee: OrderFee, until: datetime) -> TimedFee:
    rule = component_from_json(fee.rule)
    until = min(until, fee.began_at + MAX_INTERVAL)  # nobody stays for months; what follows is not counted
    zone = snapshot_of_order(fee.order).zone
    match rule:
        case OccupancyFee():
            return occupancy(
                rule,
                begin=fee.began_at,
                end=until,
                zone=zone,
                outages=_spans(fee.outages, until),
                charged_today_fen=fee.before_fen,
            )
        case ParkingFee():
            return parking(
                rule,
                arrived=fee.began_at,
                left=until,
                zone=zone,
                charging=_spans(fee.charging, until),
                charged_today_fen=fee.before_fen,
            )
        case ReservationFee():
            return reservation(rule, reserved=fee.began_at, until=until, came=fee.came)
    raise ValueError(fee.kind)


def _end(fee: OrderFee, order: ChargingOrder, at: datetime, actor: Actor) -> OrderFee:
    """End a locked fee of a locked order and book it."""
    fee.ended_at, fee.due_at = at, None
    fee.outages = [[since, at.isoformat() if end is None else end] for since, end in fee.outages]
    fee.before_fen = _charged_that_day(fee)
    timed = _sum(fee, at)
    fee.amount_fen, fee.blocks = timed.fen, timed.blocks
    fee.state = S.SETTLED if timed.fen else S.DROPPED
    if timed.fen:
        fee.settled_at = clock.now()
        debt = debts.Debt(
            key=key_of(fee),
            kind=Journal.Kind.ORDER_FEE,
            order=order,
            credits={ACCOUNTS[fee.kind]: timed.fen},
            actor=actor,
            memo=fee.kind,
            keep_hold=True,
        )
        debts.settle_debts([debt])
    fee.save()
    data = {"kind": fee.kind, "amount_fen": timed.fen, "capped": timed.capped, "flagged": fee.flagged}
    note(order, "fee_ended", actor, data)
    return fee


def _charged_that_day(fee: OrderFee) -> int:
    """What other fees of this kind have cost the same driver on the local day on which this one began.

    Where no driver is known, the same card or the same vehicle.
    """
    zone = ZoneInfo(snapshot_of_order(fee.order).zone)
    day = fee.began_at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = OrderFee.objects.unscoped("the cap of a driver's day").filter(
        **_who(fee),
        operator_id=fee.operator_id,
        kind=fee.kind,
        state=S.SETTLED,
        began_at__gte=day,
        began_at__lt=day + timedelta(days=1),
    )
    return rows.exclude(pk=fee.pk).aggregate(total=Sum("amount_fen"))["total"] or 0


def _who(fee: OrderFee) -> dict[str, Any]:
    if fee.driver_id is not None:
        return {"driver_id": fee.driver_id}
    if fee.order.card_id is not None:
        return {"order__card_id": fee.order.card_id}
    return {"order__vin": fee.order.vin}
