"""GetLog (OCPP 1.6 security whitepaper §5.2): the security log, or diagnostics with a request number."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status, required, tries, when
from devices.protocols.ocppj.calls import Outcome

ACTION = "GetLog"
KINDS = {"diagnostics": "DiagnosticsLog", "security": "SecurityLog"}


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: as GetDiagnostics, and `log`: diagnostics or security. The command's own number is the request's."""
    params = command.params
    kind = str(params.get("log") or "diagnostics")
    if kind not in KINDS:
        raise ValueError(f"log is not one of {', '.join(KINDS)}")
    log = {"remoteLocation": required(params, "url")}
    for name, field in (("oldest", "oldestTimestamp"), ("latest", "latestTimestamp")):
        at = when(params, name)
        if at is not None:
            log[field] = at
    return {"logType": KINDS[kind], "requestId": command.pk, "log": log, **tries(params)}


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "AcceptedCanceled"))
