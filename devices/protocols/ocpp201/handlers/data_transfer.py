"""Vendor messages (OCPP 2.0.1 part 2, P02): kept in the frame log; no vendor's extension is built in."""

from typing import Any

from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocppj.link import Incoming


async def handle(link: Link201, call: Incoming) -> dict[str, Any]:
    return {"status": "UnknownVendorId"}
