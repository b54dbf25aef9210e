"""OCPP 2.0.1 as the shared consumer speaks it."""

from collections.abc import Sequence
from typing import Any

from devices.protocols.ocpp201.commands import call_of
from devices.protocols.ocpp201.handlers import HANDLERS, TRANSACTION_ACTIONS
from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocpp201.reading import evse_of
from devices.protocols.ocppj.dialect import Dialect
from devices.protocols.ocppj.link import Link
from devices.protocols.ocppj.schema import Schema
from stations.models import Pile


def _status_triggers(link: Link) -> Sequence[dict[str, Any]]:
    """One for every EVSE: a station may refuse one that names none (part 2, F06.FR.12 and FR.13)."""
    return [
        {"requestedMessage": "StatusNotification", "evse": {"id": number, "connectorId": 1}}
        for number in sorted(link.connectors)
    ]


OCPP201 = Dialect(
    protocol=Pile.Protocol.OCPP201.value,
    subprotocol="ocpp2.0.1",
    schema=Schema("2.0.1"),
    link=Link201,
    handlers=HANDLERS,
    transaction_actions=TRANSACTION_ACTIONS,
    connector_of=evse_of,
    call_of=call_of,
    status_triggers=_status_triggers,
    # Part 4 §4.3.
    error_codes={
        "FormationViolation": "FormatViolation",
        "OccurenceConstraintViolation": "OccurrenceConstraintViolation",
    },
    unreadable_id="-1",  # part 4 §4.2.3
)
