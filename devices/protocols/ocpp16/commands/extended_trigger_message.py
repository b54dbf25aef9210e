"""ExtendedTriggerMessage (OCPP 1.6 security whitepaper §5.3): messages that only the security extension has."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome

__all__ = ["ACTION", "ONLY_HERE", "build", "outcome"]

ACTION = "ExtendedTriggerMessage"
SIGN = "SignChargePointCertificate"
ONLY_HERE = frozenset({"LogStatusNotification", SIGN})


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `message`. A certificate that is to be renewed is asked for by the request to sign a new one."""
    renewal = command.kind == DeviceCommand.Kind.RENEW_CERTIFICATE
    payload: dict[str, Any] = {"requestedMessage": SIGN if renewal else str(command.params.get("message"))}
    if command.connector_no:
        payload["connectorId"] = command.connector_no
    return payload
