"""What the platform does on each DNY frame: one function per frame, one module per family.

A handler gets (consumer, held box or None, frame, message). Only `for_hosts` handlers are called without a box:
a host carries boxes and has no ports of its own.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from devices.protocols.dny.handlers import access, cards, charging, replies, settlement


class Handler(NamedTuple):
    function: Callable[..., Awaitable[Any]]
    for_hosts: bool = False


HANDLERS: dict[int, Handler] = {
    0x01: Handler(access.old_heartbeat),
    0x02: Handler(cards.card),
    0x03: Handler(settlement.settlement),
    0x04: Handler(charging.confirmed),
    0x05: Handler(access.noted),
    0x06: Handler(charging.power),
    0x11: Handler(access.host_state, for_hosts=True),
    0x12: Handler(access.tell_time, for_hosts=True),
    0x17: Handler(access.noted, for_hosts=True),
    0x20: Handler(access.register),
    0x21: Handler(access.heartbeat),
    0x22: Handler(access.tell_time, for_hosts=True),
    0x42: Handler(charging.alarm),
    0x43: Handler(access.noted),
    0x44: Handler(access.noted),
    0x82: Handler(replies.charge),
    0x85: Handler(replies.limits_set),
    0x87: Handler(replies.rebooting),
    0x8A: Handler(replies.changed),
    0x92: Handler(replies.limits_held),
}
