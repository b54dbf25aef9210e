"""A minimal YKC platform for the tests of the simulator: answers what it should, keeps all it heard."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from devices.protocols.ykc.codec import Finding, Splitter, decode, encode

MODEL = {
    "sharp_elec_rate": Decimal("1.10000"),
    "sharp_service_rate": Decimal("0.40000"),
    "peak_elec_rate": Decimal("0.90000"),
    "peak_service_rate": Decimal("0.40000"),
    "flat_elec_rate": Decimal("0.70000"),
    "flat_service_rate": Decimal("0.30000"),
    "valley_elec_rate": Decimal("0.30000"),
    "valley_service_rate": Decimal("0.30000"),
    "loss_ratio": 0,
    "slots": "03" * 14 + "02" * 6 + "01" * 8 + "02" * 8 + "00" * 8 + "03" * 4,
}


class FakePlatform:
    """Listens on a free port. Switches: `known`, `confirm_records`, `answer_heartbeats`."""

    def __init__(self) -> None:
        self.known = True
        self.confirm_records = True
        self.answer_heartbeats = True
        self.model_no = "0007"
        self.messages: list = []
        self.frames: list = []
        self.findings: list = []
        self.chunks: list[bytes] = []
        self.connections = 0
        self.writer: asyncio.StreamWriter | None = None
        self._splitter = Splitter()

    async def __aenter__(self) -> "FakePlatform":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc) -> None:
        self._server.close()
        if self.writer:
            self.writer.close()

    def of(self, type: int) -> list[dict]:
        """The fields of every message of a type, oldest first."""
        return [message.fields for message in self.messages if message.type == type]

    def send(self, type: int, seq: bytes = b"\x11\x22", **fields) -> None:
        self.writer.write(encode(type, fields, seq))

    def start(self, pile: str, *, trade_no: str, gun: str = "01", balance: str = "50.00") -> None:
        self.send(
            0x34,
            trade_no=trade_no,
            pile_code=pile,
            gun_no=gun,
            logical_card="0" * 16,
            physical_card="0" * 16,
            balance=Decimal(balance),
        )

    def stop(self, pile: str, gun: str = "01") -> None:
        self.send(0x36, pile_code=pile, gun_no=gun)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writer = writer
        self._splitter = Splitter()
        while data := await reader.read(65536):
            self.chunks.append(data)
            for item in self._splitter.feed(data):
                if isinstance(item, Finding):
                    self.findings.append(item)
                else:
                    self.frames.append(item)
                    self._hear(item, writer)
        writer.close()

    def _hear(self, frame, writer: asyncio.StreamWriter) -> None:
        message = decode(frame)
        self.messages.append(message)
        fields = message.fields

        def answer(type: int, **reply) -> None:
            writer.write(encode(type, reply, frame.seq))

        if message.type == 0x01:
            answer(0x02, pile_code=fields["pile_code"], result=0 if self.known else 1)
            if not self.known:
                writer.close()
        elif message.type == 0x03 and self.answer_heartbeats:
            answer(0x04, pile_code=fields["pile_code"], gun_no=fields["gun_no"], ack=0)
        elif message.type == 0x05:
            same = fields["model_no"] == self.model_no
            answer(0x06, pile_code=fields["pile_code"], model_no=self.model_no, result=0 if same else 1)
        elif message.type == 0x09:
            answer(0x0A, pile_code=fields["pile_code"], model_no=self.model_no, **MODEL)
        elif message.type == 0x3B and self.confirm_records:
            answer(0x40, trade_no=fields["trade_no"], result=0)


def noon() -> datetime:
    """12:00 in Beijing: a peak half-hour of the model above."""
    return datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
