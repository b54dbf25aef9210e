"""The platform's own certificate authority: its key, signing requests of piles, answers about certificates.

X.509 only, no database. The key comes from files that the operator keeps (`EV_CA_CERT_FILE`, `EV_CA_KEY_FILE`);
outside production a development authority is made in the data folder on first use. Sources: OCPP 2.0.1 part 2
A01 to A03 and the OCPP 1.6 security whitepaper §4 (keys), RFC 5280 (certificates), RFC 6960 (OCSP).
"""

import contextlib
import hashlib
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LONGEST_REQUEST = 5500  # characters; OCPP 1.6 security whitepaper, SignCertificate.req
LEAST_RSA_BITS, LEAST_EC_BITS = 2048, 224
CLOCK_SLACK = timedelta(minutes=5)  # a pile's clock may be this much behind ours
DEVELOPMENT_YEARS = 10


class AuthorityMissing(Exception):
    """There is no key to sign with."""


class BadRequest(Exception):
    """A signing request that cannot be used; `code` is `unreadable`, `signature` or `weak_key`."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA certificate with its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        return _pem(self.certificate)


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """A request whose own signature holds, and the common name it asks for."""

    request: x509.CertificateSigningRequest
    common_name: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate as it is stored; `fingerprint` is the SHA-256 of its DER form in hexadecimal."""

    pem: str
    serial_no: str
    fingerprint: str
    common_name: str
    not_before: datetime
    not_after: datetime


def load_authority(
    *, cert_file: str, key_file: str, key_password: str, folder: Path, may_create: bool
) -> Authority:
    """The authority of the configured files, or the development authority in `folder`.

    Raises:
        AuthorityMissing: nothing is configured and none may be created, or the files do not fit.
    """
    if cert_file or key_file:
        return _read(Path(cert_file), Path(key_file), key_password)
    if not may_create:
        raise AuthorityMissing("EV_CA_CERT_FILE and EV_CA_KEY_FILE are not set")
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if not certificate.exists():
        _create(folder)
    return _read(certificate, key, "")


@lru_cache(maxsize=8)
def _read(cert_path: Path, key_path: Path, password: str) -> Authority:
    try:
        certificate = x509.load_pem_x509_certificate(cert_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), password.encode() or None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AuthorityMissing(f"the authority's files cannot be read: {error}") from None
    if _public_bytes(certificate.public_key()) != _public_bytes(key.public_key()):
        raise AuthorityMissing("the authority's key does not belong to its certificate")
    return Authority(certificate, key)


def _create(folder: Path) -> None:
    """Make the development authority once, whoever comes first of several processes."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Development CA of the platform")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now + timedelta(days=365 * DEVELOPMENT_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    made = Path(tempfile.mkdtemp(prefix=".pki-", dir=folder.parent))  # readable by the owner alone
    (made / "ca.pem").write_text(_pem(certificate))
    (made / "ca.key").touch(mode=0o600)
    (made / "ca.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    try:
        made.rename(folder)
    except OSError:
        # Another process was faster: its authority stands.
        with contextlib.suppress(OSError):
            for path in made.iterdir():
                path.unlink()
            made.rmdir()


def read_request(pem: str) -> SigningRequest:
    """A signing request (PKCS#10, PEM) that is sound; `BadRequest` says what is wrong."""
    if len(pem) > LONGEST_REQUEST:
        raise BadRequest("unreadable")
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        key = request.public_key()
        if not request.is_signature_valid:
            raise BadRequest("signature")
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
        raise BadRequest("unreadable") from None
    if len(names) != 1:
        raise BadRequest("unreadable")
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= LEAST_EC_BITS
    )
    if not strong:
        raise BadRequest("weak_key")
    return SigningRequest(request, str(names[0].value).strip())


def sign(authority: Authority, wanted: SigningRequest, *, now: datetime, days: int) -> Signed:
    """A client and server certificate over the request's key; of its subject only the common name is taken."""
    not_after = min(now + timedelta(days=days), authority.certificate.not_valid_after_utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted.common_name)]))
        .issuer_name(authority.certificate.subject)
        .public_key(wanted.request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    return describe(certificate)


def describe(certificate: x509.Certificate) -> Signed:
    """A certificate in the form it is stored."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Signed(
        pem=_pem(certificate),
        serial_no=f"{certificate.serial_number:x}",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        common_name=str(names[0].value) if names else "",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def parse_certificate(data: bytes | str) -> x509.Certificate:
    """A certificate from PEM text or DER bytes; ValueError for anything else."""
    try:
        if isinstance(data, str):
            return x509.load_pem_x509_certificate(data.encode())
        return x509.load_der_x509_certificate(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"not a certificate: {error}") from None


def is_signed_by(certificate: x509.Certificate, authority: Authority) -> bool:
    """Whether this authority's key made the certificate's signature."""
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def issuer_hashes(authority: Authority, algorithm: str) -> tuple[str, str]:
    """(issuerNameHash, issuerKeyHash) as OCPP names a certificate; `algorithm` SHA256, SHA384 or SHA512."""
    digest = getattr(hashlib, algorithm.lower())
    # The hash is over the key's bits alone, without the algorithm around them (RFC 6960 §4.1.1).
    raw = _key_bits(authority.certificate.public_key())
    name = authority.certificate.subject.public_bytes()
    return digest(name).hexdigest(), digest(raw).hexdigest()


def ocsp_answer(
    authority: Authority,
    *,
    certificate_pem: str,
    revoked_at: datetime | None,
    now: datetime,
    valid: timedelta = timedelta(days=1),
) -> bytes:
    """A signed OCSP response (DER) about a certificate of this authority."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=parse_certificate(certificate_pem),
        issuer=authority.certificate,
        algorithm=hashes.SHA256(),
        cert_status=ocsp.OCSPCertStatus.GOOD if revoked_at is None else ocsp.OCSPCertStatus.REVOKED,
        this_update=now,
        next_update=now + valid,
        revocation_time=revoked_at,
        revocation_reason=None,
    )
    response = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, authority.certificate).sign(
        authority.key, hashes.SHA256()
    )
    return response.public_bytes(serialization.Encoding.DER)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not ca,
        data_encipherment=False,
        key_agreement=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _public_bytes(key: Any) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _key_bits(key: Any) -> bytes:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
