"""A small MQTT 3.1.1 broker inside the test process: passwords, an access list, last wills, persistent sessions.

Pure-Python brokers on PyPI pin other libraries of the platform to old releases, and a broker of the system is not
on every machine; this one starts in a millisecond and misbehaves when it is told to. `test_door.py` runs one charge
over mosquitto too where that is installed.
"""

import asyncio
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 10, 12, 14


@dataclass
class Session:
    """What the broker keeps of a client: subscriptions, and QoS 1 messages it has not acknowledged."""

    subscriptions: dict[str, int] = field(default_factory=dict)
    unacknowledged: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    packet_id: int = 0
    writer: asyncio.StreamWriter | None = None
    will: tuple[str, bytes] | None = None
    username: str = ""


def matches(pattern: str, topic: str) -> bool:
    """MQTT 3.1.1 §4.7: + is one level, # the rest."""
    wanted, levels = pattern.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)


class TestBroker:
    """`passwords` maps users to passwords (None: anybody); `may_publish(user, topic)` is the access list."""

    __test__ = False

    def __init__(self) -> None:
        self.passwords: dict[str, str] | None = None
        self.may_publish: Callable[[str, str], bool] = lambda user, topic: True
        self.sessions: dict[str, Session] = {}
        self.refused: list[str] = []
        self.keep_acknowledgements = False  # publishers hear no PUBACK meanwhile

    def start(self) -> None:
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(started)), name="test-broker")
        self._thread.start()
        assert started.wait(5)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)

    def kill(self, client_id: str) -> None:
        """Cut a client's link; its will is published."""
        self.loop.call_soon_threadsafe(self.sessions[client_id].writer.close)

    def connected(self, client_id: str) -> bool:
        session = self.sessions.get(client_id)
        return session is not None and session.writer is not None

    async def _run(self, started: threading.Event) -> None:
        self.loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._end.wait()
        server.close()
        for session in self.sessions.values():
            if session.writer is not None:
                session.writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session, clean, client_id = None, True, ""
        try:
            while True:
                kind, flags, body = await _packet(reader)
                if kind == CONNECT:
                    session, client_id, clean = self._connect(body, writer)
                    if session is None:
                        return
                elif session is None or kind == DISCONNECT:
                    if session is not None:
                        session.will = None
                    return
                else:
                    self._handle(session, kind, flags, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            if session is not None and session.writer is writer:
                session.writer = None
                if session.will is not None:
                    self._route(*session.will, 1)
                if clean:
                    self.sessions.pop(client_id, None)

    def _connect(self, body: bytes, writer: asyncio.StreamWriter) -> tuple[Session | None, str, bool]:
        flags = body[7]
        fields, rest = [], body[10:]
        while rest:
            value, rest = _text(rest)
            fields.append(value)
        client_id = fields.pop(0).decode()
        will = (fields.pop(0).decode(), fields.pop(0)) if flags & 0x04 else None
        username = fields.pop(0).decode() if flags & 0x80 else ""
        password = fields.pop(0).decode() if flags & 0x40 else ""
        if self.passwords is not None and self.passwords.get(username) != password:
            writer.write(b"\x20\x02\x00\x05")
            return None, client_id, True
        clean = bool(flags & 0x02)
        held = self.sessions.get(client_id)
        if held is not None and held.writer is not None:
            held.writer.close()  # the newest connection of a client id wins
        if held is None or clean:
            held = self.sessions[client_id] = Session()
        held.writer, held.will, held.username = writer, will, username
        writer.write(b"\x20\x02" + (b"\x00" if clean else b"\x01") + b"\x00")
        for packet_id, (topic, payload) in held.unacknowledged.items():
            writer.write(_publish(topic, payload, 1, packet_id, again=True))
        return held, client_id, clean

    def _handle(self, session: Session, kind: int, flags: int, body: bytes) -> None:
        if kind == PUBLISH:
            qos = flags >> 1 & 3
            topic_bytes, rest = _text(body)
            topic = topic_bytes.decode()
            if qos:
                packet_id, rest = rest[:2], rest[2:]
                if not self.keep_acknowledgements:
                    session.writer.write(b"\x40\x02" + packet_id)
            if self.may_publish(session.username, topic):
                self._route(topic, rest, qos)
            else:
                self.refused.append(topic)
        elif kind == PUBACK:
            session.unacknowledged.pop(struct.unpack("!H", body)[0], None)
        elif kind in (SUBSCRIBE, UNSUBSCRIBE):
            packet_id, rest, codes = body[:2], body[2:], b""
            while rest:
                pattern, rest = _text(rest)
                if kind == SUBSCRIBE:
                    session.subscriptions[pattern.decode()] = rest[0]
                    codes, rest = codes + rest[:1], rest[1:]
                else:
                    session.subscriptions.pop(pattern.decode(), None)
            head = 0x90 if kind == SUBSCRIBE else 0xB0
            session.writer.write(bytes([head, 2 + len(codes)]) + packet_id + codes)
        elif kind == PINGREQ:
            session.writer.write(b"\xd0\x00")

    def _route(self, topic: str, payload: bytes, qos: int) -> None:
        for session in self.sessions.values():
            wanted = [got for pattern, got in session.subscriptions.items() if matches(pattern, topic)]
            if not wanted:
                continue
            level, packet_id = min(qos, max(wanted)), 0
            if level:
                packet_id = session.packet_id = session.packet_id % 0xFFFF + 1
                session.unacknowledged[packet_id] = (topic, payload)
            if session.writer is not None:
                session.writer.write(_publish(topic, payload, level, packet_id))


async def _packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    first = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return first >> 4, first & 0x0F, await reader.readexactly(length)


def _text(data: bytes) -> tuple[bytes, bytes]:
    length = struct.unpack("!H", data[:2])[0]
    return data[2 : 2 + length], data[2 + length :]


def _publish(topic: str, payload: bytes, qos: int, packet_id: int, *, again: bool = False) -> bytes:
    name = topic.encode()
    body = struct.pack("!H", len(name)) + name + (struct.pack("!H", packet_id) if qos else b"") + payload
    length, size = b"", len(body)
    while True:
        size, digit = size // 128, size % 128
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([0x30 | qos << 1 | (0x08 if again else 0)]) + length + body
