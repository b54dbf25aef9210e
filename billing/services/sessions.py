"""Following a running session: what the pile says between the start command and the record.

Every function takes one device event and may see it again; none of them trusts a pile with money.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal

from django.conf import settings
from django.db import transaction

from billing.locks import lock_order, lock_orders_of
from billing.models import ChargingOrder, ReviewItem
from billing.models.order import OPEN_STATES
from billing.pricing import (
    Finding,
    PricingError,
    TariffSnapshot,
    advance,
    charge,
    power_changes,
    segments_from_json,
    segments_to_json,
)
from billing.pricing.tariff import zone_of
from billing.services import deadlines, extensions, fees, pauses
from billing.services.evidence import doubt_of, points_from_json, snapshot_of_order
from billing.services.extensions import live_usage
from billing.services.order_states import move, note, tell
from billing.services.orders import request_stop, try_stop
from billing.services.settlement import close_order, open_review
from billing.services.targets import reached
from devices.events import ChargeStarted, ConnectorStatusChanged, MeterSampled
from devices.models import DeviceCommand
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.runtime.rows import update_rows
from stations.models import Connector, Pile

S = ChargingOrder.State
FOLLOWED = (S.CHARGING, S.STOPPING, S.FINISHING)
LIVE_FIELDS = (
    "soc_pct",
    "power_kw",
    "energy_kwh",
    "last_sample_at",
    "segments",
    "power_steps",
    "electricity_fen",
    "service_fen",
    "fees_fen",
    "discount_fen",
    "total_fen",
    "device_amount",
)
SAMPLE_PERIOD = timedelta(seconds=15)  # YKC V1.6 §8.1; a pile that samples less often is given its own period
LONGEST_PERIOD = timedelta(minutes=10)
STOP_DELAY = timedelta(seconds=30)  # from our stop command to the last kWh
IDLE_GRACE = timedelta(seconds=45)  # one report that a running session is idle may be a slip, two are not


def charge_started(*, actor: Actor, event: ChargeStarted) -> ChargingOrder | None:
    """A pile proves that energy may flow under a transaction number.

    An order that waits for it becomes `charging`. One that was closed meanwhile is stopped at once and shown to
    a person. A number that no order knows opens nothing and debits nobody.
    """
    with transaction.atomic():
        order = _order_of_start(event)
        if order is None:
            return None
        fields = set()
        if not order.transaction_ref:
            order.transaction_ref = event.transaction_ref
            fields.add("transaction_ref")
        if order.state in (S.STARTING, S.STOPPING) and order.started_at is None:
            order.started_at = event.at
            order.stop_due_at = deadlines.due_at(order)
            move(
                order,
                "charging_seen",
                actor,
                {"transaction_ref": event.transaction_ref},
                update_fields={"started_at", "stop_due_at", *fields},
                due_at=order.due_at if order.state == S.STOPPING else None,
            )
            if order.state == S.STOPPING:
                try_stop(order, actor)  # it was asked to stop before it had a number
            return order
        if fields:
            order.save(update_fields=fields)
        if order.state == S.CLOSED and not _was_late(order):
            note(order, "late_charging", actor, {"transaction_ref": event.transaction_ref})
            try_stop(order, actor)
            open_review(
                kind=ReviewItem.Kind.LATE_CHARGING,
                key=f"late:{order.order_no}",
                order=order,
                reasons=[Finding("late_charging").to_json()],
            )
        return order


def command_answered(*, actor: Actor, command: DeviceCommand) -> None:
    """A start or stop command of an order reached its end."""
    orders = ChargingOrder.objects.unscoped("a command names its order")
    found = (
        orders.filter(order_no=command.reference, pile_id=command.pile_id)
        .values_list("pk", flat=True)
        .first()
    )
    if found is None:
        return
    with transaction.atomic():
        order = lock_order(found)
        accepted = command.state == DeviceCommand.State.ACCEPTED
        data = {"command": command.pk, "reason": command.reason}
        if command.kind == DeviceCommand.Kind.START:
            if accepted:
                note(order, "start_accepted", actor, data)
            elif order.state == S.STARTING or (order.state == S.STOPPING and order.started_at is None):
                _start_failed(order, command, actor, data)
        elif command.kind == DeviceCommand.Kind.EXTEND:
            extensions.command_ended(order, command, actor)
        elif command.kind == DeviceCommand.Kind.STOP:
            if accepted:
                note(order, "stop_accepted", actor, data)
            elif order.state == S.STOPPING and order.started_at is not None:
                move(order, "stop_failed", actor, {**data, "state": command.state})
            else:
                note(order, "stop_refused", actor, {**data, "state": command.state})


def samples_taken(*, actor: Actor, samples: Iterable[MeterSampled]) -> None:
    """A batch of readings: each order they belong to is advanced once, priced once and written once."""
    by_transaction: dict[tuple[int, str], list[MeterSampled]] = defaultdict(list)
    for sample in samples:
        if sample.transaction_ref:
            by_transaction[sample.pile.id, sample.transaction_ref].append(sample)
    if not by_transaction:
        return
    with transaction.atomic():
        touched: list[tuple[ChargingOrder, timedelta]] = []
        for order in lock_orders_of(by_transaction):
            if order.state in FOLLOWED:
                period = _follow(order, by_transaction[order.pile_id, order.transaction_ref], actor)
                touched.append((order, period))
        orders = [order for order, _period in touched]
        update_rows(orders, LIVE_FIELDS)
        for order, period in touched:
            if order.state == S.CHARGING and order.power_kw:
                _forget_idle(order)
            _guard_limits(order, actor, period=period)
        tell(orders, moved=False)


def connector_reported(*, actor: Actor, event: ConnectorStatusChanged) -> None:
    """A connector's state next to its running order: two reports that it is not charging end the session."""
    orders = ChargingOrder.objects.unscoped("a pile reports its own connector")
    found = orders.filter(
        pile_id=event.pile.id, connector__number=event.connector_no, state__in=(S.CHARGING, S.STOPPING)
    )
    order_id = found.values_list("pk", flat=True).first()
    if order_id is None:
        return
    with transaction.atomic():
        order = lock_order(order_id)
        if order.state not in (S.CHARGING, S.STOPPING) or order.started_at is None:
            return
        if event.transaction_ref and event.transaction_ref != order.transaction_ref:
            return
        if event.state == Connector.State.CHARGING:
            _forget_idle(order)
        elif _says_not_charging(event):
            _not_charging(order, event, actor)


def pile_link_changed(*, actor: Actor, pile_id: int, kind: str, reason: str = "") -> None:
    """The link of a pile went or came back: told on the timelines of its running orders, which go on."""
    orders = ChargingOrder.objects.unscoped("a pile's own orders").filter(pile_id=pile_id)
    for order in orders.filter(state__in=[*OPEN_STATES, S.FINISHING]).order_by("pk"):
        note(order, kind, actor, {"reason": reason} if reason else {})


def piles_with_sessions(pile_ids: Collection[int]) -> list[int]:
    """Those of some piles whose running orders have a timeline to tell of."""
    orders = ChargingOrder.objects.unscoped("the piles' own orders").filter(
        pile_id__in=pile_ids, state__in=[*OPEN_STATES, S.FINISHING]
    )
    return list(orders.order_by("pile_id").values_list("pile_id", flat=True).distinct())


def fault_raised(*, actor: Actor, pile_id: int, connector_no: int, code: str, words: str) -> None:
    """A fault is told on the timelines of the orders it touches (connector 0: the whole pile)."""
    orders = ChargingOrder.objects.unscoped("a pile's own orders").filter(
        pile_id=pile_id, state__in=[*OPEN_STATES, S.FINISHING]
    )
    if connector_no:
        orders = orders.filter(connector__number=connector_no)
    for order in orders.order_by("pk"):
        note(order, "fault", actor, {"code": code, "words": words})


def tag_may_charge(*, pile_id: int, connector_no: int, id_tag: str) -> bool:
    """Whether a tag is that of an order which is open on this connector (0: anywhere on the pile)."""
    if not id_tag:
        return False
    orders = ChargingOrder.objects.unscoped("a tag names its order").filter(
        pile_id=pile_id, id_tag=id_tag, state__in=OPEN_STATES
    )
    if connector_no:
        orders = orders.filter(connector__number=connector_no)
    return orders.exists()


def _order_of_start(event: ChargeStarted) -> ChargingOrder | None:
    orders = ChargingOrder.objects.unscoped("a pile reports its own transaction").filter(
        pile_id=event.pile.id
    )
    order_id = orders.filter(transaction_ref=event.transaction_ref).values_list("pk", flat=True).first()
    if order_id is None and event.id_tag:
        by_tag = orders.filter(id_tag=event.id_tag, transaction_ref="", connector__number=event.connector_no)
        order_id = by_tag.values_list("pk", flat=True).first()
    return None if order_id is None else lock_order(order_id)


def _was_late(order: ChargingOrder) -> bool:
    return order.events.filter(kind="late_charging").exists()


def _start_failed(order: ChargingOrder, command: DeviceCommand, actor: Actor, data: dict) -> None:
    """The pile refused, or nobody knows what it did: then it is also told to stop, should it start after all."""
    refused = command.state == DeviceCommand.State.REJECTED
    order.stop_reason = (command.reason or command.state)[:48]
    order.save(update_fields=["stop_reason"])
    if order.state == S.STOPPING:
        close_order(order, "nothing_delivered", actor, data)
    else:
        close_order(order, "start_refused" if refused else "start_unanswered", actor, data)
    if command.state == DeviceCommand.State.EXPIRED:
        try_stop(order, actor)


def _follow(order: ChargingOrder, samples: list[MeterSampled], actor: Actor) -> timedelta:
    """Apply an order's readings of one batch to its `LIVE_FIELDS`, which the caller writes.

    Energy only rises, and only as far as the pile's power explains. Returns the time that the samples lie apart.
    """
    snapshot = snapshot_of_order(order)
    segments = segments_from_json(order.segments)
    previous_at = order.last_sample_at
    last = (previous_at or order.started_at, order.energy_kwh)
    advanced = False
    for sample in sorted(samples, key=lambda sample: sample.at):
        if sample.soc_pct is not None:
            order.soc_pct = sample.soc_pct
        if sample.power_kw is not None:
            order.power_kw = sample.power_kw
        if sample.energy_kwh is None or sample.suspect:
            continue
        reading = (sample.at, sample.energy_kwh)
        doubt = doubt_of(order, last, reading)
        if doubt == "late":
            continue
        if doubt is not None:
            _note_once(order, "reading_doubtful", actor, {"why": doubt, "energy_kwh": str(reading[1])})
            continue
        try:
            segments = advance(segments, last, reading, snapshot.zone)
        except PricingError as error:
            _note_once(order, "reading_doubtful", actor, {"why": error.code})
            continue
        last, advanced = reading, True
        order.last_sample_at, order.energy_kwh = reading
        if sample.device_amount is not None:
            order.device_amount = sample.device_amount
        if sample.power_kw and pauses.end_pause(order, sample.at):
            order.save(update_fields=["pauses", "stop_due_at"])
            note(order, "charge_resumed", actor)
        _follow_power(order, snapshot, sample)
    if advanced:
        order.segments = segments_to_json(segments)
        bill = charge(snapshot, live_usage(order, segments))
        order.electricity_fen, order.service_fen = bill.electricity_fen, bill.service_fen
        order.fees_fen, order.discount_fen = bill.fees_fen, bill.discount_fen
        order.total_fen = bill.total_fen
    return last[0] - previous_at if previous_at else SAMPLE_PERIOD


def _follow_power(order: ChargingOrder, snapshot: TariffSnapshot, sample: MeterSampled) -> None:
    """Where the price depends on the power, keep the moments at which its step changed."""
    if sample.power_kw is None or snapshot.component("power") is None:
        return
    points = [*points_from_json(order.power_steps), (sample.at, int(sample.power_kw * 1000))]
    order.power_steps = [[at.isoformat(), watts] for at, watts in power_changes(snapshot, sorted(points))]


def _guard_limits(order: ChargingOrder, actor: Actor, *, period: timedelta) -> None:
    """Stop before the held money is used up, and where a target of the session is reached."""
    if order.state != S.CHARGING:
        return
    now = clock.now()
    reason = reached(order, period=min(max(period, SAMPLE_PERIOD), LONGEST_PERIOD), now=now)
    limit = order.stop_at_fen
    if reason is None and limit is not None:
        reason = "balance" if foreseen_fen(order, snapshot_of_order(order), now, period) >= limit else None
    if reason is not None:
        stop_for(order, actor, reason=reason)


def stop_for(order: ChargingOrder, actor: Actor, *, reason: str) -> bool:
    """Stop a locked charging order for a reason of the platform's own; a refusal stands on its timeline once."""
    try:
        with transaction.atomic():
            request_stop(order, actor, reason=reason)
    except DomainError as refusal:
        _note_once(order, "stop_impossible", actor, {"reason": refusal.code})
        order.refresh_from_db()
        return False
    return True


def foreseen_fen(order: ChargingOrder, snapshot: TariffSnapshot, at: datetime, period: timedelta) -> int:
    """What the order will have cost by the time a stop after the next reading takes hold, in fen."""
    if not snapshot.components and not snapshot.discounts:
        return order.total_fen + margin_fen(order, snapshot, at, period)
    wait = min(max(period, SAMPLE_PERIOD), LONGEST_PERIOD) + STOP_DELAY
    hours = Decimal(wait.total_seconds()) / 3600
    energy = ((order.power_kw or Decimal(0)) * hours).quantize(Decimal("0.0001"), rounding=ROUND_UP)
    local = at.astimezone(zone_of(snapshot.zone))
    start = local.replace(minute=local.minute - local.minute % 30, second=0, microsecond=0)
    dearest = max(
        (start, start + timedelta(minutes=30)),
        key=lambda one: snapshot.tier(snapshot.tier_code_at(one)).unit_price,
    )
    segments = segments_from_json(order.segments)
    key = dearest.isoformat(timespec="minutes")
    segments[key] = segments.get(key, Decimal(0)) + energy
    until = max(order.last_sample_at or at, at) + wait
    return charge(snapshot, live_usage(order, segments, until)).total_fen + 1


def margin_fen(order: ChargingOrder, snapshot: TariffSnapshot, at: datetime, period: timedelta) -> int:
    """Power × (time to the next sample + stop delay) × the highest price within reach, in fen.

    The next sample is expected after `period`, the time since the one before, but not sooner than usual.
    """
    local = at.astimezone(zone_of(snapshot.zone))
    soon = (local, local + timedelta(minutes=30))
    price = max(snapshot.tier(snapshot.tier_code_at(one)).unit_price for one in soon)
    wait = min(max(period, SAMPLE_PERIOD), LONGEST_PERIOD)
    hours = Decimal((wait + STOP_DELAY).total_seconds()) / 3600
    return int((order.power_kw or Decimal(0)) * hours * price * 100) + 1


def _says_not_charging(event: ConnectorStatusChanged) -> bool:
    if event.state in (Connector.State.IDLE, Connector.State.FAULT):
        return True
    # Plugged in and not charging: the end for a YKC gun, but an OCPP transaction lasts until its stop message.
    return event.state == Connector.State.OCCUPIED and event.pile.protocol == Pile.Protocol.YKC


def _not_charging(order: ChargingOrder, event: ConnectorStatusChanged, actor: Actor) -> None:
    data = {"state": event.state, "fault_code": event.fault_code}
    if order.state == S.STOPPING:
        end_session(order, actor, data)  # it was asked to, so one report is enough
        return
    seen_before = order.events.filter(kind="idle_seen", at__gte=order.started_at)
    if order.last_sample_at is not None:
        seen_before = seen_before.filter(at__gte=order.last_sample_at)
    if seen_before.exists():
        end_session(order, actor, data)
        return
    note(order, "idle_seen", actor, data)
    order.due_at = clock.now() + IDLE_GRACE
    order.save(update_fields=["due_at"])


def end_session(order: ChargingOrder, actor: Actor, data: dict | None = None) -> None:
    """The session of a locked order is over as far as one can see; its record is due."""
    order.ended_at, order.power_kw = clock.now(), None
    move(
        order,
        "end_seen",
        actor,
        data,
        update_fields={"ended_at", "power_kw"},
        due_at=clock.now() + timedelta(seconds=settings.RECORD_TIMEOUT_S),
    )
    fees.begin_occupancy(order, actor)


def _forget_idle(order: ChargingOrder) -> None:
    if order.state == S.CHARGING and order.due_at is not None:
        order.due_at = None
        order.save(update_fields=["due_at"])


def _note_once(order: ChargingOrder, kind: str, actor: Actor, data: dict) -> None:
    if not order.events.filter(kind=kind).exists():
        note(order, kind, actor, data)
