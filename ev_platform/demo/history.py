"""Two days of the demo's past, told to the platform as its piles would have told it.

Every session goes through the services that live sessions go through, with the clock held at its moment: start
with checks and hold, answer of the pile, samples, stop, record, price, ledger. Nothing is written beside them.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import transaction

from billing.models import ChargingOrder
from billing.pricing import advance, price_segments, wire_mapping
from billing.services import ledger, orders, tariffs
from billing.services.evidence import snapshot_of_order
from devices import events
from devices.models import DeviceCommand
from devices.services import commands, presence, records, samples, status, stops, transactions
from devices.services.references import pile_ref
from devices.simulators.demo import register_kwh
from kernel import clock, live
from stations.models import Connector, Pile
from users.actors import of_driver
from users.models import Driver

DAYS = 2
QUIET_BEFORE_NOW = timedelta(hours=3)
WIRE_TIERS = ("sharp", "peak", "flat", "valley")
ENOUGH_FEN = 15_000
WHY = "the demo's own rows"
BEIJING = ZoneInfo("Asia/Shanghai")
# How busy an hour of the day is, midnight to midnight.
BUSY = (5, 5, 4, 3, 2, 2, 3, 4, 5, 6, 6, 7, 8, 7, 6, 6, 5, 5, 6, 5, 4, 5, 7, 7)
_KWH = Decimal("0.0001")
_KW = Decimal("0.001")


@dataclass
class Visit:
    """One session to come: who, where, when, how much."""

    connector: Connector
    driver: Driver
    start: datetime
    curve: list[tuple[datetime, Decimal, Decimal, int | None]]  # (at, kWh so far, kW, SoC %)
    register_kwh: Decimal
    by_app: bool
    order_no: str = ""
    transaction: int = 0

    @property
    def end(self) -> datetime:
        return self.curve[-1][0]

    @property
    def energy_kwh(self) -> Decimal:
        return self.curve[-1][1]


def write_history(*, now: datetime, seed: int = 7, sessions: int = 60) -> int:
    """Write about `sessions` sessions of the last two days; returns how many orders there are then."""
    rng = random.Random(seed)
    piles = list(
        Pile.objects.unscoped(WHY).filter(in_service=True).select_related("model", "station").order_by("code")
    )
    began = now - timedelta(days=DAYS)
    opened = {pile.pk: _come_online(pile, began) for pile in piles}
    steps: list[tuple[datetime, int, Callable[[], None]]] = []
    order_of_steps = itertools.count()
    for visit in _plan(piles, began, now - QUIET_BEFORE_NOW, rng, sessions):
        for at, act in ((visit.start, _begin), (visit.end, _finish)):
            heapq.heappush(steps, (at, next(order_of_steps), lambda act=act, visit=visit: act(visit)))
    while steps:
        at, _order, act = heapq.heappop(steps)
        with clock.held_at(at), live.muted(), transaction.atomic():
            act()
    _leave_work_for_people(piles, now - QUIET_BEFORE_NOW)
    for session_id in opened.values():
        with clock.held_at(now - timedelta(minutes=1)), live.muted():
            presence.close_session(session_id=session_id, reason="disconnected")
    return ChargingOrder.objects.unscoped(WHY).count()


def _come_online(pile: Pile, at: datetime) -> int:
    with clock.held_at(at), live.muted(), transaction.atomic():
        version = tariffs.version_in_force(pile=pile, at=at)
        if pile.protocol == Pile.Protocol.YKC:
            profile = tariffs.profile_on(version, zone=pile.station.time_zone, at=at)
            tariffs.confirm_held(pile=pile, version=version, profile=profile)
        opened = presence.open_session(
            pile_id=pile.pk,
            protocol=pile.protocol,
            channel=f"demo.history.{pile.pk}",
            remote_address="127.0.0.1",
        )
        for number in opened.connectors:
            status.apply_status(
                pile=opened.pile, connector_no=number, state=Connector.State.IDLE, at=at, plugged=False
            )
    return opened.session_id


def _plan(
    piles: list[Pile], began: datetime, until: datetime, rng: random.Random, sessions: int
) -> list[Visit]:
    connectors = list(
        Connector.objects.unscoped(WHY)
        .filter(pile__in=piles)
        .select_related("pile__model", "station")
        .order_by("code")
    )
    drivers = list(Driver.objects.unscoped(WHY).filter(is_frozen=False).order_by("phone"))
    free_from: dict[object, datetime] = {}
    hours = [began + timedelta(hours=index) for index in range(int((until - began) / timedelta(hours=1)))]
    weights = [BUSY[hour.astimezone(BEIJING).hour] for hour in hours]
    moments = sorted(
        hour + timedelta(seconds=rng.randrange(3600)) for hour in rng.choices(hours, weights, k=sessions)
    )
    visits = []
    for start in moments:
        places = [one for one in connectors if free_from.get(("pile", one.pile_id), began) <= start]
        people = [one for one in drivers if free_from.get(("driver", one.pk), began) <= start]
        if not places or not people:
            continue
        connector, driver = rng.choice(places), rng.choice(people)
        curve = _curve(connector.pile, start, rng)
        if curve[-1][0] > until:
            continue
        # One session per pile at a time keeps a register that both connectors share in order.
        free_from["pile", connector.pile_id] = curve[-1][0] + timedelta(hours=3)
        free_from["driver", driver.pk] = curve[-1][0] + timedelta(minutes=20)
        register = Decimal(str(register_kwh(connector.pile.code, start))).quantize(_KWH)
        visits.append(Visit(connector, driver, start, curve, register, by_app=rng.random() < 0.6))
    return visits


def _curve(
    pile: Pile, start: datetime, rng: random.Random
) -> list[tuple[datetime, Decimal, Decimal, int | None]]:
    """What a car draws: constant on AC; on DC by the pile or the car, falling above 80 % SoC. At most 40 kWh."""
    is_dc = pile.model is None or pile.model.current_type == "dc"
    rated = float(pile.rated_power_kw)
    step = timedelta(minutes=5 if is_dc else 15)
    length = timedelta(minutes=rng.randrange(15, 55) if is_dc else rng.randrange(90, 300))
    capacity, soc = rng.choice((42.0, 57.0, 62.0, 76.0)), rng.uniform(18, 55)
    top = min(rated, capacity * 1.3, 85.0) * rng.uniform(0.75, 0.95)
    begin = at = start + timedelta(seconds=rng.randrange(12, 30))
    energy, curve = (
        0.0,
        [(begin, Decimal(0).quantize(_KWH), Decimal(0).quantize(_KW), int(soc) if is_dc else None)],
    )
    while at < begin + length and soc < 99 and energy < 38:
        power = top if soc < 80 else top * max(0.15, (100 - soc) / 22)
        power *= rng.uniform(0.97, 1.0)
        at += step
        delta = power * step.total_seconds() / 3600
        energy += delta
        soc = min(100.0, soc + delta / capacity * 100 * 0.94)
        curve.append(
            (
                at,
                Decimal(str(energy)).quantize(_KWH),
                Decimal(str(power)).quantize(_KW),
                int(soc) if is_dc else None,
            )
        )
    return curve


def _begin(visit: Visit) -> None:
    if ledger.wallet_of(visit.driver).available_fen < ENOUGH_FEN:
        return
    pile, number, at = pile_ref(visit.connector.pile), visit.connector.number, visit.start
    status.apply_status(pile=pile, connector_no=number, state=Connector.State.OCCUPIED, at=at, plugged=True)
    order = orders.start_order(
        actor=of_driver(visit.driver), connector_code=visit.connector.code, driver=visit.driver
    )
    visit.order_no = order.order_no
    _accept(order.order_no, DeviceCommand.Kind.START)
    begun_at = visit.curve[0][0]
    with clock.held_at(begun_at):
        if pile.protocol == Pile.Protocol.YKC:
            status.charge_started(
                events.ChargeStarted(
                    pile=pile, connector_no=number, at=begun_at, transaction_ref=order.transaction_ref
                )
            )
        else:
            visit.transaction = transactions.start_transaction(
                pile=pile,
                connector_no=number,
                id_tag=order.id_tag,
                started_at=begun_at,
                meter_start_kwh=visit.register_kwh,
                at=begun_at,
            ).number
        status.apply_status(
            pile=pile, connector_no=number, state=Connector.State.CHARGING, at=begun_at, plugged=True
        )


def _finish(visit: Visit) -> None:
    if not visit.order_no:
        return
    order = ChargingOrder.objects.unscoped(WHY).select_related("pile").get(order_no=visit.order_no)
    pile, number = pile_ref(visit.connector.pile), visit.connector.number
    samples.store_samples([_reading(visit, pile, order, row) for row in visit.curve[1:]])
    if visit.by_app:
        orders.stop_order(actor=of_driver(visit.driver), order_no=order.order_no, reason="driver")
        _accept(order.order_no, DeviceCommand.Kind.STOP)
    if pile.protocol == Pile.Protocol.YKC:
        records.store_record(pile=pile, reported=_ykc_record(visit, pile, order))
    else:
        stops.store_stop(
            pile=pile,
            stop=stops.ReportedStop(
                number=visit.transaction,
                ended_at=visit.end,
                meter_end_kwh=visit.register_kwh + visit.energy_kwh,
                id_tag=order.id_tag,
                reason="Remote" if visit.by_app else "Local",
                payload={},
                raw="",
            ),
        )
    status.apply_status(
        pile=pile, connector_no=number, state=Connector.State.IDLE, at=visit.end, plugged=False
    )


def _accept(order_no: str, kind: str) -> None:
    command = DeviceCommand.objects.unscoped(WHY).get(
        reference=order_no, kind=kind, state=DeviceCommand.State.QUEUED
    )
    commands.complete_command(command_id=command.pk, state=DeviceCommand.State.ACCEPTED)


def _reading(
    visit: Visit,
    pile: events.PileRef,
    order: ChargingOrder,
    row: tuple[datetime, Decimal, Decimal, int | None],
) -> samples.StoredReading:
    at, energy_kwh, power_kw, soc_pct = row
    volts = Decimal("220.0") if soc_pct is None else Decimal("380.0")
    return samples.StoredReading(
        events.MeterSampled(
            pile=pile,
            connector_no=visit.connector.number,
            at=at,
            transaction_ref=order.transaction_ref,
            energy_kwh=energy_kwh,
            power_kw=power_kw,
            voltage_v=volts,
            current_a=(power_kw * 1000 / volts).quantize(Decimal("0.01")),
            soc_pct=soc_pct,
        ),
        register_kwh=visit.register_kwh + energy_kwh,
    )


def _ykc_record(visit: Visit, pile: events.PileRef, order: ChargingOrder) -> records.ReportedTransaction:
    """The record of a pile that prices itself by the four rates it holds (YKC V1.6 §6.6)."""
    snapshot = snapshot_of_order(order)
    segments: dict[str, Decimal] = {}
    for before, after in itertools.pairwise(visit.curve):
        segments = advance(segments, before[:2], after[:2], snapshot.zone)
    bill = price_segments(snapshot, segments)
    lines = {line.tier: line for line in bill.lines}
    tiers, amount = {}, Decimal(0)
    for position, code in zip(WIRE_TIERS, wire_mapping(snapshot), strict=True):
        unit_price = snapshot.tier(code).unit_price if code else Decimal(0)
        energy = lines[code].energy_kwh if code in lines else Decimal(0)
        part = (energy * unit_price).quantize(_KWH)
        amount += part
        tiers[position] = {
            "price": str(unit_price),
            "energy_kwh": str(energy),
            "loss_energy_kwh": str(energy),
            "amount": str(part),
        }
    return records.ReportedTransaction(
        connector_no=visit.connector.number,
        protocol="ykc",
        identity=f"ykc:{pile.code}:{order.transaction_ref}",
        transaction_ref=order.transaction_ref,
        started_at=visit.curve[0][0],
        ended_at=visit.end,
        energy_kwh=visit.energy_kwh,
        meter_start_kwh=visit.register_kwh,
        meter_end_kwh=visit.register_kwh + visit.energy_kwh,
        device_amount=amount,
        tiers=tiers,
        stop_reason="stopped_by_app" if visit.by_app else "soc_full",
        start_method="code",
    )


def _leave_work_for_people(piles: list[Pile], at: datetime) -> None:
    """Two records that no order asked for, as offline piles send them: they debit nobody and wait for a person."""
    ykc = [pile for pile in piles if pile.protocol == Pile.Protocol.YKC]
    for index, pile in enumerate((ykc[0], ykc[-1])):
        started = at - timedelta(hours=5 + index)
        moment = f"{started.astimezone(BEIJING):%y%m%d%H%M%S}"
        reference = f"{pile.code}01{moment}0001"
        register = Decimal(str(register_kwh(pile.code, started))).quantize(_KWH)
        with clock.held_at(at):
            records.store_record(
                pile=pile_ref(pile),
                reported=records.ReportedTransaction(
                    connector_no=1,
                    protocol="ykc",
                    identity=f"ykc:{pile.code}:{reference}",
                    transaction_ref=reference,
                    started_at=started.astimezone(UTC),
                    ended_at=(started + timedelta(minutes=26)).astimezone(UTC),
                    energy_kwh=Decimal("11.3200"),
                    meter_start_kwh=register,
                    meter_end_kwh=register + Decimal("11.3200"),
                    device_amount=Decimal("12.1800"),
                    start_method="offline_card",
                ),
            )
