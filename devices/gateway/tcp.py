"""A small ASGI-style server for raw TCP: a socket becomes `scope["type"] == "tcp"` and byte messages.

`scope["connected"]` is a function that says whether the socket is still there.

Messages to the application: `tcp.connect`, `tcp.receive` {data}, `tcp.disconnect` {reason}; from it: `tcp.send`
{data}, `tcp.close`. Bytes that arrive while the application is busy are handed over as one message, and reading
stops above a mark, so a peer that floods slows itself only.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from devices.gateway.tls import HANDSHAKE_S, tls_extension

logger = logging.getLogger(__name__)

HIGH_WATER = 64 * 1024
LOW_WATER = 16 * 1024

Application = Callable[[dict[str, Any], Callable, Callable], Awaitable[None]]


class TcpConnection(asyncio.Protocol):
    """One socket and the application instance behind it."""

    def __init__(self, server: "AsgiTcpServer"):
        self._server = server
        self._buffer = bytearray()
        self._paused = False
        self._lost: str | None = None
        self._wake = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._connected = False
        self._ended = False
        self.last_data = server.loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        if len(self._server.connections) >= self._server.max_connections:
            logger.warning(
                "%s: connection refused, %d are open", self._server.name, len(self._server.connections)
            )
            self._lost = "too many connections"
            transport.abort()  # type: ignore[attr-defined]
            return
        self._server.connections.add(self)
        peer = transport.get_extra_info("peername") or ("", 0)
        local = transport.get_extra_info("sockname") or ("", 0)
        scope = {
            "type": "tcp",
            "protocol": self._server.name,
            "client": list(peer[:2]),
            "server": list(local[:2]),
            "connected": self._is_connected,
        }
        if self._server.tls is not None:
            scope["extensions"] = {"tls": tls_extension(transport)}
        self.task = self._server.loop.create_task(
            self._serve(scope), name=f"tcp-{self._server.name}-{peer[:2]}"
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self.last_data = self._server.loop.time()
        if len(self._buffer) > HIGH_WATER and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._wake.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = self._lost or (repr(error) if error else "closed by the peer")
        self._server.connections.discard(self)
        self._writable.set()
        self._wake.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _is_connected(self) -> bool:
        """Whether the socket is still there; a busy application is told of its end only afterwards."""
        return self._lost is None

    def drop(self, reason: str) -> None:
        """Close the socket from the server's side."""
        self._lost = self._lost or reason
        self.transport.abort()
        self._wake.set()

    async def _serve(self, scope: dict[str, Any]) -> None:
        try:
            await self._server.application(scope, self._receive, self._send)
        except asyncio.CancelledError:
            raise
        except Exception:
            # One connection's trouble never leaves it.
            logger.exception("%s: consumer of %s failed", self._server.name, scope["client"])
        finally:
            self._ended = True
            if not self.transport.is_closing():
                self.transport.close()

    async def _receive(self) -> dict[str, Any]:
        if not self._connected:
            self._connected = True
            return {"type": "tcp.connect"}
        while not self._buffer and self._lost is None:
            self._wake.clear()
            await self._wake.wait()
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            if self._paused and self._lost is None:
                self._paused = False
                self.transport.resume_reading()
            return {"type": "tcp.receive", "data": data}
        return {"type": "tcp.disconnect", "reason": self._lost}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "tcp.send":
            await self._writable.wait()
            if self._lost is None and not self.transport.is_closing():
                self.transport.write(message["data"])
        elif message["type"] == "tcp.close":
            self._lost = self._lost or message.get("reason") or "closed by the platform"
            self.transport.close()
            self._wake.set()
        else:
            raise ValueError(f"a TCP application cannot send {message['type']!r}")


class AsgiTcpServer:
    """Listens on one port and runs an ASGI application per socket.

    Args:
        name: protocol name; `scope["protocol"]` of its connections.
        idle_s: a socket that sent nothing for this long is closed.
        tls: the context of a TLS port; None for a plain one.
    """

    def __init__(
        self,
        application: Application,
        *,
        name: str,
        host: str,
        port: int,
        idle_s: float = 600.0,
        max_connections: int = 20_000,
        tls: ssl.SSLContext | None = None,
    ):
        self.application = application
        self.name = name
        self.host, self.port = host, port
        self.idle_s = idle_s
        self.max_connections = max_connections
        self.tls = tls
        self.connections: set[TcpConnection] = set()

    async def start(self) -> None:
        """Listen; `port` holds the real port afterwards. Raises `OSError` when it is taken."""
        self.loop = asyncio.get_running_loop()
        self._server = await self.loop.create_server(
            lambda: TcpConnection(self),
            self.host,
            self.port,
            backlog=1024,
            reuse_address=True,
            ssl=self.tls,
            ssl_handshake_timeout=HANDSHAKE_S if self.tls else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._reaper = asyncio.create_task(self._reap(), name=f"tcp-{self.name}-reaper")

    async def close(self, grace_s: float = 2.0) -> None:
        """Stop listening, close every socket and wait for the consumers to finish."""
        self._server.close()
        self._reaper.cancel()
        tasks = [connection.task for connection in self.connections]
        for connection in list(self.connections):
            connection.drop("gateway stopped")
        if tasks:
            _done, pending = await asyncio.wait(tasks, timeout=grace_s)
            for task in pending:
                task.cancel()

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(min(self.idle_s / 4, 15))
            limit = self.loop.time() - self.idle_s
            for connection in [c for c in self.connections if c.last_data < limit]:
                connection.drop("silent")
