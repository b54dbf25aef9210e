"""The OCPP consumer: one WebSocket, one station, in the version its pile is registered with.

Messages of one socket are handled in order. Whatever a station sends, the socket survives: what cannot be read is
counted, kept raw in the frame log and, when it has a message id, answered with a CALLERROR; only a station that
says nothing readable many times in a row is hung up on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Collection
from datetime import UTC, datetime
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from ocpp.messages import Call, CallError, CallResult

from devices.gateway.buffers import gateway_buffers
from devices.gateway.dispatch import CommandDispatch
from devices.gateway.throttle import Throttle
from devices.models import DeviceCommand, FrameLog
from devices.protocols.ocppj import handshake, wire
from devices.protocols.ocppj.calls import CallQueue, Outcome, OutgoingCall
from devices.protocols.ocppj.dialect import Dialect
from devices.protocols.ocppj.link import DATABASE_ERRORS, CallRefused, Incoming, Link, database
from devices.services import commands, commissioning, presence
from devices.services.samples import LoggedFrame
from kernel import clock

logger = logging.getLogger(__name__)

READY_AFTER_S = 5.0  # how long calls wait for the Boot of a station that may have restarted
BAD_FRAMES_IN_A_ROW = 20
MESSAGES_PER_S, REPLAY_BURST = 200, 1000  # what one station may say; a replay after an outage is no flood
SHOWN_OF_BAD = 2_000  # characters of a frame that cannot be read, for the log

LONG_AGO = datetime.min.replace(tzinfo=UTC)

# WebSocket close codes: RFC 6455 §7.4.1, and one of our own (4000–4999).
PROTOCOL_ERROR, TOO_BIG, TRY_AGAIN, REPLACED = 1002, 1009, 1013, 4409


class OcppConsumer(CommandDispatch, AsyncWebsocketConsumer):
    """Channels consumer of `/ocpp/<pile code>`; `dialects` are the versions it speaks."""

    dialects: tuple[Dialect, ...] = ()
    dialect: Dialect

    def __init__(self, *args: Any, dialects: tuple[Dialect, ...], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.dialects = dialects
        self.link: Link | None = None
        self._throttle = Throttle(rate=MESSAGES_PER_S, burst=REPLAY_BURST)
        self._bad_in_a_row = 0
        self._closing = False
        self._ended = False
        self._close_reason = "disconnected"
        self._timers: list[asyncio.TimerHandle] = []
        self._tasks: set[asyncio.Task] = set()

    # --- socket -------------------------------------------------------------

    async def __call__(self, *args: Any) -> None:
        try:
            await super().__call__(*args)
        finally:
            # A consumer that dies of an error is told of no disconnect; its pile must not stay held.
            await self.disconnect(1006)

    async def connect(self) -> None:
        self.buffers = gateway_buffers()
        self.calls = CallQueue(transmit=self._transmit_call, finish=self._finish_call, spawn=self.spawn)
        client = self.scope.get("client") or ("", 0)
        self.remote = f"{client[0]}:{client[1]}"
        code = self.scope["url_route"]["kwargs"]["code"]
        try:
            spoken = {dialect.subprotocol: dialect.protocol for dialect in self.dialects}
            pile = await handshake.identify(self.scope, code, self.remote, spoken)
            self.dialect = next(one for one in self.dialects if one.protocol == pile.protocol)
            subprotocol, offered = self.dialect.subprotocol, self.scope.get("subprotocols", ())
            if not offered:
                raise handshake.Refused(400)
            if subprotocol not in offered:
                # OCPP-J 1.6 §3.2: finish the handshake without one of those offered, then close at once.
                await self.accept()
                await self.hang_up(PROTOCOL_ERROR, f"subprotocol {subprotocol} is required")
                return
            await self._open_session(pile.pk)
        except handshake.Refused as refused:
            await self._refuse(refused.status)
            return
        except DATABASE_ERRORS:
            logger.exception("OCPP: %s cannot be looked up now", code)
            await self._refuse(503)
            return
        await self.accept(subprotocol)
        self._later(READY_AFTER_S, self._ready_without_boot)

    async def disconnect(self, code: int) -> None:
        if self._ended:
            return
        self._closing = self._ended = True
        for timer in self._timers:
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        if self.link is None:
            return
        self.buffers.release(self.link.pile.id, self)
        # First offline, then the news of lost calls: who asks again is told the truth.
        for ending in (self._close_session, self.calls.lost, self._store_findings):
            try:
                await ending()
            except Exception:
                # The sweeps of commands and silent piles make it good.
                logger.exception("OCPP: %s did not end cleanly", self.link.pile.code)

    async def session_replaced(self, event: dict) -> None:
        """Channels handler: a newer connection holds our pile."""
        if self.link is not None and event["session_id"] != self.link.session_id:
            self._close_reason = "replaced"
            await self.hang_up(REPLACED, "replaced by a newer connection")

    async def session_ended(self, event: dict) -> None:
        """Channels handler: our session may have been closed by somebody else."""
        if self.link is None or self._closing or event["session_id"] != self.link.session_id:
            return
        if event["reason"] == "replaced":
            await self.session_replaced({"session_id": None})
        else:
            self._heard_at = LONG_AGO

    async def hang_up(self, code: int, reason: str) -> None:
        """Close the socket once; what is still on its way is not looked at."""
        if not self._closing:
            self._closing = True
            await self.close(code, reason)

    # --- messages in ----------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._closing or self.link is None:
            return
        delay = self._throttle.delay()
        if delay:
            # Only this socket waits: its reading stops while its consumer sleeps.
            self.count("throttled")
            self.buffers.throttled += 1
            await asyncio.sleep(delay)
        if not await self._still_ours():
            return
        self.buffers.seen(self.link.pile.id)
        await self._take_frame(text_data, bytes_data)
        findings = self.link.take_findings(only_due=True)
        if findings:
            self.spawn(database(commissioning.count_findings, self.link.pile.id, findings))

    async def _take_frame(self, text_data: str | None, bytes_data: bytes | None) -> None:
        try:
            if text_data is None:
                raise wire.BadFrame("binary_frame")
            if wire.too_long(text_data):
                self._log(FrameLog.Direction.IN, text_data[:SHOWN_OF_BAD], error="longer than 128 KB")
                self.count("too_long")
                await self.hang_up(TOO_BIG, "longer than 128 KB")
                return
            message = wire.decode(text_data)
        except wire.BadFrame as bad:
            await self._bad_frame(bad, text_data if text_data is not None else bytes_data.hex())
            return
        self._bad_in_a_row = 0
        if isinstance(message, Call):
            await self._take_call(message, text_data)
        else:
            await self._take_answer(message, text_data)

    async def _take_call(self, message: Call, text: str) -> None:
        link = self.link
        call = Incoming(message.action, message.payload, text, clock.now())
        call.connector_no = self.dialect.connector_of(message.payload)
        error, answer = "", None
        try:
            answer = await self._handle(link, call)
            reply = CallResult(message.unique_id, answer, message.action).to_json()
        except CallRefused as refused:
            code = self.dialect.error_code(refused.code)
            error = f"{code}: {refused.description}"
            reply = wire.call_error(message.unique_id, code, refused.description)
        except DATABASE_ERRORS as trouble:
            error, reply = f"not handled: {trouble!r}", None
            logger.error("OCPP: %s of %s: %r", call.action, link.pile.code, trouble)
            if call.action in self.dialect.transaction_actions:
                # Offline, a station keeps its records without limit; unanswered, it gives up after some tries.
                self._log(FrameLog.Direction.IN, text, call, decoded=call.payload, error=error)
                await self.hang_up(TRY_AGAIN, "try again later")
                return
        except Exception as trouble:
            # Our own fault is never told as theirs: unanswered, the message comes again.
            error, reply = f"not handled: {trouble!r}", None
            logger.exception("OCPP: %s of %s was not handled", call.action, link.pile.code)
        self._log(FrameLog.Direction.IN, text, call, decoded=call.payload, error=error)
        if reply is not None:
            await self._send(reply, call, decoded=answer)
        if link.booted or call.action != "BootNotification":
            await self.calls.open()

    async def _handle(self, link: Link, call: Incoming) -> dict[str, Any]:
        handler, schema = self.dialect.handlers.get(call.action), self.dialect.schema
        if handler is None:
            self.count("unknown_action")
            raise CallRefused("NotImplemented", "this action is not implemented")
        for violation in schema.call_violations(call.action, call.payload):
            self.count(f"{call.action}.{violation.partition(' ')[0]}")
        answer = await handler(link, call)
        wrong = schema.answer_violations(call.action, answer)
        if wrong:
            raise ValueError(f"our answer breaks the schema: {wrong}")
        return answer

    async def _take_answer(self, message: CallResult | CallError, text: str) -> None:
        call = self.calls.take(message.unique_id)
        if call is None:
            self.count("unexpected_answer")
            self._log(FrameLog.Direction.IN, text, error="no call has this id")
            return
        payload = message.payload if isinstance(message, CallResult) else None
        self._log(FrameLog.Direction.IN, text, self._context_of(call), decoded=payload)
        if isinstance(message, CallError):
            reason = f"{message.error_code}: {message.error_description}".rstrip(": ")
            result = {"error_code": message.error_code, "details": message.error_details}
            outcome = Outcome(DeviceCommand.State.REJECTED, wire.clean(reason), result)
        else:
            for violation in self.dialect.schema.answer_violations(call.action, message.payload):
                self.count(f"{call.action}Response.{violation.partition(' ')[0]}")
            outcome = call.read(message.payload)
        await self.calls.end(call, outcome)

    async def _bad_frame(self, bad: wire.BadFrame, raw: str) -> None:
        self.count(bad.finding)
        self._log(FrameLog.Direction.IN, raw[:SHOWN_OF_BAD], error=bad.description)
        if bad.ignored:
            return
        code, message_id = bad.code, bad.message_id
        if message_id is None and bad.answerable and self.dialect.unreadable_id:
            code, message_id = "RpcFrameworkError", self.dialect.unreadable_id
        if message_id is not None:
            await self._send(wire.call_error(message_id, self.dialect.error_code(code), bad.description))
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= BAD_FRAMES_IN_A_ROW:
            await self.hang_up(PROTOCOL_ERROR, "too many malformed frames")

    # --- calls out ------------------------------------------------------------

    def held_pile_ids(self) -> Collection[int]:
        return () if self.link is None or self._closing else (self.link.pile.id,)

    async def send_command_frame(self, command: DeviceCommand) -> None:
        """Put a command in line; a command that makes no valid call fails with the reason."""
        try:
            call = self.dialect.call_of(command)
            wrong = self.dialect.schema.call_violations(call.action, call.payload)
            if wrong:
                raise ValueError(f"{call.action} breaks the schema: {wrong[0]}")
        except ValueError as error:
            await database(
                commands.complete_command,
                command_id=command.pk,
                state=DeviceCommand.State.FAILED,
                reason=str(error)[:128],
            )
            return
        await self.calls.put(call)

    async def _transmit_call(self, call: OutgoingCall) -> None:
        text = Call(call.message_id, call.action, call.payload).to_json()
        await self._send(text, self._context_of(call), decoded=call.payload)

    async def _finish_call(self, call: OutgoingCall, outcome: Outcome) -> None:
        if call.command is not None:
            await database(
                commands.complete_command,
                command_id=call.command.pk,
                state=outcome.state,
                reason=outcome.reason[:128],
                result=outcome.result,
                facts=outcome.facts,
            )

    async def _ready_without_boot(self) -> None:
        """A station that goes on without Boot gets its calls all the same, a little later."""
        await self.calls.open()
        if not self.link.booted and not self.link.status_seen:
            await self._ask_states()

    async def _ask_states(self) -> None:
        """Ask for the connectors' states, which a station that did not boot may not tell by itself.

        A station that cannot be asked answers NotImplemented, which does no harm.
        """
        done = Outcome(DeviceCommand.State.ACCEPTED)
        for payload in self.dialect.status_triggers(self.link):
            await self.calls.put(OutgoingCall("TriggerMessage", payload, lambda answer: done, timeout_s=30))

    # --- session --------------------------------------------------------------

    async def _open_session(self, pile_id: int) -> None:
        opened = await database(
            presence.open_session,
            pile_id=pile_id,
            protocol=self.dialect.protocol,
            channel=self.channel_name,
            remote_address=self.remote,
        )
        if self.link is None:
            self.link = self.dialect.link(opened, self.buffers)
        else:
            self.link.session_id = opened.session_id
            self.link.silence = opened.silence
            self.link.connectors = dict(opened.connectors)
        self._heard_at = clock.now()
        self.buffers.hold(pile_id, self)
        try:
            await self.close_replaced(opened)
        except Exception:
            logger.warning("OCPP: the older socket of %s was not told", opened.pile.code, exc_info=True)

    async def _still_ours(self) -> bool:
        """After a long silence the session may have been closed as silent: open it again, or give way."""
        now, before = clock.now(), self._heard_at
        self._heard_at = now
        if now - before < self.link.silence:
            return True
        try:
            reason = await database(presence.close_reason_of, self.link.session_id)
            if reason is None:
                return True
            if reason == "replaced":
                self._close_reason = "replaced"
                await self.hang_up(REPLACED, "replaced by a newer connection")
                return False
            await self._open_session(self.link.pile.id)
            await self._ask_states()
        except DATABASE_ERRORS:
            await self.hang_up(TRY_AGAIN, "try again later")
            return False
        return True

    async def _close_session(self) -> None:
        await database(presence.close_session, session_id=self.link.session_id, reason=self._close_reason)

    async def _refuse(self, status: int) -> None:
        """Answer the handshake with an HTTP status where the server can, else with its own refusal (403)."""
        self._closing = True
        if "websocket.http.response" not in (self.scope.get("extensions") or {}):
            await self.close()
            return
        headers = [(b"content-length", b"0")]
        if status == 401:
            headers.append((b"www-authenticate", b'Basic realm="ocpp", charset="UTF-8"'))
        await self.base_send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await self.base_send({"type": "websocket.http.response.body", "body": b""})

    # --- small things ---------------------------------------------------------

    def count(self, finding: str) -> None:
        """Count an oddity; they are added to the pile's row now and then."""
        self.link.count(finding)

    def spawn(self, coroutine: Awaitable[None]) -> None:
        """Run a coroutine that ends with the connection."""
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("OCPP: a task of %s failed", self.remote, exc_info=task.exception())

    def _later(self, seconds: float, action: Any) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, lambda: self.spawn(action())))

    async def _store_findings(self) -> None:
        findings = self.link.take_findings()
        if findings:
            await database(commissioning.count_findings, self.link.pile.id, findings)

    def _context_of(self, call: OutgoingCall) -> Incoming:
        command = call.command
        context = Incoming(call.action, call.payload, "", clock.now())
        if command is not None:
            context.connector_no = command.connector_no
            context.transaction_ref = str(command.params.get("transaction_ref") or "")[:64]
        return context

    async def _send(
        self, text: str, context: Incoming | None = None, *, decoded: dict[str, Any] | None = None
    ) -> None:
        if self._closing:
            return
        try:
            await self.send(text_data=text)
        except (OSError, RuntimeError) as error:
            # The socket has gone; the server's own word of it comes next.
            self._closing = True
            self._log(FrameLog.Direction.OUT, text, context, decoded=decoded, error=f"not sent: {error!r}")
            return
        self._log(FrameLog.Direction.OUT, text, context, decoded=decoded)

    def _log(
        self,
        direction: str,
        raw: str,
        context: Incoming | None = None,
        *,
        decoded: dict[str, Any] | None = None,
        error: str = "",
    ) -> None:
        pile = self.link.pile
        self.buffers.frame(
            LoggedFrame(
                at=clock.now(),
                operator_id=pile.operator_id,
                station_id=pile.station_id,
                pile_id=pile.id,
                pile_code=pile.code,
                protocol=self.dialect.protocol,
                direction=direction,
                name=wire.clean(context.action)[:48] if context else "?",
                connector_no=context.connector_no if context else None,
                transaction_ref=context.transaction_ref if context else "",
                raw=wire.clean(raw),
                decoded=decoded,
                error=wire.clean(error)[:128],
            )
        )
