"""What a charge costs so far, told to piles that show it: at most once a minute, and once more when it is settled.

It is a courtesy and moves no money: a number that is lost, late or refused changes nothing, and the next one is right
again. Nothing is sent while another command waits for the pile, and what is not taken within seconds is dropped.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.core.cache import cache

from billing.models import ChargingOrder
from devices.models import DeviceCommand
from devices.services.commands import send_command
from devices.services.cost_display import PROTOCOLS, piles_that_show_cost
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError

logger = logging.getLogger(__name__)
S = ChargingOrder.State
EVERY_S, EXPIRES_S = 60, 10
FINAL_WITHIN = timedelta(minutes=2)
REMEMBERED_S = 24 * 3600


def show_due(*, actor: Actor, limit: int = 2_000) -> int:
    """Tell piles what their charges cost; returns how many were told. Safe in two processes: each minute is taken once."""
    orders = ChargingOrder.objects.unscoped("every charge whose pile may show its cost").filter(
        pile__protocol__in=PROTOCOLS, pile__online=True
    )
    orders = orders.exclude(transaction_ref="").select_related("pile", "connector").defer("bill", "evidence")
    running = list(orders.filter(state__in=(S.CHARGING, S.STOPPING)).order_by("-pk")[:limit])
    ended = list(
        orders.filter(state=S.SETTLED, settled_at__gte=clock.now() - FINAL_WITHIN).order_by("-pk")[:limit]
    )
    shows = piles_that_show_cost({order.pile_id for order in (*running, *ended)})
    refused = cache.get_many([_refused(pile_id) for pile_id in shows])
    shows -= {pile_id for pile_id in shows if _refused(pile_id) in refused}
    told = 0
    for order in _news(running, ended):
        if order.pile_id in shows and _taken(order):
            told += _tell(order, actor)
            shows.discard(
                order.pile_id
            )  # one at a time: a pile with two charges is told of the other next time
    return told


def pile_answered(*, command: DeviceCommand) -> None:
    """A pile that will not take the cost of a charge that runs is not asked for a day. After the end it may refuse."""
    if command.state == DeviceCommand.State.REJECTED and not command.params.get("final"):
        cache.set(_refused(command.pile_id), True, REMEMBERED_S)


def _news(running: list[ChargingOrder], ended: list[ChargingOrder]) -> Iterable[ChargingOrder]:
    """The last numbers first, and of those that run only what differs from what the pile was told last."""
    known = cache.get_many([_shown(order) for order in running])
    yield from ended
    yield from (order for order in running if order.total_fen and known.get(_shown(order)) != order.total_fen)


def _taken(order: ChargingOrder) -> bool:
    """Whether this order's minute (or its end) is ours to tell."""
    if order.state == S.SETTLED:
        return cache.add(f"cost-final:{order.pk}", True, REMEMBERED_S)
    return cache.add(f"cost-minute:{order.pk}", True, EVERY_S)


def _tell(order: ChargingOrder, actor: Actor) -> bool:
    params = {"transaction_ref": order.transaction_ref, "cost_fen": order.total_fen}
    try:
        send_command(
            actor=actor,
            pile=order.pile,
            kind=DeviceCommand.Kind.SHOW_COST,
            connector_no=order.connector.number,
            params=params | ({"final": True} if order.state == S.SETTLED else {}),
            reference=f"cost:{order.order_no}",  # not the order's own: its timeline tells what happened to it
            timeout_s=EXPIRES_S,
        )
    except DomainError as refusal:
        logger.info("cost of order %s not shown: %s", order.order_no, refusal.code)
        return False
    cache.set(_shown(order), order.total_fen, REMEMBERED_S)
    return True


def _shown(order: ChargingOrder) -> str:
    return f"cost-shown:{order.pk}"


def _refused(pile_id: int) -> str:
    return f"cost-refused:{pile_id}"
