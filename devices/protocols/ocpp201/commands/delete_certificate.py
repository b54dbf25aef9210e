"""DeleteCertificate (M04). `NotFound`: it is not there, as it was wanted."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj import certificates
from devices.protocols.ocppj.answers import by_status
from devices.protocols.ocppj.calls import Outcome

ACTION = "DeleteCertificate"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `hash_algorithm`, `issuer_name_hash`, `issuer_key_hash`, `serial_no`."""
    return {"certificateHashData": certificates.hash_data(command.params)}


def outcome(answer: dict[str, Any]) -> Outcome:
    return by_status(answer, ("Accepted", "NotFound"))
