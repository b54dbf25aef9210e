"""Security events and requests for certificates (OCPP 1.6 security whitepaper §4.1 and §5.6)."""

from typing import Any

from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, Link, database
from devices.services import certificate_requests, notices
from devices.services.certificates import Use


async def security_event(link: Link, call: Incoming) -> dict[str, Any]:
    """Keep the event; one that comes again with its time is the same."""
    code = read.text(call.payload, "type", 50)
    if not code:
        raise CallRefused("OccurenceConstraintViolation", "type is missing")
    happened_at, finding = read.moment(call.payload.get("timestamp"))
    if finding:
        link.count(finding)
    await database(
        notices.security_event,
        pile=link.pile,
        code=code,
        detail=read.text(call.payload, "techInfo", 255),
        happened_at=happened_at or call.at,
        received_at=call.at,
    )
    return {}


async def sign_certificate(link: Link, call: Incoming) -> dict[str, Any]:
    """Accepted when the request was signed; the certificate follows as a command of its own."""
    request = call.payload.get("csr")
    if not isinstance(request, str):
        raise CallRefused("OccurenceConstraintViolation", "csr is missing")
    signed = await database(
        certificate_requests.take, pile=link.pile, request_pem=request, use=Use.STATION.value, at=call.at
    )
    return {"status": "Accepted" if signed else "Rejected"}
