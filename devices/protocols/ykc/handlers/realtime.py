"""Live data (YKC V1.6 §6.3): status on change, samples of a running transaction in batches."""

from datetime import datetime
from decimal import Decimal

from devices import events
from devices.models import DeviceCommand
from devices.protocols.ykc.codec import words
from devices.protocols.ykc.held import GunMemory, HeldGuns
from devices.protocols.ykc.references import gun_number
from devices.services import commands, status
from devices.services.samples import StoredReading
from kernel import clock
from kernel.runtime.dbpool import in_database
from stations.models import Connector

_OFFLINE, _FAULT, _IDLE, _CHARGING = 0, 1, 2, 3
IDLE_REPORTS_TO_FORGET = 2  # YKC V1.6 §13.3: two idle reports in a running order


async def live_data(consumer, held: HeldGuns, frame, message) -> None:
    """13: never answered. A trade number counts only while charging, or when it is the running one."""
    fields = message.fields
    number = gun_number(fields)
    gun = held.gun(number)
    at = clock.now()
    trade_no = fields["trade_no"] if fields["trade_no"].strip("0") else ""
    charging = fields["status"] == _CHARGING
    ref = trade_no if charging or trade_no == gun.running_ref else ""
    if trade_no and not ref and trade_no != gun.stale_ref:
        gun.stale_ref = trade_no
        consumer.count(held, "stale_number")

    await _apply_state(held, gun, number, fields, at, ref)
    if charging and trade_no:
        if gun.running_ref != trade_no:
            await in_database(
                status.charge_started,
                events.ChargeStarted(pile=held.pile, connector_no=number, at=at, transaction_ref=trade_no),
            )
            gun.running_ref = trade_no
        gun.idle_reports = 0
        consumer.buffers.sample_nowait(_reading(held, number, at, trade_no, fields))
    await _answer_read(held, number, fields)


async def _apply_state(
    held: HeldGuns, gun: GunMemory, number: int, fields: dict, at: datetime, ref: str
) -> None:
    plugged = {0: False, 1: True}.get(fields["plugged"])
    state = _connector_state(fields["status"], plugged)
    changed = (gun.state, gun.plugged, gun.fault_bits) != (state, plugged, fields["fault_bits"])
    # A report that a running transaction is not charging is passed on each time until it is believed.
    ending = bool(gun.running_ref) and state != Connector.State.CHARGING
    if not changed and not ending:
        return
    faults = words.faults(fields["fault_bits"])
    await in_database(
        status.apply_status,
        pile=held.pile,
        connector_no=number,
        state=state,
        at=at,
        plugged=plugged,
        fault_code=",".join(fault.slug for fault in faults),
        fault_words=faults[0].text if faults else "",
        transaction_ref=ref or gun.running_ref,
    )
    gun.state, gun.plugged, gun.fault_bits = state, plugged, fields["fault_bits"]
    if ending:
        gun.idle_reports += 1
        if gun.idle_reports >= IDLE_REPORTS_TO_FORGET:
            gun.running_ref, gun.idle_reports = "", 0


def _connector_state(code: int, plugged: bool | None) -> str:
    states = Connector.State
    if code == _CHARGING:
        return states.CHARGING
    if code == _FAULT:
        return states.FAULT
    if code == _OFFLINE:
        return states.OFFLINE
    return states.OCCUPIED if plugged else states.IDLE


def _reading(held: HeldGuns, number: int, at: datetime, ref: str, fields: dict) -> StoredReading:
    power = (fields["voltage"] * fields["current"] / 1000).quantize(Decimal("0.001"))
    return StoredReading(
        events.MeterSampled(
            pile=held.pile,
            connector_no=number,
            at=at,
            transaction_ref=ref,
            energy_kwh=fields["energy"],
            power_kw=power,
            voltage_v=fields["voltage"],
            current_a=fields["current"],
            soc_pct=fields["soc"] or None,
            device_amount=fields["amount"],
        ),
        temperature_c=fields["cable_temp"],
    )


async def _answer_read(held: HeldGuns, number: int, fields: dict) -> None:
    """A report answers an open read command; only a pile that was asked pays for the look."""
    if number not in held.asked:
        return
    held.asked.discard(number)
    await in_database(
        commands.answer_outstanding,
        pile_id=held.pile.id,
        kind=DeviceCommand.Kind.READ_STATUS,
        connector_no=number,
        accepted=True,
        result={"status": fields["status"], "energy": str(fields["energy"])},
    )
