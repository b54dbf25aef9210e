"""Certificates inside stations, as both versions name them: by hashes of their issuer and a serial number."""

from collections.abc import Iterable, Mapping
from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.answers import required
from devices.protocols.ocppj.calls import Outcome

ALGORITHMS = ("SHA256", "SHA384", "SHA512")
LARGEST = 5500
_FIELDS = ("hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber")


def hash_data(params: Mapping[str, Any]) -> dict[str, str]:
    """CertificateHashData from `hash_algorithm`, `issuer_name_hash`, `issuer_key_hash` and `serial_no`."""
    algorithm = str(params.get("hash_algorithm") or "SHA256")
    if algorithm not in ALGORITHMS:
        raise ValueError(f"hash_algorithm is not one of {', '.join(ALGORITHMS)}")
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": required(params, "issuer_name_hash"),
        "issuerKeyHash": required(params, "issuer_key_hash"),
        "serialNumber": required(params, "serial_no"),
    }


def pem(params: Mapping[str, Any], largest: int = LARGEST) -> str:
    """The certificate to install, PEM."""
    text = required(params, "certificate")
    if "-----BEGIN CERTIFICATE-----" not in text or len(text) > largest:
        raise ValueError(f"certificate is no PEM text of at most {largest} characters")
    return text


def listed(answer: dict[str, Any], found: Iterable[tuple[str, Any]]) -> Outcome:
    """The end of LIST_CERTIFICATES: what the station holds. `NotFound` is an answer too: it holds none.

    Args:
        found: (use, CertificateHashData) pairs.
    """
    status = read.text(answer, "status")
    if status not in ("Accepted", "NotFound"):
        return Outcome(DeviceCommand.State.REJECTED, status or "unreadable answer", answer)
    certificates = []
    for use, one in found:
        if not isinstance(one, Mapping):
            continue
        data = {name: read.text(one, name, 128) for name in _FIELDS}
        key = f"{data['issuerKeyHash'][:64]}:{data['serialNumber']}"
        certificates.append({"key": key, "data": {**data, "use": use}})
    return Outcome(DeviceCommand.State.ACCEPTED, "", answer, {"certificates": certificates})
