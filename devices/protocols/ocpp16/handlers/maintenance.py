"""Progress of firmware and log uploads, with and without the security extension.

OCPP 1.6 §4.4, §4.5; security whitepaper §5.4 and §5.5.
"""

from typing import Any

from devices.protocols.ocppj import firmware as words
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, Link, database
from devices.services import firmware, uploads


async def firmware_status(link: Link, call: Incoming) -> dict[str, Any]:
    """FirmwareStatusNotification and SignedFirmwareStatusNotification; only the latter names its request."""
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
    """DiagnosticsStatusNotification and LogStatusNotification; only the latter names its request."""
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
