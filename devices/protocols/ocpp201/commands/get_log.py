"""GetLog (N01): diagnostics or the security log. The command's own number is the request's."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status, required, tries, when
from devices.protocols.ocppj.calls import Outcome

ACTION = "GetLog"
KINDS = {"diagnostics": "DiagnosticsLog", "security": "SecurityLog"}


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `url` to upload to, `log` (diagnostics when absent, or security); optionally `oldest`, `latest`,
    `retries`, `retry_interval_s`.
    """
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
