"""Accepting a pile from the waiting list into a station, in one step."""

from typing import Any

from django.db import transaction

from devices.models import UnknownPile
from kernel.actor import Actor
from stations.models import Pile, Station
from stations.services import piles


def accept_unknown_pile(*, actor: Actor, unknown: UnknownPile, station: Station, **fields: Any) -> Pile:
    """Register the pile under the code it dialled in with and take it off the list.

    `fields` are the other arguments of `stations.services.piles.add_pile`, whose errors it raises.
    """
    with transaction.atomic():
        pile = piles.add_pile(
            actor=actor, station=station, code=unknown.code, protocol=unknown.protocol, **fields
        )
        UnknownPile.objects.filter(pk=unknown.pk).delete()
    return pile
