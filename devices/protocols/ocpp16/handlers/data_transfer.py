"""Vendor messages (OCPP 1.6 §4.3): kept in the frame log; no vendor's extension is built in."""

from typing import Any

from devices.protocols.ocppj.link import Incoming, Link


async def handle(link: Link, call: Incoming) -> dict[str, Any]:
    return {"status": "UnknownVendorId"}
