"""Card lists inside piles: what was sent and confirmed, in versions (OCPP 1.6 §5.15; 2.0.1 part 2 D01)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from devices import events
from devices.locks import lock_pile
from devices.models import DeviceCommand, LocalList
from devices.services.commands import send_command
from devices.services.placing import place_of
from kernel.actor import Actor
from kernel.errors import DomainError
from stations.models import Pile

STATUSES = ("accepted", "blocked", "expired", "invalid")
MOST_PER_MESSAGE = 500  # a longer list does not fit into the messages of common piles


def sync(
    *, actor: Actor, pile: Pile, cards: Sequence[Mapping[str, Any]], full: bool, reference: str = ""
) -> DeviceCommand:
    """Send a pile its card list: the whole of it, or what changed (an entry with `status` None goes away).

    Args:
        cards: `tag` and optionally `status` (one of `STATUSES`, accepted when absent), `expires_at` (ISO 8601),
            `parent_tag`.

    Raises:
        DomainError: `card_list_too_long` above 500 entries, and what `send_command` refuses.
    """
    if len(cards) > MOST_PER_MESSAGE:
        raise DomainError(
            "card_list_too_long", {"most": MOST_PER_MESSAGE, "given": len(cards)}, field="cards"
        )
    with transaction.atomic():
        locked = lock_pile(pile.pk)
        held = LocalList.objects.filter(pile=locked).first()
        version = 1 + max(held.version, held.reported_version or 0) if held is not None else 1
        return send_command(
            actor=actor,
            pile=locked,
            kind=DeviceCommand.Kind.SYNC_CARDS,
            params={"cards": [dict(card) for card in cards], "full": full, "version": version},
            reference=reference,
        )


def sync_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """The pile took a list, or part of one; or it holds another version than ours, which a full list cures."""
    if command.state != DeviceCommand.State.ACCEPTED:
        return
    row = _row(pile)
    entries = {} if command.params.get("full", True) else dict(row.entries)
    for card in command.params.get("cards") or ():
        tag = str(card.get("tag") or "")
        if "status" in card and card["status"] is None:
            entries.pop(tag, None)
        else:
            entries[tag] = {
                name: card[name] for name in ("status", "expires_at", "parent_tag") if card.get(name)
            } or {"status": "accepted"}
    row.entries, row.version, row.synced_at = entries, int(command.params.get("version") or 1), at
    row.save(update_fields=["entries", "version", "synced_at"])


def clear_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    if command.state == DeviceCommand.State.ACCEPTED:
        row = _row(pile)
        row.entries, row.version, row.synced_at = {}, int(command.params.get("version") or 0), at
        row.save(update_fields=["entries", "version", "synced_at"])


def version_answered(pile: events.PileRef, at: datetime, version: int) -> None:
    """The pile said which version it holds; −1 is a pile that has no list at all (OCPP 1.6 §5.10)."""
    row = _row(pile)
    row.reported_version, row.reported_at = version, at
    row.save(update_fields=["reported_version", "reported_at"])


def is_current(pile: Pile) -> bool:
    """Whether the pile said that it holds what we sent last."""
    row = LocalList.objects.filter(pile=pile).first()
    return row is not None and row.reported_version == row.version


def _row(pile: events.PileRef) -> LocalList:
    row, _created = LocalList.objects.get_or_create(pile_id=pile.id, defaults=place_of(pile))
    return row
