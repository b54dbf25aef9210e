"""Actors of the people this app knows."""

from django.http import HttpRequest

from kernel.actor import Actor, ActorKind
from users.models import Driver, Staff


def of_staff(staff: Staff, *, ip: str = "", request_id: str = "") -> Actor:
    return Actor(ActorKind.STAFF, str(staff.pk), str(staff), party=staff, ip=ip, request_id=request_id)


def of_driver(driver: Driver, *, ip: str = "", request_id: str = "") -> Actor:
    return Actor(
        ActorKind.ACCOUNT, str(driver.pk), driver.masked_phone, party=driver, ip=ip, request_id=request_id
    )


def of_request(request: HttpRequest) -> Actor:
    """The actor behind a console request; an anonymous one sees and may do nothing."""
    ip = request.META.get("REMOTE_ADDR", "")
    if not request.user.is_authenticated:
        return Actor(ActorKind.STAFF, "0", "anonymous", ip=ip)
    return of_staff(request.user, ip=ip)
