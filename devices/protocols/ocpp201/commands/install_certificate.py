"""InstallCertificate (M05): an authority that the station shall trust."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj import certificates
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.profiles import choice

__all__ = ["ACTION", "USES", "build", "outcome"]

ACTION = "InstallCertificate"
USES = {
    "platform": "CSMSRootCertificate",
    "manufacturer": "ManufacturerRootCertificate",
    "v2g": "V2GRootCertificate",
    "mobility": "MORootCertificate",
}


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `certificate` (PEM) and `use`: platform (when absent), manufacturer, v2g or mobility."""
    return {
        "certificateType": choice(command.params, "use", USES) or USES["platform"],
        "certificate": certificates.pem(command.params),
    }
