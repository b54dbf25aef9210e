"""Requests for certificates (OCPP 1.6 security whitepaper §4.1)."""

from typing import Any

from devices.protocols.ocppj import maintenance
from devices.protocols.ocppj.link import Incoming, Link
from devices.services.certificates import Use


async def sign_certificate(link: Link, call: Incoming) -> dict[str, Any]:
    """Accepted when the request was signed; the certificate follows as a command of its own."""
    return await maintenance.sign_certificate(link, call, Use.STATION.value)
