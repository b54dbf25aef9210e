"""The demo's cards, its enterprise with a small fleet, and its tag users."""

from billing.models import EnterpriseStation
from billing.services import enterprise_accounts, ledger
from ev_platform.demo import world
from kernel.actor import Actor
from stations.models import Station
from users.models import Card, Driver, DriverTag, Enterprise, Operator
from users.services import cards, enterprises, groups, vehicles

WHY = "the demo's own rows"


def prepare(*, actor: Actor) -> dict[str, int]:
    """Make what is missing of it; {what: how many}."""
    operator = Operator.objects.unscoped(WHY).get(code=world.PEOPLE_OF)
    return {
        **_enterprise(actor, operator),
        "cards": _cards(actor, operator),
        "tags": _tag(actor, operator),
    }


def _driver(number: int) -> Driver:
    return Driver.objects.unscoped(WHY).get(phone=world.DRIVER_PHONE.format(number))


def _enterprise(actor: Actor, operator: Operator) -> dict[str, int]:
    code, name, amount_fen = world.ENTERPRISE
    if Enterprise.objects.unscoped(WHY).filter(operator=operator, code=code).exists():
        return {}
    enterprise = enterprises.create_enterprise(actor=actor, operator=operator, code=code, name=name)
    ledger.top_up(
        actor=actor, driver=enterprise, amount_fen=amount_fen, reason="演示充值", idempotency_key="demo"
    )
    stations = Station.objects.unscoped(WHY).filter(operator=operator)
    enterprise_accounts.set_stations(actor=actor, enterprise=enterprise, stations=stations, reason="演示")
    for number in world.MEMBERS:
        enterprises.set_member(
            actor=actor, enterprise=enterprise, driver=_driver(number), month_limit_fen=80_000
        )
    for plate, vin in world.FLEET:
        vehicle = vehicles.add_vehicle(
            actor=actor, enterprise=enterprise, plate=plate, vin=vin, kind="logistics"
        )
        vehicles.review_vehicle(actor=actor, vehicle=vehicle, verified=True, reason="演示")
    bound = EnterpriseStation.objects.filter(enterprise=enterprise).count()
    return {
        "enterprises": 1,
        "bound_stations": bound,
        "members": len(world.MEMBERS),
        "vehicles": len(world.FLEET),
    }


def _cards(actor: Actor, operator: Operator) -> int:
    made = 0
    for physical_no, logical_no, kind, amount_fen, holder in world.CARDS:
        if Card.objects.unscoped(WHY).filter(physical_no=physical_no).exists():
            continue
        limits = {"daily_times": 2} if kind in (Card.Kind.MONTH, Card.Kind.OFFLINE) else {}
        card = cards.add_card(
            actor=actor,
            operator=operator,
            physical_no=physical_no,
            logical_no=logical_no,
            kind=kind,
            opened=bool(amount_fen or holder),
            **limits,
        )
        if amount_fen:
            ledger.top_up(
                actor=actor, driver=card, amount_fen=amount_fen, reason="演示充值", idempotency_key="demo"
            )
        if holder:
            cards.bind_card(actor=actor, card=card, driver=_driver(holder))
        made += 1
    return made


def _tag(actor: Actor, operator: Operator) -> int:
    name, numbers = world.TAG
    if DriverTag.objects.unscoped(WHY).filter(operator=operator, name=name).exists():
        return 0
    groups.save_tag(
        actor=actor,
        operator=operator,
        name=name,
        drivers=[_driver(number) for number in numbers],
        note="演示",
    )
    return 1
