"""Accepting a pile from the waiting list into a station, in one step."""

from decimal import Decimal

from django.db import transaction

from devices.models import UnknownPile
from kernel.actor import Actor
from stations.models import Pile, Station
from stations.services import piles


def accept_unknown_pile(
    *,
    actor: Actor,
    unknown: UnknownPile,
    station: Station,
    connectors: int,
    rated_power_kw: Decimal,
    password: str | None = None,
) -> Pile:
    """Register the pile under the code it dialled in with and take it off the list; errors of `add_pile`."""
    with transaction.atomic():
        pile = piles.add_pile(
            actor=actor,
            station=station,
            code=unknown.code,
            protocol=unknown.protocol,
            connectors=connectors,
            rated_power_kw=rated_power_kw,
            password=password,
        )
        UnknownPile.objects.filter(pk=unknown.pk).delete()
    return pile
