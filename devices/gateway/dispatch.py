"""Commands on their way to a socket: what every protocol consumer does the same way."""

import logging
from collections.abc import Collection
from typing import Any

from channels.consumer import get_handler_name
from channels.layers import get_channel_layer

from devices.models import DeviceCommand
from devices.services import commands
from devices.services.presence import OpenedSession
from kernel.runtime.dbpool import in_database

logger = logging.getLogger(__name__)


class CommandDispatch:
    """Mixin of consumers that hold piles.

    The consumer says which piles it holds (`held_pile_ids`) and puts a claimed command on its wire
    (`send_command_frame`); it must not wait for the pile's answer there.
    """

    channel_name: str

    async def dispatch(self, message: dict[str, Any]) -> None:
        """As Channels does it, but for its look for old database connections, a change of thread per message.

        A consumer reaches the database through `in_database` only, which keeps its connections in order.
        """
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"no handler for message type {message['type']}")
        await handler(message)

    def held_pile_ids(self) -> Collection[int]:
        raise NotImplementedError  # pragma: no cover - every consumer has its own

    async def send_command_frame(self, command: DeviceCommand) -> None:
        raise NotImplementedError  # pragma: no cover - every consumer has its own

    async def command_queued(self, event: dict) -> None:
        """Channels handler: a command may wait for a pile of this consumer."""
        command = await in_database(
            commands.claim_command, command_id=event["command_id"], pile_ids=list(self.held_pile_ids())
        )
        if command is None:
            return
        try:
            await self.send_command_frame(command)
        except Exception as error:
            logger.exception("command %s could not be sent", command.pk)
            await in_database(
                commands.complete_command,
                command_id=command.pk,
                state=DeviceCommand.State.FAILED,
                reason=repr(error)[:128],
            )

    async def close_replaced(self, opened: OpenedSession) -> None:
        """Tell the consumer that held this pile before that it lost it."""
        if opened.replaced_channel and opened.replaced_channel != self.channel_name:
            await get_channel_layer().send(
                opened.replaced_channel,
                {"type": "session.replaced", "pile_id": opened.pile.id, "session_id": opened.session_id},
            )

    async def session_ended(self, event: dict) -> None:
        """Channels handler: a session was closed, maybe without our knowledge; `event` names it and the reason.

        A consumer that still holds this very session gives way (`replaced`) or looks again at the next message.
        """
