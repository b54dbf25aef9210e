"""The overview's live line: it says «something changed», at most once a second, and carries no data.

The page then reads its board over HTTP, where login, permissions and scope are checked as for any page.
"""

import asyncio
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from analytics import selectors
from kernel.runtime.dbpool import in_database
from users.actors import of_staff

MIN_INTERVAL_S = 1.0
UNAUTHORIZED = 4401


def groups_of(user: Any) -> list[str]:
    """The groups a staff member listens to; empty for those who may not enter the console."""
    if not getattr(user, "is_authenticated", False) or not user.is_active or not user.is_staff:
        return []
    operators = selectors.board_operators(actor=of_staff(user))
    if operators is None:
        return ["board.platform"]
    return [f"board.operator.{pk}" for pk in operators]


class BoardConsumer(AsyncJsonWebsocketConsumer):
    """Session login; joins the groups of the staff member's scope and forwards a coalesced signal."""

    async def connect(self) -> None:
        self._groups: list[str] = []
        self._pending: asyncio.Task | None = None
        self._sent_at = 0.0
        groups = await in_database(lambda: groups_of(self.scope.get("user")))
        await self.accept()
        if not groups:
            await self.close(UNAUTHORIZED)
            return
        for group in groups:
            await self.channel_layer.group_add(group, self.channel_name)
        self._groups = groups
        await self.send_json({"type": "ready"})

    async def disconnect(self, code: int) -> None:
        if self._pending is not None:
            self._pending.cancel()
        for group in self._groups:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """The page has nothing to say."""

    async def receive(self, text_data=None, bytes_data=None, **kwargs: Any) -> None:
        """As `receive_json`: whatever comes is ignored, also what is no JSON."""

    async def board_dirty(self, event: dict[str, Any]) -> None:
        if self._pending is None or self._pending.done():
            self._pending = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._sent_at + MIN_INTERVAL_S - loop.time()))
        self._sent_at = loop.time()
        await self.send_json({"type": "dirty"})
