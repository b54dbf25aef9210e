"""What a station reports of itself, often in several parts (OCPP 2.0.1 part 2, B07, N02, N09, O03).

Each part is kept as it comes. `tbc` says that more will follow; with the last part, whatever the station did not
name is gone when it was asked for all of it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from devices.models import HeldItem, PileNotice
from devices.protocols.ocpp201.commands.variables import path_of
from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocpp201.reading import evse_of, part
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, database
from devices.services import held_items, notices, variables
from devices.services.variables import LONGEST_VALUE, ReportedVariable

_CHARACTERISTICS = ("dataType", "minLimit", "maxLimit", "valuesList", "supportsMonitoring")


async def variables_reported(link: Link201, call: Incoming) -> dict[str, Any]:
    """NotifyReport: variables with their attributes."""
    await database(
        variables.store,
        pile=link.pile,
        variables=list(_variables(call.payload)),
        at=call.at,
        request_id=read.whole(call.payload, "requestId"),
        complete=_is_last(call),
    )
    return {}


def _variables(payload: Mapping[str, Any]) -> Iterator[ReportedVariable]:
    for one in read.objects(payload, "reportData"):
        path, about = path_of(one), part(one, "variableCharacteristics")
        for attribute in read.objects(one, "variableAttribute"):
            yield ReportedVariable(
                path=path,
                attribute=read.text(attribute, "type", 8) or "Actual",
                value=read.text(attribute, "value", LONGEST_VALUE),
                mutability=read.text(attribute, "mutability", 10) or "ReadWrite",
                unit=read.text(about, "unit", 16),
                characteristics={name: about[name] for name in _CHARACTERISTICS if name in about},
            )


async def monitors_reported(link: Link201, call: Incoming) -> dict[str, Any]:
    """NotifyMonitoringReport: which variables are watched, and how."""
    items = {}
    for one in read.objects(call.payload, "monitor"):
        for monitor in read.objects(one, "variableMonitoring"):
            number = read.whole(monitor, "id")
            if number is None:
                link.count("monitor_without_id")
                continue
            items[str(number)] = {
                "path": path_of(one),
                "type": read.text(monitor, "type"),
                "value": read.text(monitor, "value"),
                "severity": read.whole(monitor, "severity"),
                "transaction": monitor.get("transaction") is True,
            }
    await _hold(link, call, HeldItem.Kind.MONITOR, items)
    return {}


async def messages_reported(link: Link201, call: Incoming) -> dict[str, Any]:
    """NotifyDisplayMessages: in the words of the command that shows one."""
    items = {}
    for one in read.objects(call.payload, "messageInfo"):
        number, message = read.whole(one, "id"), part(one, "message")
        if number is None:
            link.count("message_without_id")
            continue
        said = {
            "text": read.text(message, "content", 512),
            "language": read.text(message, "language"),
            "priority": read.text(one, "priority"),
            "state": read.text(one, "state"),
            "starts_at": read.text(one, "startDateTime"),
            "ends_at": read.text(one, "endDateTime"),
            "transaction_ref": read.text(one, "transactionId"),
            "connector_no": evse_of(part(one, "display")),
        }
        items[str(number)] = {name: value for name, value in said.items() if value not in ("", None)}
    await _hold(link, call, HeldItem.Kind.MESSAGE, items)
    return {}


async def customer_reported(link: Link201, call: Incoming) -> dict[str, Any]:
    """NotifyCustomerInformation: what the station knows of a customer, kept as it says it."""
    number, sequence = read.whole(call.payload, "requestId"), read.whole(call.payload, "seqNo")
    if number is None:
        raise CallRefused("OccurenceConstraintViolation", "requestId is missing")
    happened_at, _finding = read.moment(call.payload.get("generatedAt"))
    await database(
        notices.keep,
        pile=link.pile,
        kind=PileNotice.Kind.CUSTOMER,
        code="reported",
        at=call.at,
        happened_at=happened_at,
        data={
            "command": number,
            "part": sequence or 0,
            "text": read.text(call.payload, "data", 512),
            "complete": _is_last(call),
        },
    )
    return {}


async def _hold(link: Link201, call: Incoming, kind: str, items: Mapping[str, Mapping[str, Any]]) -> None:
    await database(
        held_items.reported,
        pile=link.pile,
        kind=kind,
        items=items,
        at=call.at,
        request_id=read.whole(call.payload, "requestId"),
        complete=_is_last(call),
    )


def _is_last(call: Incoming) -> bool:
    return call.payload.get("tbc") is not True
