"""A whole gateway inside the test process: real sockets, the test's own database."""

import asyncio
import socket
import ssl
import threading

from django.test import override_settings

from kernel.runtime.dbpool import shutdown_database_pool


class LiveGateway:
    """uvicorn and the TCP listeners on free ports of 127.0.0.1, in a thread with its own event loop.

    With `tls` (a server context) the same behind TLS too: `wss_url`, `ykc_tls_port`, `dny_tls_port`.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._settings = override_settings(
            EV_YKC_PORT=0, EV_DNY_PORT=0, EV_YKC_TLS_PORT=0, EV_DNY_TLS_PORT=0, EV_DEVICE_HOST="127.0.0.1"
        )

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.http_port}"

    def start(self) -> None:
        self._settings.enable()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.http_port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="live-gateway")
        self._thread.start()
        assert self._started.wait(15), "the gateway did not start"
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._end.set)
        self._thread.join(15)
        assert not self._thread.is_alive(), "the gateway did not stop"
        shutdown_database_pool()
        self._settings.disable()

    def run(self, coroutine, timeout: float = 30.0):
        """Run a coroutine on the gateway's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    async def _run(self) -> None:
        from devices.gateway.server import start_listeners
        from ev_platform.asgi import application
        from ev_platform.server import web_server

        self.loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        servers = [(web_server(application), self._socket)]
        if self._tls is not None:
            tls_socket = socket.create_server(("127.0.0.1", 0))
            self.wss_url = f"wss://127.0.0.1:{tls_socket.getsockname()[1]}"
            servers.append((web_server(application, context=self._tls), tls_socket))
        try:
            self.listeners = await start_listeners(application, self._tls)
            self.ykc_port = self.listeners.port("ykc")
            self.dny_port = self.listeners.port("dny")
            if self._tls is not None:
                self.ykc_tls_port = self.listeners.port("ykc", tls=True)
                self.dny_tls_port = self.listeners.port("dny", tls=True)
            serving = [asyncio.create_task(server.serve(sockets=[sock])) for server, sock in servers]
            while not all(server.started for server, _ in servers):
                await asyncio.sleep(0.01)
        except BaseException as error:
            self._error = error
            self._started.set()
            raise
        self._started.set()
        await self._end.wait()
        for server, _socket in servers:
            server.should_exit = True
        await asyncio.gather(*serving)
        await self.listeners.close()
