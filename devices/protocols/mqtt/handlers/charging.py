"""Port states, meter values and the course of a charge (docs/protocols/mqtt.md, «Charging»)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from devices import events
from devices.protocols.mqtt.held import HeldDevice
from devices.protocols.mqtt.words import FAULTS
from devices.services import meters
from devices.services import status as port_status
from devices.services.samples import StoredReading
from kernel.runtime.dbpool import in_database
from stations.models import Connector

_S = Connector.State
_STATES = {
    "idle": (_S.IDLE, False),
    "plugged": (_S.OCCUPIED, True),
    "full": (_S.OCCUPIED, True),
    "charging": (_S.CHARGING, True),
    "trickle": (_S.CHARGING, True),
    "paused": (_S.CHARGING, True),
    "reserved": (_S.RESERVED, None),
    "fault": (_S.FAULT, None),
}


async def status(consumer, held: HeldDevice, body: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """States of ports, passed on when they change; one that proves a charge tells its transaction first."""
    at = consumer.moment(body)
    for row in body["ports"]:
        number = row["port"]
        if number not in held.connectors:
            consumer.count(held, "unknown_port")
            continue
        state, plugged = _STATES[row["state"]]
        if state == _S.CHARGING and row.get("transaction"):
            await note_running(held, number, row["transaction"], at)
        await apply_state(
            held,
            number,
            state,
            at,
            plugged=row.get("plugged", plugged),
            fault=row.get("fault", "fault") if state == _S.FAULT else "",
            words=row.get("text", ""),
        )


async def telemetry(consumer, held: HeldDevice, body: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """A sample of a port, or (port 0) the register of the meter in front of the whole box."""
    number, at = body["port"], consumer.moment(body)
    if number == 0:
        if "register_kwh" in body:
            await in_database(
                meters.note_pile_register, pile=held.pile, at=at, register_kwh=Decimal(body["register_kwh"])
            )
        return
    if number not in held.connectors:
        consumer.count(held, "unknown_port")
        return
    memory = held.port(number)
    if memory.sampled_at == at:
        consumer.count(held, "redelivered")
        return
    ref = body.get("transaction", "")
    if ref:
        await note_running(held, number, ref, at)
    memory.sampled_at = at
    reading = _reading(held, number, ref, at, body)
    if "id" in body:
        await consumer.buffers.sample(reading)
    else:
        consumer.buffers.sample_nowait(reading)


async def charge(consumer, held: HeldDevice, body: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """A charge began, paused (overload, night, power cut), went on or ended; the bill waits for the record."""
    number, ref, at = body["port"], body["transaction"], consumer.moment(body)
    if number not in held.connectors:
        consumer.count(held, "unknown_port")
        return
    match body["event"]:
        case "started":
            await note_running(
                held, number, ref, at, tag=body.get("tag", ""), meter_start=_decimal(body, "meter_start_kwh")
            )
            await apply_state(held, number, _S.CHARGING, at, plugged=True)
        case "ended":
            memory = held.port(number)
            if memory.running_ref == ref:
                memory.running_ref = ""
            await apply_state(held, number, _S.OCCUPIED, at, plugged=True, ref=ref)
        case event:
            await in_database(
                port_status.charge_paused if event == "paused" else port_status.charge_resumed,
                pile=held.pile,
                connector_no=number,
                at=at,
                transaction_ref=ref,
                reason=body.get("reason", ""),
            )


async def note_running(
    held: HeldDevice,
    connector_no: int,
    ref: str,
    at: datetime,
    *,
    tag: str = "",
    meter_start: Decimal | None = None,
) -> None:
    """A port proves that it charges under this transaction; told once per transaction and session."""
    memory = held.port(connector_no)
    if memory.running_ref == ref:
        return
    await in_database(
        port_status.charge_started,
        events.ChargeStarted(
            pile=held.pile,
            connector_no=connector_no,
            at=at,
            transaction_ref=ref,
            id_tag=tag or ref,
            meter_start_kwh=meter_start,
        ),
    )
    memory.running_ref = ref


async def apply_state(
    held: HeldDevice,
    connector_no: int,
    state: str,
    at: datetime,
    *,
    plugged: bool | None = None,
    fault: str = "",
    words: str = "",
    ref: str = "",
) -> None:
    """Pass a state on when it changed, or when it says that a running transaction is not charging."""
    memory = held.port(connector_no)
    ending = bool(memory.running_ref) and state != _S.CHARGING
    if (memory.state, memory.fault, memory.plugged) == (state, fault, plugged) and not ending:
        return
    await in_database(
        port_status.apply_status,
        pile=held.pile,
        connector_no=connector_no,
        state=state,
        at=at,
        plugged=plugged,
        fault_code=fault,
        fault_words=words or FAULTS.get(fault, ""),
        transaction_ref=ref or memory.running_ref,
    )
    memory.state, memory.fault, memory.plugged = state, fault, plugged


def _decimal(body: Mapping[str, Any], name: str) -> Decimal | None:
    return Decimal(body[name]) if name in body else None


def _rounded(body: Mapping[str, Any], name: str, places: str) -> Decimal | None:
    return Decimal(body[name]).quantize(Decimal(places)) if name in body else None


def _reading(
    held: HeldDevice, connector_no: int, ref: str, at: datetime, body: Mapping[str, Any]
) -> StoredReading:
    temperature = _decimal(body, "temperature_c")
    return StoredReading(
        events.MeterSampled(
            pile=held.pile,
            connector_no=connector_no,
            at=at,
            transaction_ref=ref,
            energy_kwh=_rounded(body, "energy_kwh", "0.0001"),
            power_kw=_rounded(body, "power_kw", "0.001"),
            voltage_v=_rounded(body, "voltage_v", "0.1"),
            current_a=_rounded(body, "current_a", "0.01"),
            soc_pct=body.get("soc_pct"),
            charged_s=body.get("charged_s"),
        ),
        register_kwh=_rounded(body, "register_kwh", "0.0001"),
        temperature_c=None if temperature is None else round(temperature),
    )
