"""UpdateFirmware (L01, L02): signed where a signature is given. The command's own number is the request's."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.answers import by_status, required, tries, when
from devices.protocols.ocppj.calls import Outcome
from kernel import clock

ACTION = "UpdateFirmware"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `url`; optionally `retrieve_at` (now when absent), `install_at`, `signature` (Base64),
    `signing_certificate` (PEM), `retries`, `retry_interval_s`.
    """
    params = command.params
    firmware = {
        "location": required(params, "url"),
        "retrieveDateTime": when(params, "retrieve_at") or read.shown(clock.now()),
    }
    install_at = when(params, "install_at")
    if install_at is not None:
        firmware["installDateTime"] = install_at
    for name, field in (("signature", "signature"), ("signing_certificate", "signingCertificate")):
        if params.get(name):
            firmware[field] = str(params[name])
    return {"requestId": command.pk, "firmware": firmware, **tries(params)}


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "AcceptedCanceled"))
