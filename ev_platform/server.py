"""One process of the platform: web, sockets, device listeners, and on the embedded default worker and beat.

The parts start in the order in which others lean on them and stop in reverse, within three seconds: ports first,
so that nothing new comes in, then open connections, then the worker, then the database threads.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any

import uvicorn
from django.conf import settings
from uvicorn.middleware.proxy_headers import _TrustedHosts
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from devices.gateway import tls
from ev_platform.schedule import QUEUES
from kernel.runtime.dbpool import in_database, shutdown_database_pool
from kernel.runtime.inprocess_celery import InProcessCelery

logger = logging.getLogger(__name__)

WS_MAX_BYTES = 128 * 1024  # a longer message closes the connection (1009)
WS_PING_EVERY_S = 20.0
WS_PING_TIMEOUT_S = 30.0
WORKER_THREADS = 4
DRAIN_S = 1  # open requests and sockets get this long at a stop


class PortTaken(Exception):
    """A port or a name is in use, or TLS cannot begin; the text names the setting to mend."""


@dataclass(frozen=True)
class Parts:
    """What this process runs besides HTTP and WebSockets."""

    devices: bool = True
    worker: bool = True
    beat: bool = True


class _Uvicorn(uvicorn.Server):
    """uvicorn without its own signal handling: this module decides the order of the end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


class DeviceWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket with the ASGI TLS extension: what the peer's certificate is.

    A header says it only when `EV_TLS_CLIENT_CERT_HEADER` names one and the socket is that of a trusted proxy; here
    the peer is still the proxy, further in it is whom the proxy forwarded.
    """

    async def run_asgi(self) -> None:
        found = tls.tls_extension(self.transport)
        header = settings.EV_TLS_CLIENT_CERT_HEADER
        if header and self.client and self.client[0] in _TrustedHosts(settings.EV_TRUSTED_PROXIES):
            found = tls.forwarded_extension(dict(self.scope["headers"]), header) or found
        if found is not None:
            self.scope["extensions"]["tls"] = found
        await super().run_asgi()


def tls_files() -> tls.TlsFiles:
    """The platform's own certificate as the settings name it."""
    return tls.TlsFiles(settings.EV_TLS_CERT_FILE, settings.EV_TLS_KEY_FILE, settings.EV_TLS_KEY_PASSWORD)


def tls_context() -> ssl.SSLContext | None:
    """The context of the TLS ports, or None when the settings open none; PortTaken when it cannot be made."""
    from devices.services import certificates
    from kernel.errors import DomainError

    if settings.EV_TLS_PORT is None and settings.EV_YKC_TLS_PORT is None and settings.EV_DNY_TLS_PORT is None:
        return None
    try:
        authority = certificates.authority().pem
    except DomainError:
        authority = ""
        logger.warning(
            "TLS without certificates of piles: EV_CA_CERT_FILE and EV_CA_KEY_FILE name no authority"
        )
    try:
        return tls.server_context(tls_files(), client_authority_pem=authority)
    except tls.TlsNotReady as error:
        raise PortTaken(str(error)) from None


def web_server(application: Any, *, context: ssl.SSLContext | None = None) -> "_Uvicorn":
    """uvicorn for HTTP and WebSockets, as this platform runs it; `context` makes it a TLS server."""
    return _Uvicorn(
        uvicorn.Config(
            application,
            lifespan="off",
            log_config=None,
            access_log=False,
            http="httptools",
            ws=DeviceWebSocket,
            ws_per_message_deflate=False,
            ws_max_size=WS_MAX_BYTES,
            ws_ping_interval=WS_PING_EVERY_S,
            ws_ping_timeout=WS_PING_TIMEOUT_S,
            timeout_graceful_shutdown=DRAIN_S,
            server_header=False,
            forwarded_allow_ips=settings.EV_TRUSTED_PROXIES,
            ssl_context_factory=(lambda _config, _default: context) if context is not None else None,
        )
    )


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)


def open_port(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket, or PortTaken naming the setting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise PortTaken(
            f"Port {port} on {host} cannot be opened ({_reason(error)}); choose another with {setting}=<port>."
        ) from None


async def serve(parts: Parts, *, on_ready: Any, http_socket: socket.socket) -> bool:
    """Run until SIGINT or SIGTERM; calls `on_ready(addresses)` once everything answers.

    Returns False when a task still ran at the end and the process should not wait for it.
    """
    from ev_platform.asgi import application
    from ev_platform.celery import app as celery_app

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    context = tls_context()
    servers = [(web_server(application), http_socket)]
    if context is not None and settings.EV_TLS_PORT is not None:
        tls_socket = open_port(settings.EV_DEVICE_HOST, settings.EV_TLS_PORT, "EV_TLS_PORT")
        servers.append((web_server(application, context=context), tls_socket))
    celery = listeners = None
    clean = True
    serving: list[asyncio.Task] = []
    background: list[asyncio.Task] = []
    try:
        if parts.worker:
            celery = InProcessCelery(celery_app, queues=QUEUES, concurrency=WORKER_THREADS, beat=parts.beat)
            await asyncio.to_thread(celery.start)
        if parts.devices:
            listeners = await _start_listeners(application, context)
        if context is not None:
            renewals = tls.follow_renewals(context, tls_files())
            background.append(asyncio.create_task(renewals, name="tls-renewals"))
        serving = [asyncio.create_task(server.serve(sockets=[sock])) for server, sock in servers]
        while not all(
            server.started or task.done() for (server, _), task in zip(servers, serving, strict=True)
        ):
            await asyncio.sleep(0.01)
        if not any(task.done() for task in serving):
            on_ready(_addresses(servers, listeners))
            if parts.devices:
                # Beat sends a job after its first interval; a new database needs its partitions now.
                background.append(asyncio.create_task(_keep_partitions(), name="partitions"))
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({waiting, *serving}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    finally:
        began = time.monotonic()
        for server, _socket in servers:
            server.should_exit = True
        for task in background:
            task.cancel()
        if listeners is not None:
            await _within(listeners.close(), DRAIN_S, "device listeners")
        for task in serving:
            await task
        if celery is not None:
            clean = await asyncio.to_thread(celery.stop, timeout_s=1.0)
        await asyncio.to_thread(shutdown_database_pool, wait=clean)
        logger.info("stopped in %.1f s", time.monotonic() - began)
    return clean


async def _keep_partitions() -> None:
    from devices.services.partitions import keep_partitions

    try:
        await in_database(keep_partitions)
    except Exception:
        logger.exception("partitions were not created; the periodic job tries again")


async def _start_listeners(application: Any, context: ssl.SSLContext | None) -> Any:
    from devices.gateway.server import ListenerFailed, NameTaken, start_listeners

    try:
        return await start_listeners(application, context)
    except NameTaken as taken:
        raise PortTaken(
            f"EV_NODE: {taken}; give every gateway process a name of its own with EV_NODE=<name>."
        ) from None
    except ListenerFailed as failure:
        raise PortTaken(
            f"Port {failure.port} on {settings.EV_DEVICE_HOST} cannot be opened "
            f"({_reason(failure.error)}); choose another with {failure.setting}=<port>."
        ) from None


async def _within(work: Any, seconds: float, what: str) -> None:
    try:
        await asyncio.wait_for(work, seconds)
    except Exception:
        logger.warning("%s did not close cleanly", what, exc_info=True)


def _addresses(servers: list[tuple[uvicorn.Server, socket.socket]], listeners: Any) -> dict[str, str]:
    host, port = servers[0][1].getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    addresses = {"http": f"http://{shown}:{port}/", "ocpp": f"ws://{shown}:{port}/ocpp/<pile code>"}
    if len(servers) > 1:
        host, port = servers[1][1].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        addresses["ocpp"] += f" and wss://{shown}:{port}/ocpp/<pile code>"
    if listeners is not None:
        for name in listeners.names:
            addresses[name] = f"{settings.EV_DEVICE_HOST}:{listeners.port(name)}"
        if listeners.door is not None:
            broker = listeners.door.broker
            addresses["mqtt"] = f"{broker.host}:{broker.port}, topics {broker.prefix}/<pile code>/…"
    return addresses
