"""What the platform does on each MQTT message: one function per message, one module per family.

A handler gets (consumer, held device, body, body as it came) and returns None, or the body of a decision. Birth
and last will have a shape of their own: the device is not held yet, or not any more.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from devices.protocols.mqtt.handlers import access, charging, notices, records, replies, requests


class Handler(NamedTuple):
    function: Callable[..., Awaitable[Any]]


HANDLERS: dict[str, Handler] = {
    "birth": Handler(access.birth),
    "will": Handler(access.will),
    "heartbeat": Handler(access.heartbeat),
    "status": Handler(charging.status),
    "telemetry": Handler(charging.telemetry),
    "charge": Handler(charging.charge),
    "record": Handler(records.record),
    "income": Handler(records.income),
    "alarm": Handler(notices.alarm),
    "sensor": Handler(notices.sensor),
    "request": Handler(requests.request),
    "answer": Handler(replies.answer),
}
