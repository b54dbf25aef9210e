"""TriggerMessage (F06): ask for a message now."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome

__all__ = ["ACTION", "build", "outcome"]

ACTION = "TriggerMessage"
RENEWALS = {"station": "SignChargingStationCertificate", "vehicle": "SignV2GCertificate"}


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `message`, a MessageTriggerEnumType, meter values when absent. Connector 0 is the whole station.

    A certificate that is to be renewed is asked for by the request to sign a new one.
    """
    if command.kind == DeviceCommand.Kind.RENEW_CERTIFICATE:
        message = RENEWALS.get(str(command.params.get("use")), RENEWALS["station"])
    else:
        message = str(command.params.get("message") or "MeterValues")
    payload: dict[str, Any] = {"requestedMessage": message}
    if command.connector_no:
        payload["evse"] = {"id": command.connector_no}
        if message == "StatusNotification":
            payload["evse"]["connectorId"] = 1
    return payload
