"""Cars and bikes of the demo's past: who came where and when, what they drew, and what their piles told of it."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import transaction

from billing.models import ChargingOrder
from billing.pricing import advance, price_segments, wire_mapping
from billing.services import ledger, orders, score_orders
from billing.services.clearing import clear
from billing.services.evidence import snapshot_of_order
from devices import events
from devices.models import DeviceCommand
from devices.services import commands, records, samples, status, stops, transactions
from devices.services.references import pile_ref
from devices.simulators.demo import register_kwh
from devices.simulators.dny.bike import Bike
from ev_platform.demo import world
from ev_platform.demo.till import JOB, Till
from kernel import clock
from stations.models import Connector, Pile
from users.actors import of_driver
from users.models import Driver

WIRE_TIERS = ("sharp", "peak", "flat", "valley")
ENOUGH_FEN = 8_000
RECHARGES_FEN = (10_000, 10_000, 20_000, 30_000)
BIKES = 0.15  # so many of the visits are e-bikes
BUSY_DAYS = timedelta(days=2)  # the last days are told in more detail
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
    channel: str = "wechat"  # of a recharge that has to come first
    recharge_fen: int = 0
    till: Till | None = None
    by_score: bool = False
    order_no: str = ""
    transaction: int = 0

    @property
    def end(self) -> datetime:
        return self.curve[-1][0]

    @property
    def energy_kwh(self) -> Decimal:
        return self.curve[-1][1]

    def steps(self) -> list[tuple[datetime, Callable[[], None]]]:
        """What has to happen when."""
        found = [(self.start, lambda: _begin(self)), (self.end, lambda: _finish(self))]
        if self.by_score:
            found.append((self.end + timedelta(seconds=40), lambda: _debit(self)))
        return found


def plan(
    piles: list[Pile],
    began: datetime,
    until: datetime,
    rng: random.Random,
    sessions: int,
    till: Till | None,
) -> list[Visit]:
    """About so many visits, by time; a pile has one at a time, a driver is at one place."""
    connectors = list(
        Connector.objects.unscoped(WHY)
        .filter(pile__in=piles)
        .select_related("pile__model", "station")
        .order_by("code")
    )
    drivers = list(Driver.objects.unscoped(WHY).filter(phone__in=world.phones()).order_by("phone"))
    by_score = {number: drivers[number - 1] for number in world.SCORE_DRIVERS} if till is not None else {}
    everyday = [driver for driver in drivers if driver not in by_score.values()]
    # On pay score: the first of them twice, the other once, apart from each other.
    turns = dict(zip((sessions // 4, sessions // 2, sessions * 3 // 4), (30, 30, 29), strict=True))
    free_from: dict[object, datetime] = {}
    hours = [began + timedelta(hours=index) for index in range(int((until - began) / timedelta(hours=1)))]
    weights = [BUSY[hour.astimezone(BEIJING).hour] * (4 if hour > until - BUSY_DAYS else 1) for hour in hours]
    moments = sorted(
        hour + timedelta(seconds=rng.randrange(3600)) for hour in rng.choices(hours, weights, k=sessions)
    )
    visits = []
    for turn, start in enumerate(moments):
        places = [one for one in connectors if free_from.get(_place(one), began) <= start]
        bikes = [one for one in places if one.pile.protocol == Pile.Protocol.DNY]
        people = [one for one in everyday if free_from.get(("driver", one.pk), began) <= start]
        if not places or not people:
            continue
        if bikes and rng.random() < BIKES:  # short of money, rich in number
            places = bikes
        connector, driver = rng.choice(places), by_score.get(turns.get(turn, 0)) or rng.choice(people)
        curve = _curve(connector.pile, start, rng)
        if curve[-1][0] > until:
            continue
        free_from[_place(connector)] = curve[-1][0] + timedelta(hours=3)
        free_from["driver", driver.pk] = curve[-1][0] + timedelta(minutes=20)
        register = Decimal(str(register_kwh(connector.pile.code, start))).quantize(_KWH)
        visits.append(
            Visit(
                connector,
                driver,
                start,
                curve,
                register,
                by_app=rng.random() < 0.6,
                channel=rng.choice(("wechat", "wechat", "alipay")),
                recharge_fen=rng.choice(RECHARGES_FEN),
                till=till,
                by_score=driver in by_score.values(),
            )
        )
    return visits


def _place(connector: Connector) -> tuple[str, int]:
    """What is taken by a visit: the pile, so that a register that both connectors share stays in order; a box's port."""
    if connector.pile.protocol == Pile.Protocol.DNY:
        return "port", connector.pk
    return "pile", connector.pile_id


def _curve(
    pile: Pile, start: datetime, rng: random.Random
) -> list[tuple[datetime, Decimal, Decimal, int | None]]:
    """What a car draws: constant on AC; on DC by the pile or the car, falling above 80 % SoC. At most 40 kWh."""
    if pile.protocol == Pile.Protocol.DNY:
        return _bike_curve(start, rng)
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


def _bike_curve(start: datetime, rng: random.Random) -> list[tuple[datetime, Decimal, Decimal, int | None]]:
    """What an e-bike draws until it is full, or for five hours."""
    bike, at = Bike.arriving(rng), start + timedelta(seconds=rng.randrange(6, 20))
    wh, step = 0.0, timedelta(minutes=15)
    curve: list[tuple[datetime, Decimal, Decimal, int | None]] = [
        (at, Decimal("0.0000"), Decimal("0.000"), None)
    ]
    for _quarter in range(20):
        watts = bike.power_w
        wh += bike.draw(step.total_seconds())
        at += step
        power = Decimal(str(watts / 1000)).quantize(_KW)
        curve.append((at, Decimal(str(wh / 1000)).quantize(_KWH), power, None))
        if bike.full:
            break
    return curve


def _begin(visit: Visit) -> None:
    pile, number, at = pile_ref(visit.connector.pile), visit.connector.number, visit.start
    poor = ledger.wallet_of(visit.driver).available_fen < ENOUGH_FEN
    if poor and not visit.by_score:
        if visit.till is None:
            return
        visit.till.recharge(visit.driver, at, visit.recharge_fen, visit.channel)
    if visit.by_score:
        with visit.till.held_at(at):
            order = score_orders.start_by_score(
                actor=of_driver(visit.driver), driver=visit.driver, connector_code=visit.connector.code
            ).order
        if order is None:
            return
    else:
        order = orders.start_order(
            actor=of_driver(visit.driver), connector_code=visit.connector.code, driver=visit.driver
        )
    visit.order_no = order.order_no
    with transaction.atomic():
        _began(visit, order, pile, number)


def _debit(visit: Visit) -> None:
    waits = visit.driver.phone == world.DRIVER_PHONE.format(world.SCORE_WAITING)
    visit.till.debit_score(clock.now(), empty=waits)


def _began(visit: Visit, order: ChargingOrder, pile: events.PileRef, number: int) -> None:
    status.apply_status(
        pile=pile, connector_no=number, state=Connector.State.OCCUPIED, at=visit.start, plugged=True
    )
    _accept(order.order_no, DeviceCommand.Kind.START)
    begun_at = visit.curve[0][0]
    with clock.held_at(begun_at):
        if pile.protocol == Pile.Protocol.YKC:
            status.charge_started(
                events.ChargeStarted(
                    pile=pile, connector_no=number, at=begun_at, transaction_ref=order.transaction_ref
                )
            )
        elif pile.protocol == Pile.Protocol.DNY:
            status.charge_started(
                events.ChargeStarted(
                    pile=pile,
                    connector_no=number,
                    at=begun_at,
                    transaction_ref=_box_ref(order),
                    id_tag=order.order_no,
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
    if visit.order_no:
        with transaction.atomic():
            _end(visit)
        if visit.till is not None:
            with clock.held_at(visit.end + timedelta(seconds=20)):
                clear.clear_due(actor=JOB)


def _end(visit: Visit) -> None:
    order = ChargingOrder.objects.unscoped(WHY).select_related("pile").get(order_no=visit.order_no)
    pile, number = pile_ref(visit.connector.pile), visit.connector.number
    samples.store_samples([_reading(visit, pile, order, row) for row in visit.curve[1:]])
    if visit.by_app:
        orders.stop_order(actor=of_driver(visit.driver), order_no=order.order_no, reason="driver")
        _accept(order.order_no, DeviceCommand.Kind.STOP)
    if pile.protocol == Pile.Protocol.YKC:
        records.store_record(pile=pile, reported=_ykc_record(visit, pile, order))
    elif pile.protocol == Pile.Protocol.DNY:
        records.store_record(pile=pile, reported=_box_record(visit, pile, order))
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
            transaction_ref=_box_ref(order) if pile.protocol == Pile.Protocol.DNY else order.transaction_ref,
            energy_kwh=energy_kwh,
            power_kw=power_kw,
            voltage_v=volts,
            current_a=(power_kw * 1000 / volts).quantize(Decimal("0.01")),
            soc_pct=soc_pct,
        ),
        register_kwh=None if pile.protocol == Pile.Protocol.DNY else visit.register_kwh + energy_kwh,
    )


def _box_ref(order: ChargingOrder) -> str:
    """How an e-bike box knows an order: its number in a field of 32 digits."""
    return order.order_no.zfill(32)


def _box_record(visit: Visit, pile: events.PileRef, order: ChargingOrder) -> records.ReportedTransaction:
    """The settlement of a box: one energy, how long, the highest power, no prices."""
    ref = _box_ref(order)
    return records.ReportedTransaction(
        connector_no=visit.connector.number,
        protocol="dny",
        identity=f"dny:{pile.code}:{ref}",
        transaction_ref=ref,
        started_at=visit.curve[0][0],
        ended_at=visit.end,
        energy_kwh=visit.energy_kwh,
        charged_s=int((visit.end - visit.curve[0][0]).total_seconds()),
        peak_w=int(max(power for _at, _energy, power, _soc in visit.curve) * 1000),
        stop_reason="stopped_by_app" if visit.by_app else "full",
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
