"""Progress of firmware updates and log uploads, and security events: the same in both versions of OCPP.

OCPP 1.6 §4.4, §4.5; its security whitepaper §4.1, §5.4, §5.5 and §5.6; OCPP 2.0.1 part 2 L01, N01 and A04.
"""

from typing import Any

from devices.protocols.ocppj import firmware as words
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, Link, database
from devices.services import certificate_requests, firmware, notices, uploads


async def firmware_status(link: Link, call: Incoming) -> dict[str, Any]:
    """FirmwareStatusNotification and SignedFirmwareStatusNotification; plain ones of 1.6 name no request."""
    word = read.text(call.payload, "status")
    if not word:
        raise CallRefused("OccurenceConstraintViolation", "status is missing")
    status = words.FIRMWARE.get(word)
    if status is None:
        link.count("unknown_status")
        return {}
    await database(
        firmware.report,
        pile=link.pile,
        status=status,
        at=call.at,
        request_id=read.whole(call.payload, "requestId"),
        detail=word,
    )
    return {}


async def log_status(link: Link, call: Incoming) -> dict[str, Any]:
    """DiagnosticsStatusNotification, which names no request, and LogStatusNotification."""
    word = read.text(call.payload, "status")
    if not word:
        raise CallRefused("OccurenceConstraintViolation", "status is missing")
    status = words.LOG.get(word)
    if status is None:
        link.count("unknown_status")
        return {}
    await database(
        uploads.progress,
        pile=link.pile,
        word=word,
        status=status,
        at=call.at,
        request_id=read.whole(call.payload, "requestId"),
    )
    return {}


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


async def sign_certificate(link: Link, call: Incoming, use: str) -> dict[str, Any]:
    """Accepted when the request was signed; the certificate follows as a command of its own."""
    request = call.payload.get("csr")
    if not isinstance(request, str):
        raise CallRefused("OccurenceConstraintViolation", "csr is missing")
    signed = await database(
        certificate_requests.take, pile=link.pile, request_pem=request, use=use, at=call.at
    )
    return {"status": "Accepted" if signed else "Rejected"}
