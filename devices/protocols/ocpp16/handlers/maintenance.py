"""Progress of diagnostics and firmware (OCPP 1.6 §4.4, §4.5): acknowledged, readable in the frame log."""

from typing import Any

from devices.protocols.ocppj.link import Incoming, Link


async def handle(link: Link, call: Incoming) -> dict[str, Any]:
    return {}
