"""Boot, heartbeat and authorisation (OCPP 2.0.1 part 2, B01, G02, C01)."""

from typing import Any

from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocpp201.reading import id_token_of, part
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, database
from devices.services import presence, transactions

AUTHORIZATION_STATUS = {
    "accepted": "Accepted",
    "blocked": "Blocked",
    "expired": "Expired",
    "invalid": "Invalid",
    "concurrent": "ConcurrentTx",
}

_FACTS = {
    "vendor": "vendorName",
    "reported_model": "model",
    "serial": "serialNumber",
    "firmware": "firmwareVersion",
}


async def boot_notification(link: Link201, call: Incoming) -> dict[str, Any]:
    """Always accepted: the pile was known before its socket opened."""
    station = part(call.payload, "chargingStation")
    if not station:
        raise CallRefused("OccurenceConstraintViolation", "chargingStation is missing")
    facts = {name: value for name, field in _FACTS.items() if (value := read.text(station, field))}
    iccid = read.text(part(station, "modem"), "iccid")
    if iccid:
        facts["iccid"] = iccid
    await database(presence.note_facts, pile_id=link.pile.id, facts=facts)
    link.booted = True
    return {
        "currentTime": read.shown(call.at),
        "interval": link.heartbeat_s,
        "status": "Accepted",
    }


async def heartbeat(link: Link201, call: Incoming) -> dict[str, Any]:
    return {"currentTime": read.shown(call.at)}


async def authorize(link: Link201, call: Incoming) -> dict[str, Any]:
    """Ask the floors above about an identity; OCPP names no EVSE here."""
    id_tag = id_token_of(call.payload)
    if id_tag is None:
        raise CallRefused("OccurenceConstraintViolation", "idToken is missing")
    status = await database(transactions.authorize, pile=link.pile, connector_no=0, id_tag=id_tag, at=call.at)
    return {"idTokenInfo": {"status": AUTHORIZATION_STATUS[status]}}
