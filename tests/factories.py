"""Test data of the whole domain: factory-boy factories, and `make_site()` for a place where one can charge.

Factories write rows straight; money comes in only through the ledger service, so that accounts always add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from billing.models import PileTariff, Tariff, TariffAssignment, TariffTier, TariffVersion
from devices.events import PileRef
from devices.models import (
    BayLock,
    DeviceCommand,
    DeviceTransaction,
    FrameLog,
    MeterSample,
    PileSession,
    ReportedVehicle,
    TransactionRecord,
    VehicleReport,
)
from devices.services.references import pile_ref
from kernel.actor import Actor, system
from stations.models import Connector, Pile, PileModel, Station, StationGroup
from users.actors import of_driver, of_staff
from users.models import (
    Card,
    Driver,
    Enterprise,
    Operator,
    Staff,
    StaffScope,
    Vehicle,
)

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

# 00:00-08:00 valley, 08:00-10:00 flat, 10:00-12:00 peak, 12:00-18:00 flat, 18:00-20:00 sharp, 20:00-24:00 flat
DAY = ["valley"] * 16 + ["flat"] * 4 + ["peak"] * 4 + ["flat"] * 12 + ["sharp"] * 4 + ["flat"] * 8
PRICES = (
    ("sharp", "1.20000", "0.40000"),
    ("peak", "1.00000", "0.40000"),
    ("flat", "0.70000", "0.40000"),
    ("valley", "0.30000", "0.40000"),
)


class OperatorFactory(DjangoModelFactory):
    class Meta:
        model = Operator

    code = factory.Sequence(lambda n: f"op{n}")
    name = factory.Sequence(lambda n: f"Operator {n}")


class StaffFactory(DjangoModelFactory):
    class Meta:
        model = Staff
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"staff{n}")
    display_name = factory.LazyAttribute(lambda o: o.username.title())
    password = factory.django.Password("secret-for-tests")
    is_staff = True
    is_active = True


class StaffScopeFactory(DjangoModelFactory):
    class Meta:
        model = StaffScope

    staff = factory.SubFactory(StaffFactory)
    kind = StaffScope.Kind.PLATFORM
    object_key = ""


class DriverFactory(DjangoModelFactory):
    class Meta:
        model = Driver

    phone = factory.Sequence(lambda n: f"139{n:08d}")
    name = factory.Sequence(lambda n: f"Driver {n}")


class EnterpriseFactory(DjangoModelFactory):
    class Meta:
        model = Enterprise

    operator = factory.SubFactory(OperatorFactory)
    code = factory.Sequence(lambda n: f"ent{n}")
    name = factory.Sequence(lambda n: f"Enterprise {n}")


class CardFactory(DjangoModelFactory):
    class Meta:
        model = Card

    operator = factory.SubFactory(OperatorFactory)
    physical_no = factory.Sequence(lambda n: f"A1B2{n:04X}C3")
    logical_no = factory.Sequence(lambda n: f"{66000000 + n}")
    kind = Card.Kind.ONLINE
    state = Card.State.ACTIVE


class VehicleFactory(DjangoModelFactory):
    """A verified vehicle; give its `driver` or `enterprise`."""

    class Meta:
        model = Vehicle

    operator = factory.LazyAttribute(lambda o: (o.enterprise or o.driver).operator)
    driver = None
    enterprise = None
    vin = factory.Sequence(lambda n: f"LSVAA4182E2{n:06d}")
    plate = factory.Sequence(lambda n: f"皖A{n % 100_000:05d}")
    state = Vehicle.State.VERIFIED


class StationGroupFactory(DjangoModelFactory):
    class Meta:
        model = StationGroup

    operator = factory.SubFactory(OperatorFactory)
    name = factory.Sequence(lambda n: f"Group {n}")


class StationFactory(DjangoModelFactory):
    class Meta:
        model = Station

    operator = factory.SubFactory(OperatorFactory)
    code = factory.Sequence(lambda n: f"st{n}")
    name = factory.Sequence(lambda n: f"Station {n}")
    region_code = "340104"
    longitude = Decimal("117.227239")
    latitude = Decimal("31.820587")


class PileModelFactory(DjangoModelFactory):
    class Meta:
        model = PileModel

    brand = "Brand"
    name = factory.Sequence(lambda n: f"Model {n}")
    rated_power_kw = Decimal("60.0")


class PileFactory(DjangoModelFactory):
    class Meta:
        model = Pile

    station = factory.SubFactory(StationFactory)
    operator = factory.SelfAttribute("station.operator")
    code = factory.LazyAttributeSequence(
        lambda o, n: f"05{n + 1:06X}" if o.protocol == Pile.Protocol.DNY else f"{32010600000000 + n}"
    )
    name = factory.Sequence(lambda n: f"Pile {n}")
    protocol = Pile.Protocol.YKC
    rated_power_kw = Decimal("60.0")


class ConnectorFactory(DjangoModelFactory):
    class Meta:
        model = Connector

    pile = factory.SubFactory(PileFactory)
    operator = factory.SelfAttribute("pile.operator")
    station = factory.SelfAttribute("pile.station")
    number = 1
    code = factory.LazyAttribute(lambda o: f"{o.pile.code}{o.number:02d}")


class TariffFactory(DjangoModelFactory):
    class Meta:
        model = Tariff

    operator = factory.SubFactory(OperatorFactory)
    name = factory.Sequence(lambda n: f"Tariff {n}")


class TariffVersionFactory(DjangoModelFactory):
    """A version with four tiers over the day of `DAY`; give `prices` as (code, electricity, service) rows."""

    class Meta:
        model = TariffVersion
        skip_postgeneration_save = True

    tariff = factory.SubFactory(TariffFactory)
    number = factory.Sequence(lambda n: n + 1)
    effective_at = LONG_AGO
    slots = factory.LazyFunction(lambda: list(DAY))
    wire_no = factory.Sequence(lambda n: n % 9999 + 1)

    @factory.post_generation
    def prices(obj, create, extracted, **kwargs):
        for position, (code, electricity, service) in enumerate(extracted or PRICES):
            TariffTier.objects.create(
                version=obj,
                position=position,
                code=code,
                electricity_price=Decimal(electricity),
                service_price=Decimal(service),
            )


class TariffAssignmentFactory(DjangoModelFactory):
    class Meta:
        model = TariffAssignment

    tariff = factory.SubFactory(TariffFactory)
    station = factory.SubFactory(StationFactory)


class PileTariffFactory(DjangoModelFactory):
    class Meta:
        model = PileTariff

    confirmed_at = factory.LazyFunction(timezone.now)


class _PlacedFactory(DjangoModelFactory):
    class Meta:
        abstract = True

    pile = factory.SubFactory(PileFactory)
    operator = factory.SelfAttribute("pile.operator")
    station = factory.SelfAttribute("pile.station")


class PileSessionFactory(_PlacedFactory):
    class Meta:
        model = PileSession

    protocol = factory.SelfAttribute("pile.protocol")
    node = "gateway-test"
    channel = factory.Sequence(lambda n: f"test.channel!{n}")
    opened_at = factory.LazyFunction(timezone.now)


class DeviceCommandFactory(_PlacedFactory):
    class Meta:
        model = DeviceCommand

    kind = DeviceCommand.Kind.SYNC_TIME
    actor_key = "system:tests"
    created_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(seconds=30))


class DeviceTransactionFactory(_PlacedFactory):
    class Meta:
        model = DeviceTransaction

    connector_no = 1
    identity = factory.Sequence(lambda n: f"transaction-{n}")
    started_at = factory.LazyFunction(timezone.now)
    meter_start_kwh = Decimal("0")


class TransactionRecordFactory(_PlacedFactory):
    class Meta:
        model = TransactionRecord

    connector_no = 1
    protocol = factory.SelfAttribute("pile.protocol")
    transaction_ref = factory.Sequence(lambda n: f"{n:032d}")
    identity = factory.LazyAttribute(lambda o: f"{o.protocol}:{o.pile.code}:{o.transaction_ref}")
    fingerprint = factory.Sequence(lambda n: f"{n:064x}")
    received_at = factory.LazyFunction(timezone.now)


class MeterSampleFactory(DjangoModelFactory):
    """A sample row; pass `pile` (not stored) or the ids."""

    class Meta:
        model = MeterSample

    class Params:
        pile = None

    operator_id = factory.LazyAttribute(lambda o: o.pile.operator_id)
    station_id = factory.LazyAttribute(lambda o: o.pile.station_id)
    pile_id = factory.LazyAttribute(lambda o: o.pile.pk)
    connector_no = 1
    at = factory.LazyFunction(timezone.now)


class BayLockFactory(_PlacedFactory):
    class Meta:
        model = BayLock

    connector_no = 1
    position = BayLock.Position.RAISED
    occupied = False
    battery_pct = 80
    changed_at = factory.LazyFunction(timezone.now)
    reported_at = factory.LazyFunction(timezone.now)


class ReportedVehicleFactory(_PlacedFactory):
    class Meta:
        model = ReportedVehicle

    vin = factory.Sequence(lambda n: f"LSVAA49J{n:09d}")
    battery_type = ReportedVehicle.Battery.LFP
    first_seen_at = factory.LazyFunction(timezone.now)
    last_seen_at = factory.LazyFunction(timezone.now)


class VehicleReportFactory(DjangoModelFactory):
    """A report row; pass `pile` (not stored) or the ids."""

    class Meta:
        model = VehicleReport

    class Params:
        pile = None

    operator_id = factory.LazyAttribute(lambda o: o.pile.operator_id)
    station_id = factory.LazyAttribute(lambda o: o.pile.station_id)
    pile_id = factory.LazyAttribute(lambda o: o.pile.pk)
    connector_no = 1
    at = factory.LazyFunction(timezone.now)
    kind = VehicleReport.Kind.HANDSHAKE
    vin = "LSVAA49J132047371"
    data = factory.LazyFunction(lambda: {"battery_type": 3, "capacity": "155.0"})


class FrameLogFactory(DjangoModelFactory):
    """A frame row; pass `pile` (not stored) or the ids."""

    class Meta:
        model = FrameLog

    class Params:
        pile = None

    operator_id = factory.LazyAttribute(lambda o: o.pile and o.pile.operator_id)
    station_id = factory.LazyAttribute(lambda o: o.pile and o.pile.station_id)
    pile_id = factory.LazyAttribute(lambda o: o.pile and o.pile.pk)
    pile_code = factory.LazyAttribute(lambda o: o.pile.code if o.pile else "")
    protocol = factory.LazyAttribute(lambda o: o.pile.protocol if o.pile else "ykc")
    at = factory.LazyFunction(timezone.now)
    direction = FrameLog.Direction.IN
    name = "03"
    raw = "68"


@dataclass
class Site:
    """A place where one can charge, and who does."""

    operator: Operator
    station: Station
    pile: Pile
    connectors: list[Connector]
    tariff: Tariff
    version: TariffVersion
    driver: Driver

    @property
    def connector(self) -> Connector:
        return self.connectors[0]

    @property
    def ref(self) -> PileRef:
        return pile_ref(self.pile)

    @property
    def driver_actor(self) -> Actor:
        return of_driver(self.driver)


def make_site(
    *,
    protocol: str = Pile.Protocol.YKC,
    connectors: int = 2,
    balance_fen: int = 10_000,
    online: bool = True,
    operator: Operator | None = None,
    prices: Sequence[tuple[str, str, str]] | None = None,
    slots: Sequence[str] = DAY,
    rated_power_kw: str = "60.0",
) -> Site:
    """An operator with a station, one pile with its tariff assigned (and held, for YKC), a driver with money."""
    operator = operator or OperatorFactory()
    station = StationFactory(operator=operator)
    tariff = TariffFactory(operator=operator)
    version = TariffVersionFactory(tariff=tariff, prices=prices, slots=list(slots))
    TariffAssignmentFactory(tariff=tariff, station=station)
    pile = add_pile(station, protocol=protocol, connectors=connectors, rated_power_kw=rated_power_kw)
    if online:
        bring_online(pile)
    if protocol == Pile.Protocol.YKC and online:
        PileTariffFactory(pile=pile, version=version)
    driver = make_driver(balance_fen=balance_fen)
    return Site(operator, station, pile, list(pile.connectors.all()), tariff, version, driver)


def add_pile(
    station: Station, *, protocol: str = Pile.Protocol.YKC, connectors: int = 2, rated_power_kw: str = "60.0"
) -> Pile:
    """A pile with its connectors, offline."""
    pile = PileFactory(station=station, protocol=protocol, rated_power_kw=Decimal(rated_power_kw))
    for number in range(1, connectors + 1):
        ConnectorFactory(pile=pile, number=number)
    return pile


def bring_online(pile: Pile, *, state: str = Connector.State.OCCUPIED) -> PileSession:
    """The pile holds a session and its connectors are in `state`, plugged in."""
    now = timezone.now()
    Pile.objects.filter(pk=pile.pk).update(online=True, online_changed_at=now, last_seen_at=now)
    Connector.objects.filter(pile=pile).update(
        state=state, state_changed_at=now, plugged=state == Connector.State.OCCUPIED
    )
    pile.refresh_from_db()
    return PileSessionFactory(pile=pile)


def make_driver(*, balance_fen: int = 10_000, **fields) -> Driver:
    """A driver with money on the wallet."""
    driver = DriverFactory(**fields)
    if balance_fen:
        give_money(driver, balance_fen)
    return driver


def give_money(driver: Driver, amount_fen: int) -> None:
    from billing.services import ledger

    ledger.top_up(
        actor=system("tests"),
        driver=driver,
        amount_fen=amount_fen,
        reason="test money",
        idempotency_key=f"tests-{driver.pk}-{timezone.now().timestamp()}",
    )


def make_staff(*permissions: str, operator: Operator | None = None, superuser: bool = False) -> Staff:
    """Staff with these permissions (`app.codename`), scoped to one operator or to the whole platform."""
    from django.contrib.auth.models import Permission

    staff = StaffFactory(operator=operator, is_superuser=superuser)
    for permission in permissions:
        app_label, codename = permission.split(".")
        staff.user_permissions.add(
            Permission.objects.get(content_type__app_label=app_label, codename=codename)
        )
    if operator is None:
        StaffScopeFactory(staff=staff)
    else:
        StaffScopeFactory(staff=staff, kind=StaffScope.Kind.OPERATOR, object_key=str(operator.pk))
    return staff


def staff_actor(*permissions: str, operator: Operator | None = None) -> Actor:
    return of_staff(make_staff(*permissions, operator=operator))
