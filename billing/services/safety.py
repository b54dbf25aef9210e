"""Smoke, heat or water at a pile: everything that charges there is stopped at once."""

from django.db import transaction

from billing.locks import lock_order
from billing.models import ChargingOrder
from billing.services.sessions import stop_for
from kernel.actor import Actor

S = ChargingOrder.State
RUNNING = (S.STARTING, S.CHARGING)
SENSORS = ("smoke", "temperature", "water")
FAULTS = frozenset({"smoke", "heat", "water", "over_temperature", "port_over_temperature"})


def stop_pile(*, actor: Actor, pile_id: int, connector_no: int = 0) -> int:
    """Stop what runs on a pile, or on one connector of it; returns how many stops were sent."""
    rows = ChargingOrder.objects.unscoped("a pile's own orders").filter(pile_id=pile_id, state__in=RUNNING)
    if connector_no:
        rows = rows.filter(connector__number=connector_no)
    stopped = 0
    for pk in rows.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            order = lock_order(pk)
            if order.state in RUNNING:
                stopped += stop_for(order, actor, reason="safety")
    return stopped
