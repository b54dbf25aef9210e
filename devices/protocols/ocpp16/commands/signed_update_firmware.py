"""SignedUpdateFirmware (OCPP 1.6 security whitepaper §5.1): the station checks who made the firmware."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.answers import by_status, required, tries, when
from devices.protocols.ocppj.calls import Outcome
from kernel import clock

ACTION = "SignedUpdateFirmware"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: as UpdateFirmware, `signature` (Base64), `signing_certificate` (PEM), optionally `install_at`.

    The command's own number is the request's.
    """
    params = command.params
    firmware = {
        "location": required(params, "url"),
        "retrieveDateTime": when(params, "retrieve_at") or read.shown(clock.now()),
        "signingCertificate": required(params, "signing_certificate"),
        "signature": required(params, "signature"),
    }
    install_at = when(params, "install_at")
    if install_at is not None:
        firmware["installDateTime"] = install_at
    return {"requestId": command.pk, "firmware": firmware, **tries(params)}


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "AcceptedCanceled"))
