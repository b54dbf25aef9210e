"""The DNY consumer: one TCP socket, one box with its own modem or many boxes behind a host.

A modem that comes back says nothing but its SIM number until the next heartbeat, up to three minutes later, so any
frame of a registered box opens its session. Sockets are not closed lightly (AP3000 device protocol V8.6 §1.0.1).
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from devices.gateway.tcp_consumer import TcpPileConsumer, to_json
from devices.models import DeviceCommand, FrameLog
from devices.proof import Proof
from devices.protocols.dny import codec, downlink
from devices.protocols.dny.handlers import HANDLERS, strangers
from devices.protocols.dny.held import HeldBox, Pending
from devices.protocols.dny.references import connector_of, message_id_of, transaction_ref_of
from devices.services import identity, presence
from devices.services.references import pile_by_code
from kernel.runtime.dbpool import in_database

logger = logging.getLogger(__name__)

COMMAND_GAP_S = 0.5  # between two commands to one device (AP3000 device protocol V8.6 §1.0.2)
RESEND_AFTER_S = 15.0
FORGET_AFTER_S = 120.0  # when an answer to a command that was sent twice is no longer expected
ASK_STATE_AFTER_S = 0.5
LOOK_AGAIN_S = 10.0  # an unregistered box is looked up this often at most
MOST_STRANGERS = 64  # a host carries at most 50 boxes
QUIET_WORDS_S = 450.0  # two and a half heartbeats


def _look_up(code: str, protocol: str, proof: Proof) -> tuple[int, str]:
    """(pile id, "") of a registered box, or (0, why it is refused)."""
    pile = pile_by_code(code, protocol)
    if pile is None:
        return 0, "unknown"
    return pile.pk, identity.what_is_missing(pile, proof)


class DnyConsumer(TcpPileConsumer[HeldBox]):
    """Channels consumer of `scope["type"] == "tcp"`, protocol `dny`."""

    protocol = "dny"
    login_within_s = QUIET_WORDS_S

    def __init__(self) -> None:
        super().__init__()
        self.iccid = ""
        self._heard_a_frame = False
        self._strangers: dict[str, float] = {}
        self._own_message_id = 0

    def make_splitter(self) -> codec.Splitter:
        return codec.Splitter()

    def is_finding(self, item: Any) -> bool:
        return isinstance(item, codec.Finding)

    async def close_unless_known(self) -> None:
        if not self._heard_a_frame:
            await self.close("no frame")

    # --- frames in ----------------------------------------------------------

    async def handle_item(self, item: codec.Item) -> None:
        if isinstance(item, codec.Frame):
            self._heard_a_frame = True
            await self._handle(item)
        elif isinstance(item, codec.Iccid):
            self.log(item.raw, "ICCID", self.only_pile(), {"iccid": item.iccid})
            await self.attempt("ICCID", lambda: self.note_sim(item.iccid))

    async def _handle(self, frame: codec.Frame) -> None:
        held = self.piles.get(frame.pile_code)
        try:
            message = codec.decode(frame)
        except codec.DnyError as error:
            self.count(held, error.code)
            self.log(
                frame.raw, f"{frame.command:02X}", held, None, code=frame.pile_code, error=str(error)[:128]
            )
            return

        what = f"{frame.command:02X}"
        if held is None and not codec.is_host(frame.pile_code):
            if not await self.attempt(what, lambda: self._recognise(frame, message)):
                return  # ours to mend; the box sends it again
            held = self.piles.get(frame.pile_code)
        self._log_frame(frame.raw, message.command, message.name, held, message.fields, frame.pile_code)
        if held is not None:
            if not await self.still_ours(held):
                return
            self.buffers.seen(held.pile.id)
        handler = HANDLERS.get(frame.command)
        if handler is None:
            self.count(held, "unhandled_command")
        elif held is not None or (handler.for_hosts and codec.is_host(frame.pile_code)):
            await self.attempt(what, lambda: handler.function(self, held, frame, message))
        elif not codec.is_host(frame.pile_code):
            await self.attempt(what, lambda: strangers.refuse(self, frame, message))

    async def _recognise(self, frame: codec.Frame, message: codec.Message) -> None:
        """Open the session of a registered box that speaks for the first time on this socket."""
        code, now = frame.pile_code, time.monotonic()
        if self._strangers.get(code, 0.0) > now:
            return
        pile_id, refusal = await in_database(_look_up, code, self.protocol, self.proof)
        if refusal:
            if code in self._strangers or len(self._strangers) < MOST_STRANGERS:
                self._strangers[code] = now + LOOK_AGAIN_S
                await strangers.note(self, frame, message, refusal)
            return
        self._strangers.pop(code, None)
        opened = await self.open_session(pile_id, {"iccid": self.iccid} if self.iccid else None)
        held = HeldBox(
            pile=opened.pile,
            session_id=opened.session_id,
            silence=opened.silence,
            connectors=len(opened.connectors),
        )
        for number, state in opened.connectors.items():
            held.port(number).state = state
        self.hold(held)
        if frame.command != 0x20:

            async def ask() -> None:
                if code in self.piles:
                    await self.transmit(code, self._next_message_id(), 0x81, {})

            self.later(ASK_STATE_AFTER_S, ask)

    async def note_sim(self, iccid: str) -> None:
        """The modem of this socket named its SIM card."""
        if iccid == self.iccid:
            return
        self.iccid = iccid
        for held in self.piles.values():
            await in_database(presence.note_facts, pile_id=held.pile.id, facts={"iccid": iccid})

    # --- frames out ---------------------------------------------------------

    async def reply(self, frame: codec.Frame, fields: Mapping[str, Any]) -> None:
        """Answer a frame: same message id, same command."""
        await self.transmit(frame.pile_code, frame.message_id, frame.command, fields)

    async def transmit(self, code: str, message_id: int, command: int, fields: Mapping[str, Any]) -> None:
        raw = codec.encode(code, message_id, command, fields)
        await self._write(raw, code, command, fields)

    async def send_command_frame(self, command: DeviceCommand) -> None:
        """Put a command on the wire, half a second after the last one to the same box; resend it once."""
        held = next(held for held in self.piles.values() if held.pile.id == command.pile_id)
        code = held.pile.code
        wire_command, fields = downlink.frame_of(command)
        message_id = message_id_of(command.pk)
        raw = codec.encode(code, message_id, wire_command, fields)
        held.pending[wire_command, message_id] = Pending(raw)

        async def write() -> None:
            if (wire_command, message_id) in held.pending and code in self.piles:
                await self._write(raw, code, wire_command, fields)

        async def resend() -> None:
            pending = held.pending.get((wire_command, message_id))
            if pending is not None:
                pending.resent = True
                self.count(held, "resent_command")
                await self._spaced(held, write)
                self.later(FORGET_AFTER_S, forget)

        async def forget() -> None:
            held.pending.pop((wire_command, message_id), None)

        await self._spaced(held, write)
        self.later(RESEND_AFTER_S, resend)

    async def _spaced(self, held: HeldBox, write: Any) -> None:
        now = asyncio.get_running_loop().time()
        at = max(now, held.free_at)
        held.free_at = at + COMMAND_GAP_S
        if at > now:
            self.later(at - now, write)
        else:
            await write()

    async def _write(self, raw: bytes, code: str, command: int, fields: Mapping[str, Any]) -> None:
        held = self.piles.get(code)
        name = codec.TO_DEVICE[command].name
        self._log_frame(raw, command, name, held, fields, code, direction=FrameLog.Direction.OUT)
        await self.send({"type": "tcp.send", "data": raw})

    def _next_message_id(self) -> int:
        self._own_message_id = self._own_message_id % 0xFFFF + 1
        return self._own_message_id

    def _log_frame(
        self,
        raw: bytes,
        command: int,
        name: str,
        held: HeldBox | None,
        fields: Mapping[str, Any],
        code: str,
        *,
        direction: str = FrameLog.Direction.IN,
    ) -> None:
        port = fields.get("port")
        self.log(
            raw,
            f"{command:02X} {name}",
            held,
            {key: to_json(value) for key, value in fields.items()},
            code=code,
            connector_no=connector_of(port) or None if isinstance(port, int) else None,
            transaction_ref=transaction_ref_of(fields.get("order", "")),
            direction=direction,
        )
