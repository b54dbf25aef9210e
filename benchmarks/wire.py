"""The load's end of the wires, as cheap as it gets: the load must never be what is measured."""

import asyncio
import base64
import json
import os


class _Wire(asyncio.Protocol):
    """One socket; whoever waits for a message is woken by `_arrived`."""

    def __init__(self) -> None:
        self._data = b""
        self._waiting: dict[object, asyncio.Future] = {}
        self.closed = False

    def connection_made(self, transport) -> None:
        self.transport = transport

    def connection_lost(self, error) -> None:
        self.closed = True
        self._failed(ConnectionError("closed by the server"))

    def close(self) -> None:
        self.transport.abort()

    def expect(self, key: object) -> asyncio.Future:
        """A future of the next message with this key."""
        future = asyncio.get_running_loop().create_future()
        if self.closed:
            future.set_exception(ConnectionError("closed by the server"))
        else:
            self._waiting[key] = future
        return future

    async def ask(self, data: bytes, key: object, timeout: float = 30.0):
        """Send and wait for the message with this key."""
        future = self.expect(key)
        self.transport.write(data)
        return await asyncio.wait_for(future, timeout)

    def _failed(self, error: Exception) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()

    def _arrived(self, key: object, value: object) -> None:
        future = self._waiting.pop(key, None)
        if future is not None and not future.done():
            future.set_result(value)


class YkcWire(_Wire):
    """A pile's TCP socket; messages are keyed by their frame type."""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while len(self._data) > 1 and len(self._data) >= self._data[1] + 4:
            frame, self._data = self._data[: self._data[1] + 4], self._data[self._data[1] + 4 :]
            self._arrived(frame[5], frame)

    @classmethod
    async def dial(cls, port: int) -> "YkcWire":
        _transport, wire = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return wire


class OcppWire(_Wire):
    """A station's WebSocket; answers are keyed by message id, calls of the server by action."""

    def __init__(self) -> None:
        super().__init__()
        self._open = False

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._open:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self._failed(ConnectionError(head.decode("latin-1").split("\r\n")[0]))
                return
            self._open, self._data = True, rest
            self._arrived("open", None)
        while (frame := self._frame()) is not None:
            opcode, body = frame
            if opcode == 9:
                self._send(10, body)
            elif opcode == 1:
                message = json.loads(body)
                self._arrived(message[1] if message[0] != 2 else message[2], message)

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        size, start = data[1] & 127, 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        if len(data) < start + size:
            return None
        self._data = data[start + size :]
        return data[0] & 15, data[start : start + size]

    def _send(self, opcode: int, body: bytes) -> None:
        self.transport.write(masked(body, opcode))

    async def call(self, message_id: str, action: str, payload: dict) -> dict:
        """Send a CALL and return the payload of its answer."""
        text = json.dumps([2, message_id, action, payload])
        answer = await self.ask(masked(text.encode()), message_id)
        if answer[0] != 3:
            raise RuntimeError(f"{action}: {answer}")
        return answer[2]

    @classmethod
    async def dial(cls, port: int, code: str, password: str = "") -> "OcppWire":
        _transport, wire = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        credentials = base64.b64encode(f"{code}:{password}".encode()).decode()
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET /ocpp/{code} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {credentials}\r\n\r\n"
        )
        await wire.ask(request.encode(), "open")
        return wire


def masked(body: bytes, opcode: int = 1) -> bytes:
    """A client's frame, masked with zeros (RFC 6455 §5.3 asks for a mask, not for a secret one from a bench)."""
    size = len(body)
    head = (
        bytes([128 | opcode, 128 | size])
        if size < 126
        else bytes([128 | opcode, 254]) + size.to_bytes(2, "big")
    )
    return head + bytes(4) + body
