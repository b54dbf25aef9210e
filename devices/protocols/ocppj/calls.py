"""Calls of ours to one station: one at a time (OCPP-J 1.6 §4.1.1), the others wait in line.

Each call ends exactly once: answered, refused, out of time, or lost with its connection.
"""

import asyncio
import uuid
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from devices.models import DeviceCommand

MOST_LATE = 32


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended; `state` is one of `DeviceCommand.State`, `facts` as in `events.CommandAnswered`."""

    state: str
    reason: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class OutgoingCall:
    """A call and the command it carries out (None for one of the gateway's own)."""

    action: str
    payload: dict[str, Any]
    read: Callable[[dict[str, Any]], Outcome]
    timeout_s: float
    command: DeviceCommand | None = None
    # Its effect may outlive the connection: the answer is lost, the deed perhaps not.
    may_have_happened: bool = False
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))


class CallQueue:
    """The calls of one connection.

    Args:
        transmit: puts a call on the wire.
        finish: is told how a call ended.
        spawn: starts a coroutine that ends with the connection.
    """

    def __init__(
        self,
        *,
        transmit: Callable[[OutgoingCall], Awaitable[None]],
        finish: Callable[[OutgoingCall, Outcome], Awaitable[None]],
        spawn: Callable[[Awaitable[None]], None],
    ):
        self._transmit = transmit
        self._finish = finish
        self._spawn = spawn
        self._waiting: deque[OutgoingCall] = deque()
        self._current: OutgoingCall | None = None
        self._timers: dict[OutgoingCall, asyncio.TimerHandle] = {}
        self._late: OrderedDict[str, OutgoingCall] = OrderedDict()
        self._open = False

    async def open(self) -> None:
        """The station is ready for calls; what waited is sent."""
        if not self._open:
            self._open = True
            await self._next()

    async def put(self, call: OutgoingCall) -> None:
        """Send a call when its turn comes; does not wait for its answer."""
        self._waiting.append(call)
        self._timers[call] = asyncio.get_running_loop().call_later(
            max(call.timeout_s, 0), lambda: self._spawn(self._expire(call))
        )
        await self._next()

    def take(self, message_id: str) -> OutgoingCall | None:
        """The call that an answer belongs to, also one that came too late; None for an answer nobody asked for."""
        if self._current is not None and self._current.message_id == message_id:
            return self._current
        return self._late.get(message_id)

    async def end(self, call: OutgoingCall, outcome: Outcome) -> None:
        """A call was answered, in time or late."""
        if call is not self._current:
            self._late.pop(call.message_id, None)
            await self._finish(call, outcome)
            return
        self._release(call)
        try:
            await self._finish(call, outcome)
        finally:
            await self._next()

    async def lost(self) -> None:
        """The connection ended. A call that may have happened all the same is left to its own time limit."""
        self._open = False
        current, self._current = self._current, None
        waiting, self._waiting = list(self._waiting), deque()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        failed = DeviceCommand.State.FAILED
        for call in waiting:
            await self._finish(call, Outcome(failed, "connection lost before it was sent"))
        if current is not None and not current.may_have_happened:
            await self._finish(current, Outcome(failed, "connection lost before the answer"))

    async def _next(self) -> None:
        if not self._open or self._current is not None or not self._waiting:
            return
        call = self._current = self._waiting.popleft()
        try:
            await self._transmit(call)
        except Exception as error:
            await self.end(call, Outcome(DeviceCommand.State.FAILED, repr(error)[:128]))

    async def _expire(self, call: OutgoingCall) -> None:
        outcome = Outcome(DeviceCommand.State.EXPIRED, "no answer in time")
        if call is self._current:
            self._late[call.message_id] = call
            if len(self._late) > MOST_LATE:
                self._late.popitem(last=False)
            await self.end(call, outcome)
        elif call in self._waiting:
            self._waiting.remove(call)
            self._timers.pop(call, None)
            await self._finish(call, Outcome(DeviceCommand.State.EXPIRED, "not sent in time"))

    def _release(self, call: OutgoingCall) -> None:
        self._current = None
        timer = self._timers.pop(call, None)
        if timer is not None:
            timer.cancel()
