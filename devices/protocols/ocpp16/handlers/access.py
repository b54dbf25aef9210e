"""Boot, heartbeat and authorisation (OCPP 1.6 §4.1, §4.2, §4.6)."""

from typing import Any

from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, Link, database
from devices.services import presence, transactions

AUTHORIZATION_STATUS = {
    "accepted": "Accepted",
    "blocked": "Blocked",
    "expired": "Expired",
    "invalid": "Invalid",
    "concurrent": "ConcurrentTx",
}

_FACTS = {
    "vendor": ("chargePointVendor",),
    "reported_model": ("chargePointModel",),
    "serial": ("chargePointSerialNumber", "chargeBoxSerialNumber"),
    "firmware": ("firmwareVersion",),
    "iccid": ("iccid",),
}


async def boot_notification(link: Link, call: Incoming) -> dict[str, Any]:
    """Always accepted: the pile was known before its socket opened."""
    for name in ("chargePointVendor", "chargePointModel"):
        if name not in call.payload:
            raise CallRefused("OccurenceConstraintViolation", f"{name} is missing")
    facts = {}
    for name, fields in _FACTS.items():
        said = [value for field in fields if (value := read.text(call.payload, field))]
        if said:
            facts[name] = said[0]
    await database(presence.note_facts, pile_id=link.pile.id, facts=facts)
    link.booted = True
    return {
        "currentTime": read.shown(call.at),
        "interval": link.heartbeat_s,
        "status": "Accepted",
    }


async def heartbeat(link: Link, call: Incoming) -> dict[str, Any]:
    return {"currentTime": read.shown(call.at)}


async def authorize(link: Link, call: Incoming) -> dict[str, Any]:
    id_tag = read.text(call.payload, "idTag")
    if not id_tag:
        raise CallRefused("OccurenceConstraintViolation", "idTag is missing")
    status = await database(transactions.authorize, pile=link.pile, connector_no=0, id_tag=id_tag, at=call.at)
    return {"idTagInfo": {"status": AUTHORIZATION_STATUS[status]}}
