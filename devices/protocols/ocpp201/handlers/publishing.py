"""Firmware that a local controller hands on (OCPP 2.0.1 part 2, L03).

The platform speaks with stations themselves and asks no controller to publish; whoever reports it is answered.
"""

from typing import Any

from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocppj.link import Incoming


async def handle(link: Link201, call: Incoming) -> dict[str, Any]:
    """PublishFirmwareStatusNotification: acknowledged, readable in the frame log."""
    return {}
