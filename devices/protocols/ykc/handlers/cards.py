"""The list of cards a pile accepts by itself (YKC V1.6 §6.8).

One frame holds few cards, so a command goes out in parts, each after the answer to the one before, and one command
after the other. What came back is kept per card in the command's result.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ykc import downlink
from devices.protocols.ykc.codec import YkcError, words
from devices.protocols.ykc.held import CardList, HeldGuns
from devices.services import commands, local_lists
from kernel.runtime.dbpool import in_database

_STORE, _CLEAR, _QUERY = 0x44, 0x46, 0x48


async def begin(consumer, held: HeldGuns, command: DeviceCommand) -> None:
    """Queue a command about cards behind those on their way. ValueError when it names none and none are known."""
    plan = await in_database(
        local_lists.card_plan, pile_id=held.pile.id, kind=command.kind, params=command.params
    )
    rows = ((_CLEAR, plan.clear), (_STORE, plan.store), (_QUERY, plan.query))
    parts = deque(part for frame_type, cards in rows for part in _parts(frame_type, cards))
    held.card_lists.append(CardList(command.pk, parts))
    first = held.card_lists[0].command_id
    # One that was never answered has expired by now and makes way.
    if first == command.pk or await in_database(commands.open_command, first) is None:
        await _send_next(consumer, held)


def _parts(frame_type: int, cards: list[Any]) -> Iterator[tuple[int, list[Any]]]:
    most = downlink.CARD_FRAMES[frame_type][1]
    for at in range(0, len(cards), most):
        yield frame_type, cards[at : at + most]


async def _send_next(consumer, held: HeldGuns) -> None:
    """Send the next part of the first command that is still open; those that ended meanwhile are dropped."""
    while held.card_lists:
        cards = held.card_lists[0]
        command = await in_database(commands.open_command, cards.command_id)
        if command is None:
            held.card_lists.popleft()
            continue
        cards.sent = cards.parts.popleft()
        frame_type, rows = cards.sent
        encode = downlink.CARD_FRAMES[frame_type][0]
        try:
            await consumer.transmit(*encode(downlink.Order(command, held, cards=rows)))
            return
        except YkcError as error:
            held.card_lists.popleft()
            await in_database(
                commands.complete_command,
                command_id=command.pk,
                state=DeviceCommand.State.FAILED,
                reason=str(error),
                result={"cards": cards.results},
            )


async def _answered(consumer, held: HeldGuns, cards: CardList, ok: bool, reason: str = "") -> None:
    """One part was answered: go on, or end the command. A refusal to store ends it where it stands."""
    cards.reason = cards.reason or reason
    if ok and cards.parts:
        await _send_next(consumer, held)
        return
    held.card_lists.popleft()
    result = {"cards": cards.results, **({"cleared": cards.cleared} if cards.cleared else {})}
    await in_database(
        commands.complete_command,
        command_id=cards.command_id,
        state=DeviceCommand.State.REJECTED if cards.reason else DeviceCommand.State.ACCEPTED,
        reason=cards.reason,
        result=result,
    )
    await _send_next(consumer, held)


def _on_the_wire(held: HeldGuns, frame_type: int) -> CardList | None:
    """The command that waits for the answer to this frame."""
    cards = held.card_lists[0] if held.card_lists else None
    return cards if cards is not None and cards.sent[0] == frame_type else None


async def stored(consumer, held: HeldGuns, frame, message) -> None:
    """43: speaks for all cards of the frame it answers."""
    cards = _on_the_wire(held, _STORE)
    if cards is None:
        return
    ok = message.fields["ok"] == 1
    cards.results |= {card["physical_card"]: ok for card in cards.sent[1]}
    reason = "" if ok else words.card_failure(message.fields["fail"]).slug
    await _answered(consumer, held, cards, ok, reason)


async def cleared(consumer, held: HeldGuns, frame, message) -> None:
    """45: per card. Only the mark counts, firmwares disagree on the reason byte.

    In a command that stores cards too, one that could not be cleared keeps none from being stored.
    """
    cards = _on_the_wire(held, _CLEAR)
    if cards is None:
        return
    found = {item["physical_card"]: item["mark"] == 1 for item in message.fields["cards"]}
    command = await in_database(commands.open_command, cards.command_id)
    into = cards.results if command and command.kind == DeviceCommand.Kind.CLEAR_CARDS else cards.cleared
    into |= found
    await _answered(consumer, held, cards, True, "" if all(found.values()) else "cards_not_cleared")


async def looked_up(consumer, held: HeldGuns, frame, message) -> None:
    """47: per card, present or not; either is a good answer."""
    cards = _on_the_wire(held, _QUERY)
    if cards is None:
        return
    cards.results |= {item["physical_card"]: item["result"] == 1 for item in message.fields["cards"]}
    await _answered(consumer, held, cards, True)
