"""Builds the demo's world through the services, and completes it when it is there already."""

import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta

from billing.models import Discount, SpecialDay, Tariff, TariffAssignment
from billing.services import calendars, discounts, ledger, tariff_assignments, tariffs
from devices.simulators.demo import demo_password
from ev_platform.demo import fleet, people, world
from kernel import clock
from kernel.actor import Actor
from marketing.models import CouponCampaign
from marketing.services import campaigns, coupons
from stations.models import Pile, PileModel, Station
from stations.services import models as pile_models
from stations.services import piles, stations
from users.models import Driver, Operator, Staff, StaffScope
from users.services import drivers, operators, roles
from users.services import staff as staff_service

WHY = "the demo's own rows"


@dataclass
class Built:
    """What is there now, and how many rows of each kind were made by this run."""

    made: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, number: int = 1) -> None:
        self.made[what] = self.made.get(what, 0) + number


def build(*, actor: Actor, recharged: bool = False) -> Built:
    """Make every operator, station, pile, tariff, account and driver of `world` that is missing.

    With `recharged` drivers who are new recharge by themselves, in the past that is to come.
    """
    built = Built()
    for given in world.OPERATORS:
        operator = Operator.objects.unscoped(WHY).filter(code=given.code).first()
        if operator is None:
            operator = operators.create_operator(
                actor=actor, code=given.code, name=given.name, contact=given.contact
            )
            built.count("operators")
        by_name = {one.name: _tariff(actor, operator, one, built) for one in given.tariffs}
        for station in given.stations:
            _station(actor, operator, station, by_name[station.tariff], built)
        for what, number in fleet.prepare(actor=actor, operator=operator).items():
            if number:
                built.made[what] = built.made.get(what, 0) + number
    _calendar(actor, built)
    _discount(actor, built)
    _accounts(actor, built)
    _drivers(actor, built, recharged)
    _coupons(actor, built)
    for what, number in people.prepare(actor=actor).items():
        if number:
            built.count(what, number)
    return built


def _calendar(actor: Actor, built: Built) -> None:
    for text, kind, name in world.SPECIAL_DAYS:
        day = date.fromisoformat(text)
        if not SpecialDay.objects.filter(date=day).exists():
            calendars.set_special_day(actor=actor, day=day, kind=kind, name=name)
            built.count("special_days")


def _discount(actor: Actor, built: Built) -> None:
    code, name, off_bp, cap_fen = world.DISCOUNT
    operator = Operator.objects.unscoped(WHY).get(code=code)
    if not Discount.objects.unscoped(WHY).filter(operator=operator, name=name).exists():
        discounts.save_discount(
            actor=actor,
            operator=operator,
            name=name,
            off_bp=off_bp,
            cap_fen=cap_fen,
            fees=["service"],
            valid_from=clock.now() - timedelta(days=1),
        )
        built.count("discounts")


def _coupons(actor: Actor, built: Built) -> None:
    code, name, off_fen, least_fen, total = world.COUPONS
    operator = Operator.objects.unscoped(WHY).get(code=code)
    if CouponCampaign.objects.unscoped(WHY).filter(operator=operator, name=name).exists():
        return
    campaign = campaigns.save_campaign(
        actor=actor,
        operator=operator,
        name=name,
        off_fen=off_fen,
        least_fen=least_fen,
        total=total,
        opens_at=clock.now() - timedelta(days=1),
        closes_at=clock.now() + timedelta(days=90),
    )
    phones = [world.DRIVER_PHONE.format(number) for number in range(1, world.DRIVERS + 1, 3)]
    given = list(Driver.objects.unscoped(WHY).filter(phone__in=phones))
    coupons.issue(actor=actor, campaign=campaign, drivers=given, reason="演示")
    built.count("coupons", len(given))


def _tariff(actor: Actor, operator: Operator, given: world.DemoTariff, built: Built) -> Tariff:
    tariff = Tariff.objects.unscoped(WHY).filter(operator=operator, name=given.name).first()
    if tariff is None:
        tariff = tariffs.create_tariff(actor=actor, operator=operator, name=given.name)
        built.count("tariffs")
    if not tariff.versions.exists():
        tariffs.publish_version(
            actor=actor,
            tariff=tariff,
            tiers=given.pricing_tiers(),
            slots=given.slots(),
            effective_at=clock.now() - timedelta(days=7),  # the past orders were charged under it
            components=given.components,
            days=[one.day() for one in given.days],
            rules=[one.rule for one in given.days],
        )
    return tariff


def _station(
    actor: Actor, operator: Operator, given: world.DemoStation, tariff: Tariff, built: Built
) -> None:
    station = Station.objects.unscoped(WHY).filter(code=given.code).first()
    if station is None:
        station = stations.create_station(
            actor=actor,
            operator=operator,
            code=given.code,
            name=given.name,
            address=given.address,
            longitude=given.longitude,
            latitude=given.latitude,
            region_code=given.region_code,
        )
        built.count("stations")
    for group in given.piles:
        model = _model(actor, group.model)
        for number in range(1, group.count + 1):
            code = f"{group.prefix}{number:04d}" if group.protocol == "ykc" else f"{group.prefix}{number:02d}"
            if Pile.objects.unscoped(WHY).filter(code=code).exists():
                continue
            piles.add_pile(
                actor=actor,
                station=station,
                code=code,
                protocol=group.protocol,
                connectors=group.connectors,
                password=demo_password(code) if group.protocol.startswith("ocpp") else None,
                name=f"{group.label}{number:02d}",
                rated_power_kw=group.model.power_kw,
                model=model,
            )
            built.count("piles")
    if not TariffAssignment.objects.unscoped(WHY).filter(station=station, pile=None).exists():
        tariff_assignments.assign_tariff(actor=actor, tariff=tariff, station=station)


def _model(actor: Actor, given: world.DemoModel) -> PileModel:
    found = PileModel.objects.filter(brand=given.brand, name=given.name).first()
    return found or pile_models.save_pile_model(
        actor=actor,
        changes={
            "brand": given.brand,
            "name": given.name,
            "current_type": given.current_type,
            "rated_power_kw": given.power_kw,
        },
    )


def _accounts(actor: Actor, built: Built) -> None:
    groups = roles.ensure_roles(actor=actor)
    for given in world.ACCOUNTS:
        if Staff.objects.unscoped(WHY).filter(username=given.username).exists():
            continue
        operator = Operator.objects.unscoped(WHY).filter(code=given.operator).first()
        scope = (StaffScope.Kind.OPERATOR, str(operator.pk)) if operator else (StaffScope.Kind.PLATFORM, "")
        staff_service.create_staff(
            actor=actor,
            username=given.username,
            password=world.PASSWORD,
            operator=operator,
            display_name=given.display_name,
            roles=[groups[given.role]],
            scopes=[scope],
        )
        built.count("accounts")


def _drivers(actor: Actor, built: Built, recharged: bool) -> None:
    for number in range(1, world.DRIVERS + 1):
        phone = world.DRIVER_PHONE.format(number)
        driver = Driver.objects.unscoped(WHY).filter(phone=phone).first()
        amount_fen = 0
        if driver is None:
            driver = drivers.register_driver(actor=actor, phone=phone, name=f"演示车主{number:02d}")
            if not recharged:
                amount_fen = world.FIRST_TOP_UP_FEN[number % len(world.FIRST_TOP_UP_FEN)]
            built.count("drivers")
        elif ledger.wallet_of(driver).available_fen < world.LOWEST_BALANCE_FEN:
            amount_fen = world.LATER_TOP_UP_FEN
        if amount_fen:
            ledger.top_up(
                actor=actor,
                driver=driver,
                amount_fen=amount_fen,
                reason="演示充值",
                idempotency_key=f"demo-{uuid.uuid4().hex}",
            )
