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
import time
from dataclasses import dataclass
from typing import Any

import uvicorn
from django.conf import settings

from ev_platform.schedule import QUEUES
from kernel.runtime.dbpool import shutdown_database_pool
from kernel.runtime.inprocess_celery import InProcessCelery

logger = logging.getLogger(__name__)

WS_MAX_BYTES = 128 * 1024  # a longer message closes the connection (1009)
WS_PING_EVERY_S = 20.0
WS_PING_TIMEOUT_S = 30.0
WORKER_THREADS = 4
DRAIN_S = 1  # open requests and sockets get this long at a stop


class PortTaken(Exception):
    """A port is in use; the text names the setting that moves it."""


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
    server = _Uvicorn(
        uvicorn.Config(
            application,
            lifespan="off",
            log_config=None,
            access_log=False,
            http="httptools",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=WS_MAX_BYTES,
            ws_ping_interval=WS_PING_EVERY_S,
            ws_ping_timeout=WS_PING_TIMEOUT_S,
            timeout_graceful_shutdown=DRAIN_S,
            server_header=False,
            forwarded_allow_ips=settings.EV_TRUSTED_PROXIES,
        )
    )
    celery = listeners = None
    clean = True
    serving: asyncio.Task | None = None
    try:
        if parts.worker:
            celery = InProcessCelery(celery_app, queues=QUEUES, concurrency=WORKER_THREADS, beat=parts.beat)
            await asyncio.to_thread(celery.start)
        if parts.devices:
            listeners = await _start_listeners(application)
        serving = asyncio.create_task(server.serve(sockets=[http_socket]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if not serving.done():
            on_ready(_addresses(http_socket, listeners))
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    finally:
        began = time.monotonic()
        server.should_exit = True
        if listeners is not None:
            await _within(listeners.close(), DRAIN_S, "device listeners")
        if serving is not None:
            await serving
        if celery is not None:
            clean = await asyncio.to_thread(celery.stop, timeout_s=1.0)
        await asyncio.to_thread(shutdown_database_pool, wait=clean)
        logger.info("stopped in %.1f s", time.monotonic() - began)
    return clean


async def _start_listeners(application: Any) -> Any:
    from devices.gateway.server import ListenerFailed, start_listeners

    try:
        return await start_listeners(application)
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


def _addresses(http_socket: socket.socket, listeners: Any) -> dict[str, str]:
    host, port = http_socket.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    addresses = {"http": f"http://{shown}:{port}/", "ocpp": f"ws://{shown}:{port}/ocpp/<pile code>"}
    if listeners is not None:
        for name in listeners.names:
            addresses[name] = f"{settings.EV_DEVICE_HOST}:{listeners.port(name)}"
        if listeners.door is not None:
            broker = listeners.door.broker
            addresses["mqtt"] = f"{broker.host}:{broker.port}, topics {broker.prefix}/<pile code>/…"
    return addresses
