"""Offline cards inside piles: which cards a pile should accept by itself, and bringing its list to that.

A pile holds a list where the mode matrix lets cards start without the platform. What it should hold are the offline
and staff cards of its operator that are in use and valid; a frozen, lost or returned card leaves it with the next
synchronisation, and a record that such a card still makes waits for a person.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from devices.models import DeviceCommand, LocalList
from devices.models.command import OPEN_COMMAND_STATES
from devices.protocols.capabilities import supports
from devices.services import local_lists
from devices.services.commands import send_command
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile
from stations.modes import Method
from stations.services.modes import require_method
from users import policy
from users.models import Card
from users.services import edits

logger = logging.getLogger(__name__)
KINDS = (Card.Kind.OFFLINE, Card.Kind.STAFF)
TRY_AGAIN = timedelta(hours=1)  # after a pile refused its list
REFERENCE = "cards"
COMMANDS = (DeviceCommand.Kind.SYNC_CARDS, DeviceCommand.Kind.CLEAR_CARDS)


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What became of one pile: `sent`, or the refusal in words."""

    pile: Pile
    sent: bool
    words: str = ""


def holds_list(pile: Pile) -> bool:
    """Whether cards may start on this pile without the platform."""
    if not supports(pile.protocol, DeviceCommand.Kind.SYNC_CARDS):
        return False
    try:
        require_method(pile=pile, method=Method.CARD, linked=False)
    except DomainError:
        return False
    return True


def wanted_at(pile: Pile) -> list[dict[str, Any]]:
    """The cards a pile should accept by itself, as `local_lists.sync` takes them; by number."""
    if not holds_list(pile):
        return []
    zone = ZoneInfo(pile.station.time_zone)
    today = clock.now().astimezone(zone).date()
    cards = Card.objects.unscoped("what the pile of their operator holds").filter(
        Q(valid_from__isnull=True) | Q(valid_from__lte=today),
        Q(valid_until__isnull=True) | Q(valid_until__gte=today),
        operator_id=pile.operator_id,
        kind__in=KINDS,
        state=Card.State.ACTIVE,
    )
    rows = []
    for physical_no, logical_no, until in cards.order_by("physical_no").values_list(
        "physical_no", "logical_no", "valid_until"
    ):
        row = {"tag": physical_no, "logical_card": logical_no, "status": "accepted"}
        if until is not None:
            row["expires_at"] = datetime.combine(until + timedelta(days=1), time.min, zone).isoformat()
        rows.append(row)
    return rows


def is_in_step(pile: Pile) -> bool:
    """Whether the list that the pile confirmed is the one it should hold."""
    held = LocalList.objects.filter(pile=pile).values_list("entries", flat=True).first() or {}
    have = {_same(tag) for tag, entry in held.items() if entry.get("status", "accepted") == "accepted"}
    return have == {_same(row["tag"]) for row in wanted_at(pile)}


def sync_piles(*, actor: Actor, piles: Iterable[Pile], reason: str) -> list[SyncResult]:
    """Send piles their card lists, each for itself; the answer of each comes with its command.

    Needs `users.sync_card` and every pile in scope. Raises `permission_denied`, `not_found`, `reason_required`.
    """
    policy.require(actor, "users.sync_card")
    reason = edits.require_reason(reason)
    piles = list(piles)
    for pile in piles:
        edits.in_scope(actor, pile)
    results = [_sync(actor, pile) for pile in piles]
    for result in results:
        audit.record(
            actor=actor,
            action="billing.sync_cards",
            target=result.pile,
            reason=reason,
            after={"sent": result.sent, "refusal": result.words},
        )
    return results


def sweep_lists(*, actor: Actor, limit: int = 100) -> int:
    """Bring piles that are out of step to their lists; returns how many commands were sent.

    A pile that refused its list is left alone for an hour. Frozen cards leave piles this way, and a pile that was
    offline gets what it missed.
    """
    now = clock.now()
    pending = Q(state__in=OPEN_COMMAND_STATES) | Q(created_at__gte=now - TRY_AGAIN)
    recent = DeviceCommand.objects.unscoped("what was sent already").filter(
        pending, kind__in=COMMANDS, reference=REFERENCE
    )
    busy = set(recent.exclude(state=DeviceCommand.State.ACCEPTED).values_list("pile_id", flat=True))
    with_cards = Card.objects.unscoped("operators with such cards").filter(kind__in=KINDS)
    piles = Pile.objects.unscoped("every pile that may hold a list").filter(
        Q(operator_id__in=with_cards.values("operator_id")), online=True, in_service=True
    )
    sent = 0
    for pile in piles.exclude(pk__in=busy).select_related("station").order_by("pk"):
        if sent >= limit:
            break
        if is_in_step(pile):
            continue
        result = _sync(actor, pile)
        sent += result.sent
        if not result.sent:
            logger.info("card list of %s not sent: %s", pile.code, result.words)
    return sent


def _sync(actor: Actor, pile: Pile) -> SyncResult:
    cards = wanted_at(pile)
    try:
        if not cards:
            _take_away(actor, pile)
        else:
            local_lists.sync(actor=actor, pile=pile, cards=cards, full=True, reference=REFERENCE)
    except DomainError as refusal:
        return SyncResult(pile, False, refusal.message)
    return SyncResult(pile, True)


def _take_away(actor: Actor, pile: Pile) -> None:
    """Leave a pile without cards; raises `card_list_none` when it is not known to hold any."""
    held = LocalList.objects.filter(pile=pile).first()
    if held is None or not held.entries:
        raise DomainError("card_list_none", {"code": pile.code})
    send_command(
        actor=actor,
        pile=pile,
        kind=DeviceCommand.Kind.CLEAR_CARDS,
        params={"version": 1 + max(held.version, held.reported_version or 0)},
        reference=REFERENCE,
    )


def _same(tag: str) -> str:
    """A number without the padding that one protocol adds."""
    return tag.upper().lstrip("0")
