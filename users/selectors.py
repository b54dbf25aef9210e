"""Reads of operators, drivers and enterprises that several doors use."""

from collections.abc import Callable

from django.db.models import BooleanField, Case, Q, QuerySet, Value, When

from kernel.actor import Actor
from kernel.errors import DomainError
from users.models import Card, Driver, Enterprise, EnterpriseMember, Operator, Vehicle
from users.scope import scope_filter
from users.services.drivers import normal_phone
from users.services.vehicles import normal_plate, normal_vin

# What ties drivers to those who may see an actor's rows: conditions on Driver, filled by the floors above.
_RELATIONS: list[Callable[[Actor], Q]] = []


def register_driver_relation(relation: Callable[[Actor], Q]) -> None:
    """Register drivers whom an actor knows through rows of an upper floor (those who charged at their stations)."""
    if relation not in _RELATIONS:
        _RELATIONS.append(relation)


def operator_get(*, actor: Actor, code: str) -> Operator:
    """The operator of this code inside the scope; DomainError `operator_unknown`."""
    operator = Operator.objects.for_actor(actor).filter(code=code).first()
    if operator is None:
        raise DomainError("operator_unknown", {"code": code[:40]})
    return operator


def known_drivers(*, actor: Actor) -> QuerySet[Driver]:
    """Drivers whom an actor may see: their own, members of their enterprises, and who charged at their stations.

    `is_home` says whether a driver is their own: only then may they be changed, and their phone and wallet shown.
    """
    own = scope_filter(actor, Driver.scope_paths)
    drivers = Driver.objects.unscoped("the condition follows")
    if own is None:
        return drivers.annotate(is_home=Value(True, output_field=BooleanField()))
    known = own | Q(pk__in=EnterpriseMember.objects.for_actor(actor).values("driver_id"))
    for relation in _RELATIONS:
        known |= relation(actor)
    home = Case(When(own, then=Value(True)), default=Value(False), output_field=BooleanField())
    return drivers.filter(known).annotate(is_home=home)


def driver_get(*, actor: Actor, phone: str) -> Driver:
    """The driver of this phone whom the actor knows; DomainError `phone_invalid`, `driver_unknown`."""
    phone = normal_phone(phone)
    driver = known_drivers(actor=actor).filter(phone=phone).first()
    if driver is None:
        raise DomainError("driver_unknown", {"phone": phone})
    return driver


def card_get(*, actor: Actor, number: str) -> Card:
    """A card in scope by its printed or its physical number; DomainError `card_unknown`."""
    key = number.strip().upper().lstrip("0") or "-"
    cards = Card.objects.for_actor(actor).select_related("driver", "enterprise", "operator")
    card = cards.filter(Q(logical_no=key) | Q(physical_no=key)).first()
    if card is None:
        raise DomainError("card_unknown", {"number": number[:40]}, field="card")
    return card


def vehicle_get(*, actor: Actor, number: str) -> Vehicle:
    """A vehicle in scope by its plate or its VIN, the verified one first; DomainError `vehicle_unknown`."""
    vehicles = Vehicle.objects.for_actor(actor).filter(
        Q(plate=normal_plate(number)) | Q(vin=normal_vin(number))
    )
    verified = Case(When(state=Vehicle.State.VERIFIED, then=0), default=1)
    vehicle = vehicles.order_by(verified, "pk").first() if number.strip() else None
    if vehicle is None:
        raise DomainError("vehicle_unknown", {"number": number[:40]}, field="vehicle")
    return vehicle


def paying_enterprises(*, driver: Driver) -> QuerySet[Enterprise]:
    """Enabled enterprises that pay for a driver."""
    rows = Enterprise.objects.unscoped("a driver's own memberships").filter(is_active=True)
    return rows.filter(members__driver=driver, members__is_active=True)
