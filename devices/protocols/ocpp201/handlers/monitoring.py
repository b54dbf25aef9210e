"""Monitors that strike (OCPP 2.0.1 part 2, N07 and N08)."""

from collections.abc import Mapping
from typing import Any

from devices.protocols.ocpp201.commands.variables import path_of
from devices.protocols.ocpp201.handlers import status_notification
from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocpp201.reading import evse_of, part
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, database
from devices.services import notices


async def handle(link: Link201, call: Incoming) -> dict[str, Any]:
    """Keep and publish each event. A connector's availability told this way is its status (G01.FR.07)."""
    if not isinstance(call.payload.get("eventData"), list):
        raise CallRefused("OccurenceConstraintViolation", "eventData is missing")
    for one in read.objects(call.payload, "eventData"):
        path = path_of(one)
        if not path:
            link.count("unreadable_event")
            continue
        component = part(one, "component")
        number = evse_of(component) or 0
        happened_at, finding = read.moment(one.get("timestamp"))
        if finding:
            link.count(finding)
        await database(
            notices.component_event,
            pile=link.pile,
            connector_no=number,
            path=path,
            value=read.text(one, "actualValue", 255),
            monitor_id=read.whole(one, "variableMonitoringId"),
            cleared=one.get("cleared") is True,
            happened_at=happened_at or call.at,
            received_at=call.at,
            data=_told(one),
        )
        if number and _name(component) == "Connector" and _name(part(one, "variable")) == "AvailabilityState":
            call.connector_no = number
            plug = read.connector(part(component, "evse"), "connectorId") or 1
            await status_notification.take(link, call, number, plug, read.text(one, "actualValue"))
    return {}


def _name(thing: Mapping[str, Any]) -> str:
    return read.text(thing, "name", 50)


def _told(one: Mapping[str, Any]) -> dict[str, Any]:
    said = {
        "event": read.whole(one, "eventId"),
        "trigger": read.text(one, "trigger"),
        "kind": read.text(one, "eventNotificationType"),
        "cause": read.whole(one, "cause"),
        "tech_code": read.text(one, "techCode", 50),
        "tech_info": read.text(one, "techInfo", 500),
        "transaction": read.text(one, "transactionId"),
    }
    return {name: value for name, value in said.items() if value not in ("", None)}
