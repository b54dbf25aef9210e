"""TLS of the device listeners: the server's context, and what a connection proves about its peer.

A pile's certificate is asked for but not demanded: what a pile needs is decided with its registration
(`devices.services.identity`). Connections carry the proof as the ASGI TLS extension describes it
(`scope["extensions"]["tls"]`, asgiref specs/tls).
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from devices.proof import Proof

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0
HANDSHAKE_S = 15.0


class TlsNotReady(Exception):
    """The TLS settings cannot be used; the text names the setting and what is wrong."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The platform's own certificate for its device listeners (PEM, with its chain) and the key."""

    cert_file: str
    key_file: str
    key_password: str = ""

    def load_into(self, context: ssl.SSLContext) -> None:
        """Load the pair; `TlsNotReady` says which setting to mend."""
        for setting, path in (("EV_TLS_CERT_FILE", self.cert_file), ("EV_TLS_KEY_FILE", self.key_file)):
            try:
                Path(path).read_bytes()
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise TlsNotReady(f"{setting}={path}: {reason}") from None
        try:
            context.load_cert_chain(self.cert_file, self.key_file, lambda: self.key_password)
        except (ssl.SSLError, ValueError) as error:
            raise TlsNotReady(
                f"EV_TLS_CERT_FILE={self.cert_file} and EV_TLS_KEY_FILE={self.key_file} are no certificate (PEM) "
                f"with its private key (and EV_TLS_KEY_PASSWORD): {getattr(error, 'reason', None) or error}"
            ) from None

    def changed_at(self) -> tuple[float, ...]:
        """Modification times, to notice a renewal."""
        return tuple(Path(path).stat().st_mtime for path in (self.cert_file, self.key_file))


def server_context(files: TlsFiles, *, client_authority_pem: str = "") -> ssl.SSLContext:
    """A context for TLS 1.2 and 1.3 (OCPP security whitepaper §2.5) that asks piles for their certificate.

    Raises:
        TlsNotReady: a file is missing, unreadable, or key and certificate do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    files.load_into(context)
    if client_authority_pem:
        context.load_verify_locations(cadata=client_authority_pem)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


async def follow_renewals(context: ssl.SSLContext, files: TlsFiles) -> None:
    """Load a renewed certificate without a restart; connections that are open keep the old one."""
    loaded = files.changed_at()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            found = files.changed_at()
            if found == loaded:
                continue
            files.load_into(context)
            loaded = found
            logger.info("the renewed TLS certificate is in use")
        except (OSError, TlsNotReady) as error:
            logger.error("the old TLS certificate stays in use: %s", error)


def tls_extension(transport: asyncio.BaseTransport) -> dict[str, Any] | None:
    """The ASGI TLS extension of a connection; None without TLS."""
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return None
    der = tls.getpeercert(binary_form=True)
    return {"client_cert_chain": [ssl.DER_cert_to_PEM_cert(der)] if der else [], "tls_version": tls.version()}


def forwarded_extension(headers: Mapping[bytes, bytes], name: str) -> dict[str, Any] | None:
    """The same from the header of a proxy that ended TLS: the peer's certificate as URL-encoded PEM.

    nginx writes it with `proxy_set_header <name> $ssl_client_escaped_cert`. The caller has made sure that the
    proxy may be believed.
    """
    value = headers.get(name.lower().encode())
    if value is None:
        return None
    pem = unquote_to_bytes(value).decode("ascii", "replace").strip()
    return {"client_cert_chain": [pem] if pem else [], "tls_version": None}


def proof_of(scope: Mapping[str, Any]) -> Proof:
    """What a connection shows of its peer, from its ASGI scope."""
    extension = (scope.get("extensions") or {}).get("tls")
    chain = (extension or {}).get("client_cert_chain") or [""]
    return Proof(tls=extension is not None or scope.get("scheme") in ("wss", "https"), certificate=chain[0])
