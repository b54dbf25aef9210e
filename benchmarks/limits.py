"""What the parts can do without the platform: `python -m benchmarks.limits ocpp|tcp PORT`.

`ocpp` is a charging station server as the library's own examples build it, in memory; `tcp` is an empty Channels
consumer behind the platform's TCP server, which answers what ends with a heartbeat.
"""

import asyncio
import sys
from datetime import UTC, datetime

import uvloop
import websockets
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result

from devices.gateway.tcp import AsgiTcpServer
from devices.protocols.ykc import codec


class Station(ChargePoint):
    """Keeps the last meter values of its station in memory."""

    @on("Heartbeat")
    def heartbeat(self):
        return call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())

    @on("MeterValues")
    def meter_values(self, connector_id, meter_value, **more):
        self.last = meter_value
        return call_result.MeterValues()


async def ocpp(port: int) -> None:
    async def station(socket) -> None:
        try:
            await Station(socket.request.path.rpartition("/")[2], socket).start()
        except websockets.ConnectionClosed:
            pass

    async with websockets.serve(station, "127.0.0.1", port, subprotocols=["ocpp1.6"], compression=None):
        await asyncio.Future()


class Empty(AsyncConsumer):
    """Looks at nothing: the fixed answer to a heartbeat for whatever arrives."""

    ANSWER = codec.encode(0x04, {"pile_code": "99000000000001", "gun_no": "01", "ack": 0})

    async def tcp_connect(self, message: dict) -> None:
        pass

    async def tcp_receive(self, message: dict) -> None:
        await self.send({"type": "tcp.send", "data": self.ANSWER})

    async def tcp_disconnect(self, message: dict) -> None:
        raise StopConsumer


async def tcp(port: int) -> None:
    await AsgiTcpServer(Empty.as_asgi(), name="empty", host="127.0.0.1", port=port).start()
    await asyncio.Future()


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ev_platform.settings")
    django.setup()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run({"ocpp": ocpp, "tcp": tcp}[sys.argv[1]](int(sys.argv[2])))
