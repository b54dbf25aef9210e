"""The YKC consumer: one TCP socket, usually one pile, sometimes several behind a concentrator.

Frames are routed by the pile code inside them and only for piles that logged in on this socket.
"""

from collections.abc import Mapping
from typing import Any

from devices.gateway.tcp_consumer import TcpPileConsumer
from devices.models import DeviceCommand, FrameLog
from devices.protocols.ykc import codec, downlink
from devices.protocols.ykc.handlers import HANDLERS, cards
from devices.protocols.ykc.held import HeldGuns
from devices.services import commands
from devices.services.work_parameters import work_parameters
from kernel.runtime.dbpool import in_database

OFTEN = (0x03, 0x04, 0x13)  # nine frames of ten; the log keeps them raw and decodes them when somebody looks
WORK_PARAMETERS = (DeviceCommand.Kind.SET_AVAILABILITY, DeviceCommand.Kind.SET_POWER_LIMIT)


class YkcConsumer(TcpPileConsumer[HeldGuns]):
    """Channels consumer of `scope["type"] == "tcp"`, protocol `ykc`."""

    protocol = "ykc"

    def make_splitter(self) -> codec.Splitter:
        return codec.Splitter()

    def is_finding(self, item: Any) -> bool:
        return isinstance(item, codec.Finding)

    # --- frames in ----------------------------------------------------------

    async def handle_item(self, frame: codec.Frame) -> None:
        try:
            message = codec.decode(frame)
        except codec.YkcError as error:
            fields = getattr(error, "partial", {})
            held = self.piles.get(fields.get("pile_code", "")) or self.only_pile()
            self.count(held, error.code)
            self.log(frame.raw, f"{frame.type:02X}", held, None, error=str(error))
            return
        held = self.piles.get(message.fields.get("pile_code", ""))
        self._log_frame(frame.raw, frame.type, message.name, held, message.fields)
        if held is not None:
            if not await self.still_ours(held):
                return
            self.buffers.seen(held.pile.id)
            self._note_dialect(held, frame, message)
        handler = HANDLERS.get(frame.type)
        if handler is None:
            self.count(held, "unhandled_type")
            return
        if held is None and handler.needs_login:
            self.count(None, "before_login")
            if not self.piles:
                # A pile that goes on as if it were known logs in when it has to dial again.
                await self.close("no login")
            return
        await self.attempt(f"{frame.type:02X}", lambda: handler.function(self, held, frame, message))

    def _note_dialect(self, held: HeldGuns, frame: codec.Frame, message: codec.Message) -> None:
        """Count what this firmware does its own way; once per connection where it does it in every frame."""
        order = frame.crc_order or ""
        if order != held.crc_order:
            held.crc_order = order
            self.count(held, f"crc_{order}_first")
        if message.surplus and frame.type not in held.longer:
            held.longer.add(frame.type)
            self.count(held, "longer_body")
        if message.flaws:
            self.count(held, "bad_time")

    # --- frames out ---------------------------------------------------------

    async def reply(self, frame: codec.Frame, frame_type: int, fields: Mapping[str, Any]) -> None:
        """Answer a frame with its own sequence bytes."""
        await self.transmit(frame_type, fields, seq=frame.seq)

    async def transmit(self, frame_type: int, fields: Mapping[str, Any], *, seq: bytes = b"\0\0") -> None:
        raw = codec.encode(frame_type, fields, seq)
        held = self.piles.get(str(fields.get("pile_code", ""))) or self.only_pile()
        name = codec.LAYOUTS[frame_type].name
        self._log_frame(raw, frame_type, name, held, fields, direction=FrameLog.Direction.OUT)
        await self.send({"type": "tcp.send", "data": raw})

    async def send_command_frame(self, command: DeviceCommand) -> None:
        held = next(held for held in self.piles.values() if held.pile.id == command.pile_id)
        try:
            if command.kind in downlink.CARD_COMMANDS:
                await cards.begin(self, held, command)
                return
            work = None
            if command.kind in WORK_PARAMETERS:
                work = await in_database(work_parameters, held.pile.id)
            frame_type, fields = downlink.ENCODERS[command.kind](downlink.Order(command, held, work))
            if command.kind == DeviceCommand.Kind.READ_STATUS:
                held.asked.add(command.connector_no)
            await self.transmit(frame_type, fields)
        except (codec.YkcError, KeyError, ValueError) as error:
            # It does not fit a frame: the caller's parameters are wrong, and only the caller can mend them.
            await in_database(
                commands.complete_command,
                command_id=command.pk,
                state=DeviceCommand.State.FAILED,
                reason=f"{type(error).__name__}: {error}",
            )

    def _log_frame(
        self,
        raw: bytes,
        frame_type: int,
        name: str,
        held: HeldGuns | None,
        fields: Mapping[str, Any],
        *,
        direction: str = FrameLog.Direction.IN,
    ) -> None:
        gun = str(fields.get("gun_no", ""))
        trade_no = str(fields.get("trade_no", ""))
        self.log(
            raw,
            f"{frame_type:02X} {name}",
            held,
            None if frame_type in OFTEN else fields,
            code=str(fields.get("pile_code", "")),
            connector_no=int(gun) if gun.isdigit() else None,
            transaction_ref=trade_no if trade_no.strip("0") else "",
            direction=direction,
        )
