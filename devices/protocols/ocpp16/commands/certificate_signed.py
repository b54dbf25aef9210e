"""CertificateSigned (OCPP 1.6 security whitepaper §4.1): the station's new certificate with its authority's."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required

__all__ = ["ACTION", "build", "outcome"]

ACTION = "CertificateSigned"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `chain`, PEM."""
    return {"certificateChain": required(command.params, "chain")}
