"""Card lists inside piles: what was sent and confirmed.

OCPP piles hold lists in versions (OCPP 1.6 §5.15; 2.0.1 part 2 D01). YKC piles hold single cards without a status or
a version, and say of each whether they took it (YKC V1.6 §6.8).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class CardPlan:
    """What a command does to a pile that holds single cards: rows to take away, to store and to ask about."""

    clear: list[str]
    store: list[dict[str, str]]
    query: list[str]


def card_plan(*, pile_id: int, kind: str, params: Mapping[str, Any]) -> CardPlan:
    """Split a command about cards into what such a pile can do.

    A card is its physical number (`tag` or `physical_card`), with the number printed on it (`logical_card`). Only
    accepted cards are stored; with `full` what the pile holds beyond them is taken away. Clearing or asking without
    cards means all that the pile is known to hold. ValueError when there is nothing to do.
    """
    row = LocalList.objects.filter(pile_id=pile_id).first()
    held = list(row.entries) if row else []
    clear: list[str] = []
    store: dict[str, dict[str, str]] = {}
    cards = list(params.get("cards") or ())
    if kind == DeviceCommand.Kind.SYNC_CARDS:
        for card in cards:
            number = card_number(str(card.get("physical_card") or card["tag"]))
            if card.get("status", "accepted") == "accepted":
                logical = str(card.get("logical_card") or "")
                store[number] = {"physical_card": number, "logical_card": card_number(logical)}
            else:
                clear.append(number)
        if params.get("full"):
            clear += [number for number in held if number not in store and number not in clear]
        plan = CardPlan(clear, list(store.values()), [])
    else:
        numbers = [card_number(str(card)) for card in cards] or held
        asks = kind == DeviceCommand.Kind.QUERY_CARDS
        plan = CardPlan([] if asks else numbers, [], numbers if asks else [])
    if not (plan.clear or plan.store or plan.query):
        raise ValueError("there are no cards in the command, and the pile is not known to hold any")
    return plan


def card_number(text: str) -> str:
    """A card number as its 8 bytes in hexadecimal, padded on the left."""
    return text.upper().rjust(16, "0")


def cards_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """A pile that holds single cards said which it took, gave up or has; what it took counts, whatever the rest."""
    taken = command.result.get("cards") or {}
    cleared = command.result.get("cleared") or {}
    if command.kind == DeviceCommand.Kind.CLEAR_CARDS:
        taken, cleared = {}, taken
    if not (taken or cleared):
        return
    row = _row(pile)
    entries = {number: entry for number, entry in row.entries.items() if not cleared.get(number)}
    for number, ok in taken.items():
        if ok:
            entries[number] = row.entries.get(number) or {"status": "accepted"}
        elif command.kind == DeviceCommand.Kind.QUERY_CARDS:
            entries.pop(number, None)
    row.entries, row.synced_at = entries, at
    if command.kind == DeviceCommand.Kind.SYNC_CARDS and command.state == DeviceCommand.State.ACCEPTED:
        row.version = int(command.params.get("version") or row.version)
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
