"""Reports, events and progress: acknowledged with an empty answer, readable in the frame log.

OCPP 2.0.1 part 2: B07 NotifyReport, N07 NotifyEvent, A04 SecurityEventNotification, N01 LogStatusNotification,
L01 FirmwareStatusNotification.
"""

from typing import Any

from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocppj.link import Incoming

ACTIONS = (
    "NotifyReport",
    "NotifyEvent",
    "SecurityEventNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
)


async def handle(link: Link201, call: Incoming) -> dict[str, Any]:
    return {}
