"""A week of the demo's past, told to the platform as its piles, its payers and its finance desk would have told it.

Everything goes through the services that live sessions go through, with the clock held at its moment: recharge, start
with checks and hold, answer of the pile, samples, stop, record, price, ledger, and the nights that divide and pay out
(`nights`). Nothing is written beside them.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from billing.models import ChargingOrder
from billing.services import ledger, tariff_push, tariffs
from billing.services.clearing import clear
from devices.services import presence, records, status
from devices.services.references import pile_ref
from devices.simulators.demo import register_kwh
from ev_platform.demo import agreements, nights, visits, world
from ev_platform.demo.till import Till
from kernel import clock, live
from kernel.actor import Actor
from stations.models import Connector, Pile
from users.models import Driver

DAYS = nights.DAYS
OPENING = timedelta(hours=2)  # the first recharges are made before the first car comes
QUIET_BEFORE_NOW = timedelta(hours=3)
WHY = "the demo's own rows"
BEIJING = visits.BEIJING
_KWH = Decimal("0.0001")


def write_history(
    *, actor: Actor, now: datetime, till: Till | None, seed: int = 7, sessions: int = 64
) -> int:
    """Write about `sessions` sessions of the last week; returns how many orders there are then.

    Without a `till` nothing is paid over a channel, and the finance desk has not worked yet.
    """
    rng = random.Random(seed)
    piles = list(
        Pile.objects.unscoped(WHY).filter(in_service=True).select_related("model", "station").order_by("code")
    )
    began = now - timedelta(days=DAYS)
    opened = {pile.pk: _come_online(pile, began) for pile in piles}
    steps: list[tuple[datetime, int, Callable[[], object]]] = []
    order_of_steps = itertools.count()

    def plan(at: datetime, act: Callable[[], object]) -> None:
        heapq.heappush(steps, (at, next(order_of_steps), act))

    if till is not None:
        plan(began, lambda: agreements.sign(actor=actor))
        for at, act in [*_recharges(till, began, now, rng), *nights.steps(till, now)]:
            plan(at, act)
    for visit in visits.plan(piles, began + OPENING, now - QUIET_BEFORE_NOW, rng, sessions, till):
        for at, act in visit.steps():
            plan(at, act)
    while steps:
        at, _order, act = heapq.heappop(steps)
        with clock.held_at(at), live.muted():
            act()
    if till is not None:
        with clock.held_at(now - timedelta(minutes=30)), live.muted():
            clear.clear_due(actor=actor, everything=True)
    _leave_work_for_people(piles, now - QUIET_BEFORE_NOW)
    for session_id in opened.values():
        with clock.held_at(now - timedelta(minutes=1)), live.muted():
            presence.close_session(session_id=session_id, reason="disconnected")
    return ChargingOrder.objects.unscoped(WHY).count()


def _recharges(till: Till, began: datetime, now: datetime, rng: random.Random) -> list[nights.Step]:
    """The drivers' first recharges and permissions for pay score, a payment that nobody made, and a last top-up."""
    drivers = list(Driver.objects.unscoped(WHY).filter(phone__in=world.phones()).order_by("phone"))
    steps: list[nights.Step] = []
    for number, driver in enumerate(drivers, start=1):
        at = began + timedelta(minutes=3 * number)
        if number in world.SCORE_DRIVERS:
            steps.append((at, lambda driver=driver, at=at: till.permit_score(driver, at)))
            continue
        amount, channel = rng.choice(visits.RECHARGES_FEN), rng.choice(("wechat", "wechat", "alipay"))
        if number % 13 == 0:  # the notice is lost: the job finds the payment
            steps.append((at, lambda d=driver, at=at, a=amount, c=channel: _lost(till, d, at, a, c)))
            steps.append((at + timedelta(seconds=45), lambda at=at: till.ask_about_payments(clock.now())))
        else:
            steps.append((at, lambda d=driver, at=at, a=amount, c=channel: till.recharge(d, at, a, c)))
    idle = began + timedelta(days=DAYS - 2, hours=1)
    steps.append((idle, lambda: till.ask(drivers[0], idle, 5_000, "wechat")))
    steps.extend(  # closed at the channel and here after its expiry, and looked at once more
        (idle + timedelta(minutes=minutes), lambda: till.ask_about_payments(clock.now()))
        for minutes in (45, 65)
    )

    def fill(driver: Driver) -> None:
        if ledger.wallet_of(driver).available_fen < visits.ENOUGH_FEN:
            till.recharge(driver, clock.now(), 10_000, rng.choice(("wechat", "alipay")))

    for number, driver in enumerate(drivers, start=1):
        at = now - QUIET_BEFORE_NOW + timedelta(minutes=4 * number, seconds=7 * number)
        if number not in world.SCORE_DRIVERS:
            steps.append((at, lambda driver=driver: fill(driver)))
    return steps


def _lost(till: Till, driver: Driver, at: datetime, amount_fen: int, channel: str) -> None:
    till.pay(till.ask(driver, at, amount_fen, channel), at, told=False)


def _come_online(pile: Pile, at: datetime) -> int:
    with clock.held_at(at), live.muted(), transaction.atomic():
        version = tariffs.version_in_force(pile=pile, at=at)
        if pile.protocol == Pile.Protocol.YKC:
            profile = tariffs.profile_on(version, zone=pile.station.time_zone, at=at)
            tariff_push.confirm_held(pile=pile, version=version, profile=profile)
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
