"""What the answer to a command changes here: the rows that say what a pile holds.

Runs in the transaction that stores the answer, before the floors above hear of it.
"""

from collections.abc import Callable
from datetime import datetime

from devices import events
from devices.models import DeviceCommand
from devices.services import reservations

Effect = Callable[[events.PileRef, DeviceCommand, datetime], None]

EFFECTS: dict[str, Effect] = {
    DeviceCommand.Kind.RESERVE: reservations.reserve_answered,
    DeviceCommand.Kind.CANCEL_RESERVATION: reservations.cancel_answered,
}


def apply(event: events.CommandAnswered) -> None:
    effect = EFFECTS.get(event.command.kind)
    if effect is not None:
        effect(event.pile, event.command, event.at)
