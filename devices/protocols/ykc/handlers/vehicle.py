"""What the vehicle says on a DC pile (YKC V1.6 §6.4; GB/T 27930). Nothing of it is answered.

Demand (23) and battery state (25) come in pairs every 15 seconds and are kept as one report; everything else is a
report of its own. Reports are stored in batches.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from devices import events
from devices.gateway.tcp_consumer import to_json
from devices.models import VehicleReport
from devices.protocols.ykc.codec import plausible_vin, split_cell_group, words
from devices.protocols.ykc.held import HeldGuns
from devices.protocols.ykc.references import gun_number
from kernel import clock

K = VehicleReport.Kind
_KINDS = {
    0x15: K.HANDSHAKE,
    0x17: K.PARAMETERS,
    0x19: K.STATISTICS,
    0x1B: K.ERRORS,
    0x1D: K.STOPPED_BY_VEHICLE,
    0x21: K.STOPPED_BY_PILE,
}
_NOT_DATA = frozenset({"trade_no", "pile_code", "gun_no", "reserved", "vin"})
_CURRENTS = frozenset({"i_max", "i_demand", "i_meas", "i_out", "pile_i_max", "pile_i_min"})


async def reported(consumer, held: HeldGuns, frame, message) -> None:
    """15, 17, 19, 1B, 1D and 21."""
    gun = held.gun(gun_number(message.fields))
    if frame.type == 0x15:
        gun.vin = plausible_vin(message.fields["vin"])[:17]
    _leave_battery_state(consumer, held, message.fields)
    data = _data(message.fields)
    flags = {flag.slug: flag.value for flag in words.bms_flags(frame.type, message.fields)}
    if flags:
        data["flags"] = flags
    _store(consumer, held, message.fields, _KINDS[frame.type], data)


async def demand(consumer, held: HeldGuns, frame, message) -> None:
    """23: with the battery state that came since the last one."""
    gun = held.gun(gun_number(message.fields))
    data = _data(message.fields)
    voltage, group = split_cell_group(data.pop("cell_group"))
    data |= {"cell_v": str(voltage), "cell_group": group}
    before, gun.battery_state = gun.battery_state, None
    _store(consumer, held, message.fields, K.RUNNING, {**(before or {}), **data})


async def battery_state(consumer, held: HeldGuns, frame, message) -> None:
    """25: waits for the next 23, unless another 25 comes first."""
    _leave_battery_state(consumer, held, message.fields)
    data = _data(message.fields)
    flags = {flag.slug: flag.value for flag in words.bms_flags(0x25, message.fields)}
    if flags:
        data["flags"] = flags
    held.gun(gun_number(message.fields)).battery_state = data


def _leave_battery_state(consumer, held: HeldGuns, fields: Mapping[str, Any]) -> None:
    gun = held.gun(gun_number(fields))
    if gun.battery_state is not None:
        _store(consumer, held, fields, K.RUNNING, gun.battery_state)
        gun.battery_state = None


def _data(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as JSON; currents without their sign, which firmwares give as they like (GB/T 27930 counts down)."""
    return {
        name: to_json(abs(value) if name in _CURRENTS and isinstance(value, Decimal) else value)
        for name, value in fields.items()
        if name not in _NOT_DATA
    }


def _store(consumer, held: HeldGuns, fields: Mapping[str, Any], kind: str, data: dict[str, Any]) -> None:
    trade_no = fields["trade_no"]
    number = gun_number(fields)
    consumer.buffers.vehicle_report(
        events.VehicleReported(
            pile=held.pile,
            connector_no=number,
            at=clock.now(),
            transaction_ref=trade_no if trade_no.strip("0") else "",
            kind=str(kind),
            vin=held.gun(number).vin,
            data=data,
        )
    )
