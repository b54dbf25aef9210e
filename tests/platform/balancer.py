"""The smallest TCP balancer: connections go round the addresses that answer; a backend that dies cuts its own."""

import asyncio
import contextlib
import itertools


class Balancer:
    """`async with Balancer(ports)` listens on `port` and forwards to one of `ports` of 127.0.0.1."""

    def __init__(self, ports: list[int]):
        self._next = itertools.cycle(ports)
        self._tries = len(ports)
        self.connections = 0
        self._tasks: set[asyncio.Task] = set()

    async def __aenter__(self) -> "Balancer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        try:
            backend = await self._dial()
            if backend is not None:
                self.connections += 1
                await self._couple((reader, writer), backend)
        finally:
            self._tasks.discard(asyncio.current_task())
            writer.close()

    async def _dial(self):
        for _try in range(self._tries):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", next(self._next))
        return None

    async def _couple(self, front, back) -> None:
        """Pass bytes both ways until either end is gone, then drop both."""
        pumps = [
            asyncio.ensure_future(self._pump(front[0], back[1])),
            asyncio.ensure_future(self._pump(back[0], front[1])),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            back[1].close()

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
