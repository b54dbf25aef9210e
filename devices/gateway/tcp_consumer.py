"""What consumers of raw TCP piles do the same way: the socket's life, and what its splitter finds.

Messages of one socket are handled in order; what cannot be read is counted, logged raw and skipped.
"""

import asyncio
from typing import Any, ClassVar

from channels.exceptions import StopConsumer

from devices.gateway.pile_consumer import H, HeldPile, PileConsumer, to_json
from devices.gateway.throttle import Throttle
from devices.gateway.tls import proof_of

__all__ = ["HeldPile", "TcpPileConsumer", "to_json"]

GARBAGE_LIMIT = 64 * 1024  # bytes without one good frame before the socket is closed
PARTIAL_FRAME_S = 5.0  # a frame that does not complete in this time is given up


class TcpPileConsumer(PileConsumer[H]):
    """Channels consumer of `scope["type"] == "tcp"`.

    A protocol sets `protocol`, gives a splitter (`feed`, `flush`, `held`) and handles what it finds (`handle_item`).
    """

    login_within_s: ClassVar[float] = 30.0

    def __init__(self) -> None:
        super().__init__()
        self._splitter = self.make_splitter()
        self._throttle = Throttle(rate=50, burst=1000)
        self._garbage = 0
        self._partial: asyncio.TimerHandle | None = None
        self._in_hand = False

    def make_splitter(self) -> Any:
        raise NotImplementedError  # pragma: no cover - every protocol has its own

    async def handle_item(self, item: Any) -> None:
        """Act on one thing that the splitter found and that is no finding."""
        raise NotImplementedError  # pragma: no cover - every protocol has its own

    def is_finding(self, item: Any) -> bool:
        raise NotImplementedError  # pragma: no cover - every protocol has its own

    # --- socket -------------------------------------------------------------

    async def tcp_connect(self, message: dict) -> None:
        self.begin("{}:{}".format(*self.scope["client"]))
        self.proof = proof_of(self.scope)
        self.later(self.login_within_s, self.close_unless_known)

    async def tcp_receive(self, message: dict) -> None:
        if self._partial is not None:
            self._partial.cancel()
            self._partial = None
        await self._take(self._splitter.feed(message["data"]))
        if self._splitter.held:
            self._partial = asyncio.get_running_loop().call_later(
                PARTIAL_FRAME_S, lambda: self.spawn(self._give_up_partial())
            )

    async def tcp_disconnect(self, message: dict) -> None:
        await self.end(message.get("reason") or "disconnected")
        raise StopConsumer

    async def end(self, reason: str) -> None:
        if self._partial is not None:
            self._partial.cancel()
        await super().end(reason)

    async def close(self, reason: str) -> None:
        await self.send({"type": "tcp.close", "reason": reason})

    async def close_unless_known(self) -> None:
        """Called `login_within_s` after the connection was made, and again while the pile waits for us.

        In a storm of logins one may stand in our own queue for longer than that.
        """
        if self.piles:
            return
        if self._in_hand:
            self.later(self.login_within_s, self.close_unless_known)
        else:
            await self.close("no login")

    # --- what comes in ------------------------------------------------------

    async def _take(self, items: list[Any]) -> None:
        for item in items:
            if self.is_finding(item):
                await self._note_finding(item)
                continue
            self._garbage = 0
            delay = self._throttle.delay()
            if delay:
                # Only this socket waits: its reading stops while its consumer sleeps.
                self.count(None, "throttled")
                self.buffers.throttled += 1
                await asyncio.sleep(delay)
            self._in_hand = True
            try:
                await self.handle_item(item)
            finally:
                self._in_hand = False

    async def _give_up_partial(self) -> None:
        await self._take(self._splitter.flush())

    async def _note_finding(self, finding: Any) -> None:
        held = self.only_pile()
        self.count(held, finding.reason)
        self.log(finding.raw, "??", held, None, error=finding.reason)
        self._garbage += len(finding.raw)
        if self._garbage > GARBAGE_LIMIT:
            await self.close("only garbage")
