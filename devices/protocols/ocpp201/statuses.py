"""States of EVSEs out of what OCPP 2.0.1 tells apart: plugs (StatusNotification) and charging (TransactionEvent).

Sources: OCPP 2.0.1 part 2, ConnectorStatusEnumType and ChargingStateEnumType.
"""

from collections.abc import Collection

from stations.models import Connector

_S = Connector.State

# Of several plugs of one EVSE the first word of this list speaks for it: one car is served at a time.
_PLUG_WORDS = ("Occupied", "Reserved", "Available", "Faulted", "Unavailable")

# Status -> (state, plugged or None when it says nothing of the plug).
_STATES: dict[str, tuple[str, bool | None]] = {
    "Available": (_S.IDLE, False),
    "Occupied": (_S.OCCUPIED, True),
    "Reserved": (_S.RESERVED, None),
    "Unavailable": (_S.OFFLINE, None),
    "Faulted": (_S.FAULT, None),
}

# A suspended session is still running.
CHARGING_STATES = frozenset({"Charging", "SuspendedEV", "SuspendedEVSE"})


def known_status(status: str) -> bool:
    return status in _STATES


def state_of_plugs(statuses: Collection[str]) -> tuple[str, bool | None] | None:
    """(connector state, plugged) of an EVSE by the statuses of its plugs; None when none is known."""
    word = next((word for word in _PLUG_WORDS if word in statuses), None)
    return None if word is None else _STATES[word]


def is_charging(charging_state: str) -> bool:
    return charging_state in CHARGING_STATES
