"""A minimal DNY platform for the tests of the simulator: answers what it should, keeps all it heard."""

import asyncio
from datetime import UTC, datetime

from devices.protocols.dny.codec import Finding, Frame, Iccid, Link, Splitter, decode, encode


class FakeDnyPlatform:
    """Listens on a free port. Switches: `known`, `confirm_records`, `answer_heartbeats`."""

    def __init__(self) -> None:
        self.known = True
        self.confirm_records = True
        self.answer_heartbeats = True
        self.messages: list = []
        self.iccids: list[str] = []
        self.links = 0
        self.findings: list = []
        self.connections = 0
        self.writer: asyncio.StreamWriter | None = None
        self._message_id = 500

    async def __aenter__(self) -> "FakeDnyPlatform":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc) -> None:
        self._server.close()
        if self.writer:
            self.writer.close()

    def of(self, command: int) -> list[dict]:
        """The fields of every message of a command, oldest first."""
        return [message.fields for message in self.messages if message.command == command]

    def send(self, code: str, command: int, message_id: int | None = None, **fields) -> int:
        if message_id is None:
            self._message_id += 1
            message_id = self._message_id
        self.writer.write(encode(code, message_id, command, fields))
        return message_id

    def start(self, code: str, *, order: str, port: int = 0, **fields) -> int:
        return self.send(code, 0x82, port=port, action=1, order=order, max_time=0, overload=0, **fields)

    def stop(self, code: str, *, order: str, port: int = 0) -> int:
        return self.send(code, 0x82, port=port, action=0, order=order)

    async def _serve(self, reader, writer) -> None:
        self.connections += 1
        self.writer = writer
        splitter = Splitter()
        while data := await reader.read(65536):
            for item in splitter.feed(data):
                self._hear(item, writer)
        writer.close()

    def _hear(self, item, writer) -> None:
        if isinstance(item, Finding):
            self.findings.append(item)
        elif isinstance(item, Iccid):
            self.iccids.append(item.iccid)
        elif isinstance(item, Link):
            self.links += 1
        elif isinstance(item, Frame):
            message = decode(item)
            self.messages.append(message)
            fields = self._answer(message)
            if fields is not None:
                writer.write(encode(item.pile_code, item.message_id, item.command, fields))

    def _answer(self, message) -> dict | None:
        if message.command in (0x20, 0x21) and self.answer_heartbeats:
            return {"result": 0 if self.known else 1}
        if message.command == 0x22:
            return {"time": datetime.now(UTC)}
        if message.command == 0x03 and self.confirm_records:
            return {"result": 0}
        return None
