"""GetInstalledCertificateIds (OCPP 1.6 security whitepaper §4.2)."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocpp16.commands.install_certificate import USES
from devices.protocols.ocppj import certificates
from devices.protocols.ocppj.calls import Outcome
from devices.protocols.ocppj.profiles import choice

ACTION = "GetInstalledCertificateIds"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `use`: platform (when absent) or manufacturer."""
    return {"certificateType": choice(command.params, "use", USES) or USES["platform"]}


def outcome(answer: dict[str, Any]) -> Outcome:
    found = answer.get("certificateHashData")
    return certificates.listed(answer, [("", one) for one in found] if isinstance(found, list) else [])
