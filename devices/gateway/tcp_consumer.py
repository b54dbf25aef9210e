"""What consumers of raw TCP piles do the same way: the socket's life, the piles on it, findings and the frame log.

Messages of one socket are handled in order; what cannot be read is counted, logged raw and skipped.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.db import InterfaceError, OperationalError

from devices.events import PileRef
from devices.gateway.buffers import gateway_buffers
from devices.gateway.dispatch import CommandDispatch
from devices.gateway.throttle import Throttle
from devices.gateway.tls import proof_of
from devices.models import FrameLog
from devices.services import commissioning, presence
from devices.services.presence import OpenedSession
from devices.services.samples import LoggedFrame
from kernel import clock
from kernel.runtime.dbpool import in_database

logger = logging.getLogger(__name__)

GARBAGE_LIMIT = 64 * 1024  # bytes without one good frame before the socket is closed
PARTIAL_FRAME_S = 5.0  # a frame that does not complete in this time is given up
FINDINGS_EVERY = 50
DATABASE_TRIES = 4
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class HeldPile:
    """A pile that is held on this socket; protocols add what they remember of it. Lost with the socket."""

    pile: PileRef
    session_id: int
    findings: dict[str, int] = field(default_factory=dict)
    heard_at: datetime = field(default_factory=clock.now)
    silence: timedelta = timedelta(seconds=60)  # how long it may say nothing

    def forget(self) -> None:
        """The session began anew: everything the pile says next is news again."""


H = TypeVar("H", bound=HeldPile)


def to_json(value: Any) -> Any:
    """A field value as JSON: numbers exact as text, times in ISO 8601."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    return value


class TcpPileConsumer(CommandDispatch, AsyncConsumer, Generic[H]):
    """Channels consumer of `scope["type"] == "tcp"`.

    A protocol sets `protocol`, gives a splitter (`feed`, `flush`, `held`) and handles what it finds (`handle_item`).
    """

    protocol: ClassVar[str]
    login_within_s: ClassVar[float] = 30.0

    def __init__(self) -> None:
        super().__init__()
        self.piles: dict[str, H] = {}
        self.findings: dict[str, int] = {}
        self._splitter = self.make_splitter()
        self._throttle = Throttle(rate=50, burst=1000)
        self._garbage = 0
        self._timers: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task] = set()
        self._partial: asyncio.TimerHandle | None = None

    def make_splitter(self) -> Any:
        raise NotImplementedError  # pragma: no cover - every protocol has its own

    async def handle_item(self, item: Any) -> None:
        """Act on one thing that the splitter found and that is no finding."""
        raise NotImplementedError  # pragma: no cover - every protocol has its own

    def is_finding(self, item: Any) -> bool:
        raise NotImplementedError  # pragma: no cover - every protocol has its own

    # --- socket -------------------------------------------------------------

    async def __call__(self, *args: Any) -> None:
        try:
            await super().__call__(*args)
        finally:
            # A consumer that dies of an error is told of no disconnect; its piles must not stay held.
            await self._end("consumer failed")

    async def tcp_connect(self, message: dict) -> None:
        self.buffers = gateway_buffers()
        self.remote = "{}:{}".format(*self.scope["client"])
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
        await self._end(message.get("reason") or "disconnected")
        raise StopConsumer

    async def close(self, reason: str) -> None:
        await self.send({"type": "tcp.close", "reason": reason})

    async def close_unless_known(self) -> None:
        """Called once, `login_within_s` after the connection was made."""
        if not self.piles:
            await self.close("no login")

    async def _end(self, reason: str) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._partial is not None:
            self._partial.cancel()
        for task in self._tasks:
            task.cancel()
        for held in list(self.piles.values()):
            try:
                await self.drop(held, reason)
            except Exception:
                # The sweep of silent piles makes it good.
                logger.exception("%s: %s did not end cleanly", self.protocol, held.pile.code)

    # --- piles --------------------------------------------------------------

    async def open_session(self, pile_id: int, facts: Mapping[str, Any] | None = None) -> OpenedSession:
        """Take a pile over to this socket."""
        opened = await in_database(
            presence.open_session,
            pile_id=pile_id,
            protocol=self.protocol,
            channel=self.channel_name,
            remote_address=self.remote,
            facts=facts,
        )
        await self.close_replaced(opened)
        return opened

    def hold(self, held: H) -> None:
        self.piles[held.pile.code] = held
        self.buffers.hold(held.pile.id, self)

    async def drop(self, held: H, reason: str) -> None:
        """Let go of a pile because its socket ended."""
        self.piles.pop(held.pile.code, None)
        self.buffers.release(held.pile.id, self)
        await self._store_findings(held)
        await in_database(presence.close_session, session_id=held.session_id, reason=reason[:64])

    async def session_replaced(self, event: dict) -> None:
        """Channels handler: a newer connection holds one of our piles."""
        for held in list(self.piles.values()):
            if held.pile.id == event["pile_id"] and held.session_id != event["session_id"]:
                self.buffers.release(held.pile.id, self)
                del self.piles[held.pile.code]
        if not self.piles:
            await self.close("replaced by a newer connection")

    async def session_ended(self, event: dict) -> None:
        """Channels handler: a session of ours may have been closed by somebody else."""
        for held in list(self.piles.values()):
            if held.session_id != event["session_id"]:
                continue
            if event["reason"] == "replaced":
                await self.session_replaced({"pile_id": held.pile.id, "session_id": None})
            else:
                held.heard_at = LONG_AGO

    async def still_ours(self, held: H) -> bool:
        """After a long silence the session may have been closed as silent: open it again, or give way."""
        now, before = clock.now(), held.heard_at
        held.heard_at = now
        if now - before < held.silence:
            return True
        reason = await in_database(presence.close_reason_of, held.session_id)
        if reason is None:
            return True
        if reason == "replaced":
            await self.session_replaced({"pile_id": held.pile.id, "session_id": None})
            return False
        held.session_id = (await self.open_session(held.pile.id)).session_id
        held.forget()
        return True

    def held_pile_ids(self) -> Collection[int]:
        return [held.pile.id for held in self.piles.values()]

    def only_pile(self) -> H | None:
        return next(iter(self.piles.values())) if len(self.piles) == 1 else None

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
            await self.handle_item(item)

    async def _give_up_partial(self) -> None:
        await self._take(self._splitter.flush())

    async def _note_finding(self, finding: Any) -> None:
        held = self.only_pile()
        self.count(held, finding.reason)
        self.log(finding.raw, "??", held, None, error=finding.reason)
        self._garbage += len(finding.raw)
        if self._garbage > GARBAGE_LIMIT:
            await self.close("only garbage")

    async def attempt(self, what: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Run a handler; database trouble of ours is retried, then the frame stays unanswered and comes again.

        Returns False when it could not be handled.
        """
        for attempt in range(1, DATABASE_TRIES + 1):
            try:
                await work()
                return True
            except (OperationalError, InterfaceError) as error:
                logger.warning("%s %s of %s: %r (try %d)", self.protocol, what, self.remote, error, attempt)
                await asyncio.sleep(0.1 * attempt)
            except Exception:
                logger.exception("%s %s of %s was not handled", self.protocol, what, self.remote)
                return False
        return False

    # --- small things -------------------------------------------------------

    def later(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        """Run a coroutine function later unless the socket ends first."""

        def start() -> None:
            self._timers.discard(timer)
            self.spawn(action())

        timer = asyncio.get_running_loop().call_later(seconds, start)
        self._timers.add(timer)

    def spawn(self, coroutine: Awaitable[None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def count(self, held: H | None, finding: str) -> None:
        """Count an oddity; they are added to the pile's row now and then."""
        if held is None:
            self.findings[finding] = self.findings.get(finding, 0) + 1
            return
        held.findings[finding] = held.findings.get(finding, 0) + 1
        if held.findings[finding] == 1 or sum(held.findings.values()) >= FINDINGS_EVERY:
            self.spawn(self._store_findings(held))

    async def _store_findings(self, held: H) -> None:
        findings, held.findings = held.findings, {}
        if findings:
            await in_database(commissioning.count_findings, held.pile.id, findings)

    def log(
        self,
        raw: bytes,
        name: str,
        held: H | None,
        fields: Mapping[str, Any] | None,
        *,
        code: str = "",
        connector_no: int | None = None,
        transaction_ref: str = "",
        direction: str = FrameLog.Direction.IN,
        error: str = "",
    ) -> None:
        """Append one frame to the frame log, soon."""
        self.buffers.frame(
            LoggedFrame(
                at=clock.now(),
                operator_id=held.pile.operator_id if held else None,
                station_id=held.pile.station_id if held else None,
                pile_id=held.pile.id if held else None,
                pile_code=held.pile.code if held else code[:64],
                protocol=self.protocol,
                direction=direction,
                name=name[:48],
                connector_no=connector_no,
                transaction_ref=transaction_ref,
                raw=raw.hex().upper(),
                decoded={key: to_json(value) for key, value in (fields or {}).items()} or None,
                error=error[:128],
            )
        )
