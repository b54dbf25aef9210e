"""Certificates (OCPP 2.0.1 part 2, A02, M01, M02 and M06)."""

from typing import Any

from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocppj import maintenance
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming
from devices.services.certificates import Use

_USES = {"ChargingStationCertificate": Use.STATION.value, "V2GCertificate": Use.VEHICLE.value}


async def sign_certificate(link: Link201, call: Incoming) -> dict[str, Any]:
    """The kind may be left out when one certificate serves both uses (A02.FR.20): it is the station's then."""
    word = read.text(call.payload, "certificateType") or "ChargingStationCertificate"
    if word not in _USES:
        raise CallRefused("PropertyConstraintViolation", f"certificateType is not one of {', '.join(_USES)}")
    return await maintenance.sign_certificate(link, call, _USES[word])


async def get_15118_ev_certificate(link: Link201, call: Incoming) -> dict[str, Any]:
    """Contract certificates of vehicles come from a mobility operator's pool, which the platform has none of."""
    return {"status": "Failed", "exiResponse": ""}


async def get_certificate_status(link: Link201, call: Incoming) -> dict[str, Any]:
    """The platform asks no OCSP responder: the station is told that there is no answer, never a false «valid»."""
    return {"status": "Failed"}
