"""What one OCPP version has of its own, as the consumer needs it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.calls import OutgoingCall
from devices.protocols.ocppj.link import Incoming, Link
from devices.protocols.ocppj.schema import Schema

Handler = Callable[[Any, Incoming], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One version of OCPP.

    Attributes:
        protocol: the value of `Pile.Protocol`.
        subprotocol: the name of the WebSocket subprotocol.
        handlers: action -> what answers it. A handler takes the link and the incoming call, and returns the
            payload of the answer. It never waits for the station: a call inside a handler would wait for an
            answer that cannot arrive.
        transaction_actions: losing one of these loses somebody's energy; the station keeps them until they are
            answered.
        connector_of: the connector a payload speaks of, for the frame log.
        call_of: the call that carries out a command; ValueError when it lacks a parameter that OCPP needs.
        status_triggers: payloads of TriggerMessage that ask for the connectors' states.
        error_codes: how this version spells a CALLERROR code of OCPP 1.6, where it differs.
        unreadable_id: the message id of a CALLERROR to a call whose own id cannot be read; empty for no answer.
    """

    protocol: str
    subprotocol: str
    schema: Schema
    link: type[Link]
    handlers: Mapping[str, Handler]
    transaction_actions: frozenset[str]
    connector_of: Callable[[Mapping[str, Any]], int | None]
    call_of: Callable[[DeviceCommand], OutgoingCall]
    status_triggers: Callable[[Link], Sequence[dict[str, Any]]]
    error_codes: Mapping[str, str] = field(default_factory=dict)
    unreadable_id: str = ""

    def error_code(self, code: str) -> str:
        return self.error_codes.get(code, code)
