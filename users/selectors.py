"""Reads of operators and drivers that several doors use."""

from kernel.actor import Actor
from kernel.errors import DomainError
from users.models import Driver, Operator
from users.services.drivers import normal_phone


def operator_get(*, actor: Actor, code: str) -> Operator:
    """The operator of this code inside the scope; DomainError `operator_unknown`."""
    operator = Operator.objects.for_actor(actor).filter(code=code).first()
    if operator is None:
        raise DomainError("operator_unknown", {"code": code[:40]})
    return operator


def driver_get(*, actor: Actor, phone: str) -> Driver:
    """The driver of this phone inside the scope; DomainError `phone_invalid`, `driver_unknown`."""
    phone = normal_phone(phone)
    driver = Driver.objects.for_actor(actor).filter(phone=phone).first()
    if driver is None:
        raise DomainError("driver_unknown", {"phone": phone})
    return driver
