"""What consumers of piles do the same way, whatever carries their messages: sessions, findings and the frame log.

Messages of one pile are handled in order; what cannot be read is counted, logged raw and skipped.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar

from channels.consumer import AsyncConsumer
from django.db import InterfaceError, OperationalError

from devices.events import PileRef
from devices.gateway.buffers import gateway_buffers
from devices.gateway.dispatch import CommandDispatch
from devices.models import FrameLog
from devices.services import commissioning, presence
from devices.services.presence import Login, Logout, OpenedSession, SocketLost
from devices.services.samples import LoggedFrame
from kernel import clock
from kernel.runtime.dbpool import in_database

logger = logging.getLogger(__name__)

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


class PileConsumer(CommandDispatch, AsyncConsumer, Generic[H]):
    """Channels consumer that holds piles. A protocol sets `protocol`, and `close` ends what carries its messages."""

    protocol: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.piles: dict[str, H] = {}
        self.findings: dict[str, int] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task] = set()

    async def __call__(self, *args: Any) -> None:
        try:
            await super().__call__(*args)
        finally:
            # A consumer that dies of an error is told of no disconnect; its piles must not stay held.
            await self.end("consumer failed")

    def begin(self, remote: str) -> None:
        """The peer is there; `remote` names it in sessions and on the waiting list."""
        self.buffers = gateway_buffers()
        self.remote = remote

    async def close(self, reason: str) -> None:
        raise NotImplementedError  # pragma: no cover - every protocol has its own

    async def end(self, reason: str) -> None:
        """Let go of everything; safe to be called twice."""
        for timer in self._timers:
            timer.cancel()
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
        wanted = self.scope.get("connected", lambda: True)
        opened = await self.buffers.login(
            Login(pile_id, self.protocol, self.channel_name, self.remote, facts, wanted=wanted)
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
        await self.buffers.logouts.add(Logout(held.session_id, held.pile.id, reason))

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
        try:
            held.session_id = (await self.open_session(held.pile.id)).session_id
        except SocketLost:
            return False
        held.forget()
        return True

    def held_pile_ids(self) -> Collection[int]:
        return [held.pile.id for held in self.piles.values()]

    def only_pile(self) -> H | None:
        return next(iter(self.piles.values())) if len(self.piles) == 1 else None

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
            except SocketLost:
                return False
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
            # Taken out of the pile's figures already: the end of its socket must not lose them.
            await asyncio.shield(in_database(commissioning.count_findings, held.pile.id, findings))

    def log(
        self,
        raw: bytes | str,
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
        """Append one frame to the frame log, soon; bytes are kept as hexadecimal digits."""
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
                raw=raw if isinstance(raw, str) else raw.hex().upper(),
                decoded={key: to_json(value) for key, value in (fields or {}).items()} or None,
                error=error[:128],
            )
        )
