"""A charge point in one file on the public `ocpp` and `websockets` packages: boots, charges, stops when told.

    python charge_point.py ws://127.0.0.1:8000/ocpp/CP001 PASSWORD

It knows nothing of the platform but the address, and prints what it does.
"""

import asyncio
import base64
import sys
from datetime import UTC, datetime

import websockets
from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import ChargePointStatus, RegistrationStatus, RemoteStartStopStatus

POWER_KW = 60
SAMPLE_EVERY_S = 1.0


def now() -> str:
    return datetime.now(UTC).isoformat()


class Station(ChargePoint):
    """One connector, one meter; `register_wh` is the meter's lifetime register."""

    def __init__(self, code: str, socket):
        super().__init__(code, socket)
        self.register_wh = 1_234_000.0
        self.transaction_id = None
        self.tag = ""
        self.done = asyncio.Event()
        self._stopping = asyncio.Event()
        self._charging = None

    async def status(self, state: ChargePointStatus) -> None:
        print("status", state, flush=True)
        await self.call(
            call.StatusNotification(connector_id=1, error_code="NoError", status=state, timestamp=now())
        )

    async def power_on(self) -> None:
        answer = await self.call(
            call.BootNotification(charge_point_vendor="Example", charge_point_model="One file")
        )
        assert answer.status == RegistrationStatus.accepted, answer
        await self.status(ChargePointStatus.available)
        await self.status(ChargePointStatus.preparing)  # a car is plugged in

    @on("RemoteStartTransaction")
    async def remote_start(self, id_tag: str, connector_id: int = 1, **_rest):
        self.tag = id_tag
        return call_result.RemoteStartTransaction(status=RemoteStartStopStatus.accepted)

    @after("RemoteStartTransaction")
    async def begin(self, **_rest) -> None:
        answer = await self.call(
            call.StartTransaction(
                connector_id=1, id_tag=self.tag, meter_start=round(self.register_wh), timestamp=now()
            )
        )
        self.transaction_id = answer.transaction_id
        print("transaction", self.transaction_id, answer.id_tag_info, flush=True)
        await self.status(ChargePointStatus.charging)
        self._charging = asyncio.create_task(self.charge())

    async def charge(self) -> None:
        while not self._stopping.is_set():
            await asyncio.sleep(SAMPLE_EVERY_S)
            self.register_wh += POWER_KW * 1000 * SAMPLE_EVERY_S / 3600
            values = [
                {
                    "value": f"{self.register_wh:.1f}",
                    "measurand": "Energy.Active.Import.Register",
                    "unit": "Wh",
                },
                {"value": f"{POWER_KW * 1000}", "measurand": "Power.Active.Import", "unit": "W"},
            ]
            await self.call(
                call.MeterValues(
                    connector_id=1,
                    transaction_id=self.transaction_id,
                    meter_value=[{"timestamp": now(), "sampledValue": values}],
                )
            )

    @on("RemoteStopTransaction")
    async def remote_stop(self, transaction_id: int, **_rest):
        known = transaction_id == self.transaction_id
        return call_result.RemoteStopTransaction(
            status=RemoteStartStopStatus.accepted if known else RemoteStartStopStatus.rejected
        )

    @after("RemoteStopTransaction")
    async def end(self, **_rest) -> None:
        self._stopping.set()
        await self._charging
        await self.call(
            call.StopTransaction(
                transaction_id=self.transaction_id,
                meter_stop=round(self.register_wh),
                timestamp=now(),
                reason="Remote",
                id_tag=self.tag,
            )
        )
        await self.status(ChargePointStatus.available)
        self.done.set()

    @on("TriggerMessage")
    async def trigger(self, **_rest):
        return call_result.TriggerMessage(status="NotImplemented")


async def main(url: str, password: str) -> None:
    code = url.rstrip("/").rsplit("/", 1)[1]
    secret = base64.b64encode(f"{code}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {secret}"}
    async with websockets.connect(url, subprotocols=["ocpp1.6"], additional_headers=headers) as socket:
        station = Station(code, socket)
        reading = asyncio.create_task(station.start())
        await station.power_on()
        await asyncio.wait_for(station.done.wait(), 120)
        reading.cancel()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
