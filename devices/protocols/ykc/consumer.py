"""The YKC consumer: one TCP socket, usually one pile, sometimes several behind a concentrator.

Frames are routed by the pile code inside them and only for piles that logged in on this socket. Messages of one
socket are handled in order; a frame that cannot be read is counted, logged raw and skipped.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.db import InterfaceError, OperationalError

from devices.gateway.buffers import gateway_buffers
from devices.gateway.dispatch import CommandDispatch
from devices.gateway.throttle import Throttle
from devices.models import DeviceCommand, FrameLog
from devices.protocols.ykc import codec, downlink
from devices.protocols.ykc.handlers import HANDLERS
from devices.protocols.ykc.held import HeldPile
from devices.services import commissioning, presence
from devices.services.samples import LoggedFrame
from kernel import clock
from kernel.runtime.dbpool import in_database

logger = logging.getLogger(__name__)

LOGIN_WITHIN_S = 30.0
GARBAGE_LIMIT = 64 * 1024  # bytes without one good frame before the socket is closed
PARTIAL_FRAME_S = 5.0  # a frame that does not complete in this time is given up
FINDINGS_EVERY = 50
DATABASE_TRIES = 4


class YkcConsumer(CommandDispatch, AsyncConsumer):
    """Channels consumer of `scope["type"] == "tcp"`, protocol `ykc`."""

    def __init__(self) -> None:
        super().__init__()
        self.piles: dict[str, HeldPile] = {}
        self.findings: dict[str, int] = {}
        self._splitter = codec.Splitter()
        self._throttle = Throttle(rate=50, burst=1000)
        self._garbage = 0
        self._timers: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task] = set()
        self._partial: asyncio.TimerHandle | None = None

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
        self.later(LOGIN_WITHIN_S, self._close_unless_logged_in)

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
                logger.exception("YKC: %s did not end cleanly", held.pile.code)

    async def session_replaced(self, event: dict) -> None:
        """Channels handler: a newer connection holds one of our piles."""
        for held in list(self.piles.values()):
            if held.pile.id == event["pile_id"] and held.session_id != event["session_id"]:
                self.buffers.release(held.pile.id, self)
                del self.piles[held.pile.code]
        if not self.piles:
            await self.close("replaced by a newer connection")

    async def close(self, reason: str) -> None:
        await self.send({"type": "tcp.close", "reason": reason})

    async def _still_ours(self, held: HeldPile) -> bool:
        """After a long silence the session may have been closed as silent: open it again, or give way."""
        now, before = clock.now(), held.heard_at
        held.heard_at = now
        if now - before < presence.offline_after("ykc"):
            return True
        reason = await in_database(presence.close_reason_of, held.session_id)
        if reason is None:
            return True
        if reason == "replaced":
            await self.session_replaced({"pile_id": held.pile.id, "session_id": None})
            return False
        opened = await in_database(
            presence.open_session,
            pile_id=held.pile.id,
            protocol="ykc",
            channel=self.channel_name,
            remote_address=self.remote,
        )
        held.session_id = opened.session_id
        held.guns.clear()  # everything it says next is news again
        await self.close_replaced(opened)
        return True

    async def drop(self, held: HeldPile, reason: str) -> None:
        """Let go of a pile because its socket ended."""
        self.piles.pop(held.pile.code, None)
        self.buffers.release(held.pile.id, self)
        await self._store_findings(held)
        await in_database(presence.close_session, session_id=held.session_id, reason=reason[:64])

    # --- frames in ----------------------------------------------------------

    async def _take(self, items: list[codec.Frame | codec.Finding]) -> None:
        for item in items:
            if isinstance(item, codec.Finding):
                await self._note_finding(item)
                continue
            self._garbage = 0
            delay = self._throttle.delay()
            if delay:
                # Only this socket waits: its reading stops while its consumer sleeps.
                self.count(None, "throttled")
                await asyncio.sleep(delay)
            await self._handle(item)

    async def _handle(self, frame: codec.Frame) -> None:
        try:
            message = codec.decode(frame)
        except codec.YkcError as error:
            fields = getattr(error, "partial", {})
            held = self.piles.get(fields.get("pile_code", "")) or self._only_pile()
            self.count(held, error.code)
            self._log(frame.raw, f"{frame.type:02X}", held, None, error=str(error)[:128])
            return
        held = self.piles.get(message.fields.get("pile_code", ""))
        self._log(frame.raw, f"{frame.type:02X} {message.name}", held, message.fields)
        if held is not None:
            if not await self._still_ours(held):
                return
            self.buffers.seen(held.pile.id)
            order = frame.crc_order or ""
            if order != held.crc_order:
                held.crc_order = order
                self.count(held, f"crc_{order}_first")
        handler = HANDLERS.get(frame.type)
        if handler is None:
            self.count(held, "unhandled_type")
            return
        if held is None and handler.needs_login:
            self.count(None, "before_login")
            return
        await self._run(handler.function, held, frame, message)

    async def _run(self, function, held, frame, message) -> None:
        """Run a handler; database trouble of ours is retried, then the frame stays unanswered and comes again."""
        for attempt in range(1, DATABASE_TRIES + 1):
            try:
                await function(self, held, frame, message)
                return
            except (OperationalError, InterfaceError) as error:
                logger.warning("YKC %02X of %s: %r (try %d)", frame.type, self.remote, error, attempt)
                await asyncio.sleep(0.1 * attempt)
            except Exception:
                logger.exception("YKC %02X of %s was not handled", frame.type, self.remote)
                return

    async def _note_finding(self, finding: codec.Finding) -> None:
        held = self._only_pile()
        self.count(held, finding.reason)
        self._log(finding.raw, "??", held, None, error=finding.reason)
        self._garbage += len(finding.raw)
        if self._garbage > GARBAGE_LIMIT:
            await self.close("only garbage")

    async def _give_up_partial(self) -> None:
        await self._take(self._splitter.flush())

    # --- frames out ---------------------------------------------------------

    async def reply(self, frame: codec.Frame, frame_type: int, fields: Mapping[str, Any]) -> None:
        """Answer a frame with its own sequence bytes."""
        await self.transmit(frame_type, fields, seq=frame.seq)

    async def transmit(self, frame_type: int, fields: Mapping[str, Any], *, seq: bytes = b"\0\0") -> None:
        raw = codec.encode(frame_type, fields, seq)
        held = self.piles.get(str(fields.get("pile_code", ""))) or self._only_pile()
        name = f"{frame_type:02X} {codec.LAYOUTS[frame_type].name}"
        self._log(raw, name, held, dict(fields), direction=FrameLog.Direction.OUT)
        await self.send({"type": "tcp.send", "data": raw})

    def held_pile_ids(self) -> Collection[int]:
        return [held.pile.id for held in self.piles.values()]

    async def send_command_frame(self, command: DeviceCommand) -> None:
        held = next(held for held in self.piles.values() if held.pile.id == command.pile_id)
        frame_type, fields = downlink.frame_of(command, held.pile.code)
        if command.kind == DeviceCommand.Kind.READ_STATUS:
            held.asked.add(command.connector_no)
        await self.transmit(frame_type, fields)

    # --- small things -------------------------------------------------------

    def later(self, seconds: float, action) -> None:
        """Run a coroutine function later unless the socket ends first."""

        def start() -> None:
            self._timers.discard(timer)
            self.spawn(action())

        timer = asyncio.get_running_loop().call_later(seconds, start)
        self._timers.add(timer)

    def spawn(self, coroutine) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def count(self, held: HeldPile | None, finding: str) -> None:
        """Count an oddity; they are added to the pile's row now and then."""
        if held is None:
            self.findings[finding] = self.findings.get(finding, 0) + 1
            return
        held.findings[finding] = held.findings.get(finding, 0) + 1
        if held.findings[finding] == 1 or sum(held.findings.values()) >= FINDINGS_EVERY:
            self.spawn(self._store_findings(held))

    async def _store_findings(self, held: HeldPile) -> None:
        findings, held.findings = held.findings, {}
        if findings:
            await in_database(commissioning.count_findings, held.pile.id, findings)

    def _only_pile(self) -> HeldPile | None:
        return next(iter(self.piles.values())) if len(self.piles) == 1 else None

    async def _close_unless_logged_in(self) -> None:
        if not self.piles:
            await self.close("no login")

    def _log(
        self,
        raw: bytes,
        name: str,
        held: HeldPile | None,
        fields: Mapping[str, Any] | None,
        *,
        direction: str = FrameLog.Direction.IN,
        error: str = "",
    ) -> None:
        fields = fields or {}
        gun = fields.get("gun_no")
        trade_no = str(fields.get("trade_no", ""))
        self.buffers.frame(
            LoggedFrame(
                at=clock.now(),
                operator_id=held.pile.operator_id if held else None,
                station_id=held.pile.station_id if held else None,
                pile_id=held.pile.id if held else None,
                pile_code=held.pile.code if held else str(fields.get("pile_code", ""))[:64],
                protocol="ykc",
                direction=direction,
                name=name[:48],
                connector_no=int(gun) if gun is not None and str(gun).isdigit() else None,
                transaction_ref=trade_no if trade_no.strip("0") else "",
                raw=raw.hex().upper(),
                decoded={key: downlink.to_json(value) for key, value in fields.items()} or None,
                error=error,
            )
        )
