"""Keys of the sandbox and of the merchant it invents, made at first start and kept in the data folder."""

import base64
import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from billing.payments.merchants import SANDBOX_FILE

KEYS_FILE = "keys.json"


def new_key() -> str:
    """A 2048-bit RSA private key as PKCS#8 PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@lru_cache(maxsize=64)
def _private(private_pem: str) -> rsa.RSAPrivateKey:
    """Loading checks the key, which takes longer than signing with it."""
    return serialization.load_pem_private_key(private_pem.encode(), None)


@lru_cache(maxsize=64)
def public_of(private_pem: str) -> str:
    """The public half as PEM."""
    return (
        _private(private_pem)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def sign(private_pem: str, message: str) -> str:
    """RSA PKCS#1 v1.5 with SHA-256, base64: the signature of both services."""
    key = _private(private_pem)
    return base64.b64encode(key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def verifies(public_pem: str, message: str, signature: str) -> bool:
    """Whether the signature is the key's over the message."""
    key = serialization.load_pem_public_key(public_pem.encode())
    try:
        key.verify(
            base64.b64decode(signature, validate=True), message.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass
class Keys:
    """Everything both sides sign with. Private halves of the merchant are used by the platform only."""

    mchid: str = field(default_factory=lambda: f"19{secrets.randbelow(10**8):08d}")
    appid: str = field(default_factory=lambda: f"wx{secrets.token_hex(8)}")
    app_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    sms_key_id: str = field(default_factory=lambda: f"LTAI{secrets.token_hex(10)}")
    sms_key_secret: str = field(default_factory=lambda: secrets.token_hex(15))
    sms_sign_name: str = "演示充电"
    cert_serial: str = field(default_factory=lambda: secrets.token_hex(20).upper())
    apiv3_key: str = field(default_factory=lambda: secrets.token_hex(16))
    merchant_key: str = field(default_factory=new_key)
    wechat_key: str = field(default_factory=new_key)
    wechat_certificate: str = ""
    public_key_id: str = field(default_factory=lambda: f"PUB_KEY_ID_0{secrets.randbelow(10**24):024d}")
    app_id: str = field(default_factory=lambda: f"2021{secrets.randbelow(10**12):012d}")
    seller_id: str = field(default_factory=lambda: f"2088{secrets.randbelow(10**12):012d}")
    app_key: str = field(default_factory=new_key)
    alipay_key: str = field(default_factory=new_key)
    invoice_key: str = field(default_factory=lambda: secrets.token_hex(32))

    service_id: str = field(default_factory=lambda: f"{secrets.randbelow(10**31):031d}5")
    app_certificate: str = ""
    alipay_certificate: str = ""
    root_certificate: str = ""

    def __post_init__(self) -> None:
        if not self.wechat_certificate:
            self.wechat_certificate = certificate_of(self.wechat_key)
        if not self.app_certificate:
            self.app_certificate = certificate_of(self.app_key)
            self.alipay_certificate = certificate_of(self.alipay_key)
            self.root_certificate = certificate_of(self.alipay_key)

    @property
    def app_certificate_number(self) -> str:
        return _certificate_number(self.app_certificate)

    @property
    def root_certificate_number(self) -> str:
        return _certificate_number(self.root_certificate)

    @property
    def certificate_serial(self) -> str:
        certificate = x509.load_pem_x509_certificate(self.wechat_certificate.encode())
        return f"{certificate.serial_number:X}"

    def rotate(self) -> None:
        """WeChat Pay changes its key: another certificate, another public key."""
        self.wechat_key = new_key()
        self.wechat_certificate = certificate_of(self.wechat_key)
        self.public_key_id = f"PUB_KEY_ID_0{secrets.randbelow(10**24):024d}"

    def merchant(self) -> dict[str, dict[str, Any]]:
        """What the platform needs to be this merchant, as `billing.payments.channels` reads it."""
        return {
            "wechat": {
                "mchid": self.mchid,
                "appid": self.appid,
                "cert_serial": self.cert_serial,
                "private_key": self.merchant_key,
                "apiv3_key": self.apiv3_key,
                "service_id": self.service_id,
                "public_key_id": self.public_key_id,
                "public_key": public_of(self.wechat_key),
            },
            "alipay": {
                "app_id": self.app_id,
                "seller_id": self.seller_id,
                "private_key": self.app_key,
                "public_key": public_of(self.alipay_key),
                "app_certificate": self.app_certificate,
                "alipay_certificate": self.alipay_certificate,
                "root_certificate": self.root_certificate,
            },
            "login": {
                "wechat": {"app_id": self.appid, "secret": self.app_secret},
                "alipay": {
                    "app_id": self.app_id,
                    "private_key": self.app_key,
                    "public_key": public_of(self.alipay_key),
                },
            },
            "invoice": {"app": self.mchid, "key": self.invoice_key},
        }


def load_or_create(folder: Path) -> Keys:
    """The keys of this folder; made, and told to the platform, at first use."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / KEYS_FILE
    keys = Keys(**json.loads(path.read_text())) if path.exists() else Keys()
    _write_private(path, asdict(keys))
    _write_private(folder / SANDBOX_FILE, keys.merchant())
    return keys


def certificate_of(private_pem: str) -> str:
    """A self-signed certificate, as the platform certificate endpoint hands out."""
    key = serialization.load_pem_private_key(private_pem.encode(), None)
    name = x509.Name(
        x509.NameAttribute(kind, value)
        for kind, value in (
            (NameOID.COMMON_NAME, "Payment sandbox"),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, "Sandbox"),
            (NameOID.ORGANIZATION_NAME, "Sandbox"),
            (NameOID.COUNTRY_NAME, "CN"),
        )
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1825))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _certificate_number(pem: str) -> str:
    """Alipay's number of a certificate: MD5 of the issuer's name and the serial."""
    certificate = x509.load_pem_x509_certificate(pem.encode())

    def part(kind: x509.ObjectIdentifier) -> str:
        return certificate.issuer.get_attributes_for_oid(kind)[0].value

    name = (
        f"CN={part(NameOID.COMMON_NAME)},OU={part(NameOID.ORGANIZATIONAL_UNIT_NAME)},"
        f"O={part(NameOID.ORGANIZATION_NAME)},C={part(NameOID.COUNTRY_NAME)}"
    )
    return hashlib.md5(f"{name}{certificate.serial_number}".encode()).hexdigest()


def _write_private(path: Path, content: Any) -> None:
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    temporary.replace(path)
