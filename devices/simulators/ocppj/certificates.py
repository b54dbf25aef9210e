"""The certificates of a simulated OCPP pile: its own, and those of the authorities it trusts."""

from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPRequestBuilder


@dataclass(slots=True)
class Certificates:
    """`own` maps a use to the chain that the platform sent; `trusted` keeps (use, certificate, its hashes)."""

    common_name: str
    own: dict[str, str] = field(default_factory=dict)
    trusted: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    def request(self, use: str) -> str:
        """A PEM signing request with a new key."""
        key = self._keys[use] = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self.common_name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        return request.public_bytes(Encoding.PEM).decode()

    def take(self, use: str, chain: str) -> bool:
        """Keep the certificate that was asked for; False for one that has another key."""
        try:
            leaf = x509.load_pem_x509_certificates(chain.encode())[0]
        except ValueError:
            return False
        key = self._keys.get(use)
        if key is None or leaf.public_key() != key.public_key():
            return False
        self.own[use] = chain
        return True

    def install(self, use: str, pem: str) -> bool:
        """Trust an authority; False for text that is no certificate."""
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
        except ValueError:
            return False
        self.trusted.append((use, _hashes_of(certificate)))
        return True

    def delete(self, wanted: dict[str, Any]) -> bool:
        """Trust an authority no longer; False for one that is not here."""
        serial = str(wanted.get("serial_number", "")).lower()
        kept = [one for one in self.trusted if one[1]["serial_number"] != serial]
        found = len(kept) < len(self.trusted)
        self.trusted = kept
        return found


def _hashes_of(certificate: x509.Certificate) -> dict[str, str]:
    said = OCSPRequestBuilder().add_certificate(certificate, certificate, hashes.SHA256()).build()
    return {
        "hash_algorithm": "SHA256",
        "issuer_name_hash": said.issuer_name_hash.hex(),
        "issuer_key_hash": said.issuer_key_hash.hex(),
        "serial_number": f"{certificate.serial_number:x}",
    }
