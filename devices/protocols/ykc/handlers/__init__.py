"""What the platform does on each YKC frame: one function per frame, one module per family.

A handler gets (consumer, held pile or None, frame, message). `needs_login` frames count for nothing before the
pile of their code has logged in on the same socket.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from devices.protocols.ykc.handlers import (
    access,
    bay_lock,
    cards,
    realtime,
    records,
    replies,
    session,
    tariff,
    vehicle,
)


class Handler(NamedTuple):
    function: Callable[..., Awaitable[Any]]
    needs_login: bool = True


HANDLERS: dict[int, Handler] = {
    0x01: Handler(access.login, needs_login=False),
    0x03: Handler(access.heartbeat),
    0x05: Handler(tariff.check),
    0x09: Handler(tariff.request),
    0x13: Handler(realtime.live_data),
    0x15: Handler(vehicle.reported),
    0x17: Handler(vehicle.reported),
    0x19: Handler(vehicle.reported),
    0x1B: Handler(vehicle.reported),
    0x1D: Handler(vehicle.reported),
    0x21: Handler(vehicle.reported),
    0x23: Handler(vehicle.demand),
    0x25: Handler(vehicle.battery_state),
    0x31: Handler(session.start_asked),
    0x33: Handler(session.start_answered),
    0x35: Handler(session.stop_answered),
    0x3B: Handler(records.record),
    0x3D: Handler(records.record),
    0x41: Handler(replies.balance),
    0x43: Handler(cards.stored),
    0x45: Handler(cards.cleared),
    0x47: Handler(cards.looked_up),
    0x51: Handler(replies.work_parameters),
    0x55: Handler(replies.clock_set),
    0x57: Handler(replies.tariff_set),
    0x61: Handler(bay_lock.state),
    0x63: Handler(replies.bay_lock_asked),
    0x91: Handler(replies.reboot),
    0x93: Handler(replies.firmware_updated),
    0xA1: Handler(session.merged_start_asked),
    0xA3: Handler(session.start_answered),
    0xF1: Handler(replies.qr_prefix),
}
