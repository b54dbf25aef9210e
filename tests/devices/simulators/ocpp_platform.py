"""A minimal OCPP 1.6 central system for the tests of the simulator: accepts everything, keeps all it heard."""

import base64
import json

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result, enums
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

TIME = "2026-11-20T04:00:00.000Z"
PASSWORD = "a-password-of-sixteen"


class Heard:
    """Mixin before the library's charge point: one end of a link, all of whose messages the platform hears."""

    def __init__(self, platform: "FakeCentral", connection: ServerConnection) -> None:
        super().__init__(connection.request.path.rpartition("/")[2], connection, response_timeout=3)
        self.platform = platform

    async def route_message(self, raw_msg: str) -> None:
        if not self.platform.hear(raw_msg):
            await super().route_message(raw_msg)


class Station(Heard, ChargePoint):
    """The central system's end of one link."""

    @on("BootNotification")
    def boot(self, **_):
        return call_result.BootNotification(current_time=TIME, interval=5, status="Accepted")

    @on("Heartbeat")
    def heartbeat(self):
        return call_result.Heartbeat(current_time=TIME)

    @on("StatusNotification")
    def status(self, **_):
        return call_result.StatusNotification()

    @on("Authorize")
    def authorize(self, id_tag, **_):
        return call_result.Authorize(id_tag_info={"status": self.platform.verdict})

    @on("StartTransaction")
    def start_transaction(self, **_):
        self.platform.transaction_id += 1
        return call_result.StartTransaction(
            transaction_id=self.platform.transaction_id, id_tag_info={"status": self.platform.verdict}
        )

    @on("MeterValues")
    def meter_values(self, **_):
        return call_result.MeterValues()

    @on("StopTransaction")
    def stop_transaction(self, **_):
        return call_result.StopTransaction()

    @on("DataTransfer")
    def data_transfer(self, **_):
        return call_result.DataTransfer(status="UnknownVendorId")


class FakeCentral:
    """Listens on a free port. Switches: `silent` (actions not answered), `verdict` on tags."""

    SUBPROTOCOL, STATION = "ocpp1.6", Station

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict]] = []
        self.message_ids: list = []
        self.silent: set[str] = set()
        self.verdict = enums.AuthorizationStatus.accepted
        self.transaction_id = 100
        self.connections = 0
        self.close_codes: list[int | None] = []
        self.station: ChargePoint | None = None

    async def __aenter__(self) -> "FakeCentral":
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            subprotocols=[self.SUBPROTOCOL],
            process_request=self._check,
            max_size=128 * 1024,
        )
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/ocpp"
        return self

    async def __aexit__(self, *exc) -> None:
        self._server.close()
        await self._server.wait_closed()

    def hear(self, raw_msg: str) -> bool:
        """Keep a message; returns whether it is one that gets no answer."""
        message = json.loads(raw_msg)
        if message[0] != 2:
            return False
        self.calls.append((message[2], message[3]))
        self.message_ids.append(message[1])
        return message[2] in self.silent

    def of(self, action: str) -> list[dict]:
        """The payloads of every call of an action, oldest first."""
        return [payload for name, payload in self.calls if name == action]

    def statuses(self, connector: int = 1) -> list[str]:
        return [item["status"] for item in self.of("StatusNotification") if item["connectorId"] == connector]

    def readings(self, measurand: str = "Energy.Active.Import.Register") -> list[float]:
        """All sampled values of a measurand in MeterValues, oldest first."""
        return [
            float(value["value"])
            for payload in self.of("MeterValues")
            for batch in payload["meterValue"]
            for value in batch["sampledValue"]
            if value["measurand"] == measurand
        ]

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        code = request.path.rpartition("/")[2]
        expected = base64.b64encode(f"{code}:{PASSWORD}".encode()).decode()
        if request.headers.get("Authorization") == f"Basic {expected}":
            return None
        return Response(
            401, "Unauthorized", Headers([("WWW-Authenticate", "Basic"), ("Content-Length", "0")])
        )

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections += 1
        self.station = self.STATION(self, connection)
        try:
            await self.station.start()
        except ConnectionClosed as closed:
            self.close_codes.append(closed.sent.code if closed.sent else None)
