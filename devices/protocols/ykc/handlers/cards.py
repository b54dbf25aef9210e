"""The list of cards a pile accepts by itself (YKC V1.6 §6.8).

One frame holds few cards, so a command goes out in parts, each after the answer to the one before. What came back
is kept per card in the command's result.
"""

from collections import deque

from devices.models import DeviceCommand
from devices.protocols.ykc import downlink
from devices.protocols.ykc.codec import words
from devices.protocols.ykc.held import CardList, HeldGuns
from devices.services import commands
from kernel.runtime.dbpool import in_database

_K = DeviceCommand.Kind


async def begin(consumer, held: HeldGuns, command: DeviceCommand) -> None:
    """Put the first part of a command about cards on the wire. ValueError without cards."""
    most = downlink.CARDS_PER_FRAME[command.kind]
    rows = list(command.params["cards"])
    if not rows:
        raise ValueError("there are no cards in the command")
    parts = deque(rows[at : at + most] for at in range(0, len(rows), most))
    held.card_lists[command.kind] = CardList(command.pk, parts)
    await _send_part(consumer, held, command)


async def _send_part(consumer, held: HeldGuns, command: DeviceCommand) -> None:
    cards = held.card_lists[command.kind]
    cards.sent = cards.parts.popleft()
    order = downlink.Order(command, held, cards=cards.sent)
    frame_type, fields = downlink.ENCODERS[command.kind](order)
    await consumer.transmit(frame_type, fields)


async def _answered(consumer, held: HeldGuns, kind: str, ok: bool, reason: str = "") -> None:
    """One part was answered: send the next, or end the command."""
    cards = held.card_lists[kind]
    if ok and cards.parts:
        command = await in_database(
            commands.outstanding_command, pile_id=held.pile.id, kind=kind, connector_no=0
        )
        if command is not None and command.pk == cards.command_id:
            await _send_part(consumer, held, command)
            return
    del held.card_lists[kind]
    await in_database(
        commands.complete_command,
        command_id=cards.command_id,
        state=DeviceCommand.State.ACCEPTED if ok else DeviceCommand.State.REJECTED,
        reason=reason,
        result={"cards": cards.results},
    )


async def stored(consumer, held, frame, message) -> None:
    """43: speaks for all cards of the frame it answers; a refusal ends the command there."""
    cards = held.card_lists.get(_K.SYNC_CARDS)
    if cards is None:
        return
    ok = message.fields["ok"] == 1
    cards.results |= {downlink.card_number(card["physical_card"]): ok for card in cards.sent}
    reason = "" if ok else words.card_failure(message.fields["fail"]).slug
    await _answered(consumer, held, _K.SYNC_CARDS, ok, reason)


async def cleared(consumer, held, frame, message) -> None:
    """45: per card. Only the mark counts, firmwares disagree on the reason byte."""
    cards = held.card_lists.get(_K.CLEAR_CARDS)
    if cards is None:
        return
    cards.results |= {item["physical_card"]: item["mark"] == 1 for item in message.fields["cards"]}
    last = not cards.parts
    ok = not last or all(cards.results.values())
    await _answered(consumer, held, _K.CLEAR_CARDS, ok, "" if ok else "cards_not_cleared")


async def looked_up(consumer, held, frame, message) -> None:
    """47: per card, present or not; either is a good answer."""
    cards = held.card_lists.get(_K.QUERY_CARDS)
    if cards is None:
        return
    cards.results |= {item["physical_card"]: item["result"] == 1 for item in message.fields["cards"]}
    await _answered(consumer, held, _K.QUERY_CARDS, True)
