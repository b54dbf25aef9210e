"""Alarms of the device and readings of the sensors behind it (docs/protocols/mqtt.md, «Alarms and sensors»)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from devices.protocols.mqtt.held import HeldDevice
from devices.protocols.mqtt.words import FAULTS
from devices.services import sensors, status
from kernel.runtime.dbpool import in_database


async def alarm(consumer, held: HeldDevice, body: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """An alarm began or ended, of the whole device (port 0 or none) or of a port."""
    code = body["code"]
    if body["raised"]:
        await in_database(
            status.report_fault,
            pile=held.pile,
            connector_no=body.get("port", 0),
            at=consumer.moment(body),
            fault_code=code,
            fault_words=body.get("text") or FAULTS.get(code, ""),
        )
    else:
        await in_database(
            status.clear_fault,
            pile=held.pile,
            connector_no=body.get("port", 0),
            at=consumer.moment(body),
            fault_code=code,
        )


async def sensor(consumer, held: HeldDevice, body: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """A reading of a smoke, temperature, water … sensor at this device or behind this gateway."""
    await in_database(
        sensors.report,
        pile=held.pile,
        sensor=body["sensor"],
        kind=body["kind"],
        at=consumer.moment(body),
        value=None if "value" not in body else Decimal(body["value"]).quantize(Decimal("0.001")),
        alarm=body.get("alarm"),
        battery_pct=body.get("battery_pct"),
    )
