"""Piles of the load: what they say, prepared beforehand, and the closed loops they run."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from benchmarks.wire import OcppWire, YkcWire
from devices.protocols.ykc import codec

T = TypeVar("T")
LOGIN = {
    "pile_type": 0,
    "gun_count": 1,
    "proto_version": 16,
    "software": "V1",
    "net": 0,
    "sim": "89860000000000000001",
    "operator": 0,
}
LIVE = {
    "gun_no": "01",
    "seat": 1,
    "plugged": 1,
    "voltage": Decimal("400.0"),
    "current": Decimal("100.0"),
    "cable_temp": 30,
    "cable_code": "0" * 16,
    "soc": 40,
    "battery_temp": 28,
    "minutes": 1,
    "remaining": 60,
    "loss_energy": Decimal("0.0000"),
    "amount": Decimal("0.0000"),
    "fault_bits": 0,
}
NO_TRADE = "0" * 32


class YkcPile:
    """One YKC pile on a socket, with one gun."""

    def __init__(self, code: str):
        self.code = code
        self.trade_no = NO_TRADE
        self.energy = Decimal("0.0000")
        self.began = datetime.now(UTC)
        self.beat = codec.encode(0x03, {"pile_code": code, "gun_no": "01", "gun_status": 0})

    async def dial(self, port: int) -> None:
        """Connect, log in and hold the tariff; returns when the pile is ready to charge."""
        self.wire = await YkcWire.dial(port)
        await self.wire.ask(codec.encode(0x01, {"pile_code": self.code, **LOGIN}), 0x02, timeout=120)
        await self.wire.ask(codec.encode(0x09, {"pile_code": self.code}), 0x0A, timeout=120)

    def live(self, *, status: int = 3) -> bytes:
        fields = {"pile_code": self.code, "trade_no": self.trade_no, "status": status, "energy": self.energy}
        return codec.encode(0x13, {**LIVE, **fields})

    def rise(self) -> bytes:
        """Live data with a little more energy than before."""
        self.energy += Decimal("0.0010")
        return self.live()

    async def heartbeat(self) -> None:
        await self.wire.ask(self.beat, 0x04)

    async def plug_in(self) -> None:
        self.wire.transport.write(self.live(status=2))
        await self.heartbeat()

    async def begin(self, frame: bytes) -> None:
        """Accept the start command and charge."""
        (command,) = codec.Splitter().feed(frame)
        self.trade_no = codec.decode(command).fields["trade_no"]
        self.began = datetime.now(UTC)
        answer = {"pile_code": self.code, "trade_no": self.trade_no, "gun_no": "01", "ok": 1, "fail": "00"}
        self.wire.transport.write(codec.encode(0x33, answer) + self.live())
        await self.heartbeat()

    def record(self) -> bytes:
        """The 3B of what was charged, all of it in the flat tier."""
        now = datetime.now(UTC)
        energy, price = self.energy, Decimal("1.10000")
        amount = (energy * price).quantize(Decimal("0.0001"))
        fields: dict[str, Any] = {
            "pile_code": self.code,
            "trade_no": self.trade_no,
            "gun_no": "01",
            "start_time": self.began,
            "end_time": now,
            "meter_start": Decimal("100.0000"),
            "meter_end": Decimal("100.0000") + energy,
            "total_energy": energy,
            "total_loss_energy": energy,
            "total_amount": amount,
            "vin": "LSVAA49J132047371",
            "trade_type": 1,
            "trade_time": now,
            "stop_reason": "40",
            "physical_card": "0" * 16,
        }
        for tier in ("sharp", "peak", "flat", "valley"):
            own = tier == "flat"
            fields[f"{tier}_price"] = price if own else Decimal("0.00000")
            fields[f"{tier}_energy"] = fields[f"{tier}_loss_energy"] = energy if own else Decimal("0.0000")
            fields[f"{tier}_amount"] = amount if own else Decimal("0.0000")
        return codec.encode(0x3B, fields)


class OcppPile:
    """One OCPP 1.6 station with one connector."""

    def __init__(self, code: str):
        self.code = code
        self.transaction = 1
        self.wh = 1_000_000
        self._number = 0

    async def dial(self, port: int, password: str) -> None:
        self.wire = await OcppWire.dial(port, self.code, password)

    async def call(self, action: str, payload: dict) -> dict:
        self._number += 1
        return await self.wire.call(f"{self.code}-{self._number}", action, payload)

    async def boot(self) -> None:
        await self.call("BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "Bench"})
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing", "timestamp": _now()}
        await self.call("StatusNotification", status)

    async def heartbeat(self) -> None:
        await self.call("Heartbeat", {})

    async def begin(self, id_tag: str) -> None:
        payload = {"connectorId": 1, "idTag": id_tag, "meterStart": self.wh, "timestamp": _now()}
        self.transaction = (await self.call("StartTransaction", payload))["transactionId"]

    async def meter_values(self) -> None:
        """One reading of five measurands, with a little more energy than before."""
        self.wh += 1
        values = [
            ("Energy.Active.Import.Register", "Wh", str(self.wh)),
            ("Power.Active.Import", "W", "60000.0"),
            ("Voltage", "V", "400.0"),
            ("Current.Import", "A", "150.0"),
            ("SoC", "Percent", "40"),
        ]
        sampled = [
            {"value": value, "context": "Sample.Periodic", "measurand": name, "unit": unit}
            for name, unit, value in values
        ]
        entry = {"timestamp": _now(), "sampledValue": sampled}
        await self.call(
            "MeterValues", {"connectorId": 1, "transactionId": self.transaction, "meterValue": [entry]}
        )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def each(items: Sequence[T], action: Callable[[T], Awaitable[Any]], *, at_once: int = 50) -> None:
    """Run an action for every item, so many at once; the first failure ends it."""
    places = asyncio.Semaphore(at_once)

    async def one(item: T) -> None:
        async with places:
            await action(item)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))


async def closed_loop(items: Sequence[T], action: Callable[[T], Awaitable[Any]], times: int) -> float:
    """Every item repeats an action, the next when the last was answered; returns the actions per second."""

    async def loop(item: T) -> None:
        for _ in range(times):
            await action(item)

    began = time.perf_counter()
    await asyncio.gather(*(loop(item) for item in items))
    return len(items) * times / (time.perf_counter() - began)
