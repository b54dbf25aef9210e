"""What the platform does on each YKC frame: one function per frame, one module per family.

A handler gets (consumer, held pile or None, frame, message). `needs_login` frames count for nothing before the
pile of their code has logged in on the same socket.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from devices.protocols.ykc.handlers import access, realtime, records, replies, session, tariff


class Handler(NamedTuple):
    function: Callable[..., Awaitable[Any]]
    needs_login: bool = True


HANDLERS: dict[int, Handler] = {
    0x01: Handler(access.login, needs_login=False),
    0x03: Handler(access.heartbeat),
    0x05: Handler(tariff.check),
    0x09: Handler(tariff.request),
    0x13: Handler(realtime.live_data),
    0x31: Handler(session.start_asked),
    0x33: Handler(session.start_answered),
    0x35: Handler(session.stop_answered),
    0x3B: Handler(records.record),
    0x3D: Handler(records.record),
    0x41: Handler(replies.balance),
    0x51: Handler(replies.work_parameters),
    0x55: Handler(replies.clock_set),
    0x57: Handler(replies.tariff_set),
    0x91: Handler(replies.reboot),
}
