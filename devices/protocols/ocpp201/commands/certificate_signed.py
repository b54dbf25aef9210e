"""CertificateSigned (A02, A03): the station's new certificate with its authority's."""

from typing import Any

from devices.models import DeviceCommand, IssuedCertificate
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required

__all__ = ["ACTION", "USES", "build", "outcome"]

ACTION = "CertificateSigned"
USES = {
    IssuedCertificate.Use.STATION.value: "ChargingStationCertificate",
    IssuedCertificate.Use.VEHICLE.value: "V2GCertificate",
}


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `chain`, PEM, and `use`: station (when absent) or vehicle."""
    use = str(command.params.get("use") or IssuedCertificate.Use.STATION)
    if use not in USES:
        raise ValueError(f"use is not one of {', '.join(USES)}")
    return {"certificateChain": required(command.params, "chain"), "certificateType": USES[use]}
