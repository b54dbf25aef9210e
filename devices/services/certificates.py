"""Certificates of piles: signed on request, looked up by a TLS listener, renewed and revoked.

A certificate belongs to the pile that asked for it, whatever its subject says; the subject must name that pile
too (OCPP 2.0.1 part 2 A00.FR.405), so that a certificate of one pile never opens the door of another.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from devices import pki
from devices.locks import lock_pile
from devices.models import DeviceCommand, IssuedCertificate
from devices.services.references import pile_by_id
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile
from users import policy
from users.services import edits

Use = IssuedCertificate.Use
RENEW_BEFORE = timedelta(days=30)


def authority() -> pki.Authority:
    """The platform's authority; DomainError `certificate_authority_missing` where none is configured."""
    try:
        return pki.load_authority(
            cert_file=settings.CA_CERT_FILE,
            key_file=settings.CA_KEY_FILE,
            key_password=settings.CA_KEY_PASSWORD,
            folder=settings.EV_DATA_DIR / "pki",
            may_create=not settings.PRODUCTION,
        )
    except pki.AuthorityMissing as missing:
        raise DomainError("certificate_authority_missing", {"reason": str(missing)}) from None


def sign_request(
    *, actor: Actor, pile_id: int, request_pem: str, use: str = Use.STATION
) -> IssuedCertificate:
    """Sign a pile's request (PKCS#10, PEM).

    Raises:
        DomainError: `certificate_request_unreadable`, `certificate_request_weak`, `certificate_request_name`
            when its common name is neither the pile's code nor its serial number (or is another pile's code),
            `certificate_authority_missing`.
    """
    try:
        wanted = pki.read_request(request_pem)
    except pki.BadRequest as bad:
        code = "certificate_request_weak" if bad.code == "weak_key" else "certificate_request_unreadable"
        raise DomainError(code) from None
    issuer, now = authority(), clock.now()
    with transaction.atomic():
        pile = lock_pile(pile_id)
        name = wanted.common_name
        if name not in (pile.code, pile.serial) or _is_code_of_another(name, pile):
            raise DomainError("certificate_request_name", {"name": name[:64], "code": pile.code})
        signed = pki.sign(issuer, wanted, now=now, days=settings.PILE_CERTIFICATE_DAYS)
        certificate = IssuedCertificate.objects.create(
            operator_id=pile.operator_id,
            station_id=pile.station_id,
            pile=pile,
            use=use,
            serial_no=signed.serial_no,
            fingerprint=signed.fingerprint,
            common_name=signed.common_name,
            pem=signed.pem,
            not_before=signed.not_before,
            not_after=signed.not_after,
            issued_at=now,
        )
        audit.record(
            actor=actor,
            action="devices.sign_certificate",
            target=pile,
            after={
                "fingerprint": signed.fingerprint,
                "use": use,
                "valid_until": edits.plain(signed.not_after),
            },
        )
    return certificate


def chain_of(certificate: IssuedCertificate) -> str:
    """The certificate and its authority's, as CertificateSigned carries them."""
    return certificate.pem + authority().pem


def find_by_fingerprint(fingerprint: str) -> IssuedCertificate | None:
    """The certificate with this SHA-256 fingerprint (hexadecimal, colons and case do not matter)."""
    plain = fingerprint.replace(":", "").strip().lower()
    rows = IssuedCertificate.objects.unscoped("a pile shows its own certificate")
    return rows.select_related("pile").filter(fingerprint=plain).first()


def verify(certificate: bytes | str, *, pile_code: str | None = None) -> IssuedCertificate:
    """The certificate that a peer showed (DER bytes or PEM text), when it may be trusted now.

    Args:
        pile_code: the identity that the peer claims; a certificate of any other pile is refused.

    Raises:
        DomainError: `certificate_unknown`, `certificate_revoked`, `certificate_expired`,
            `certificate_of_another_pile`.
    """
    try:
        shown = pki.parse_certificate(certificate)
    except ValueError:
        raise DomainError("certificate_unknown") from None
    found = find_by_fingerprint(pki.describe(shown).fingerprint)
    if found is None or not pki.is_signed_by(shown, authority()):
        raise DomainError("certificate_unknown")
    if found.revoked_at is not None:
        raise DomainError("certificate_revoked")
    if not found.not_before <= clock.now() <= found.not_after:
        raise DomainError("certificate_expired")
    if pile_code is not None and found.pile.code != pile_code:
        raise DomainError("certificate_of_another_pile", {"code": pile_code})
    return found


def mark_installed(*, certificate_id: int, at: datetime) -> None:
    """The pile took its certificate."""
    rows = IssuedCertificate.objects.unscoped("the pile's own answer").filter(pk=certificate_id)
    rows.filter(installed_at__isnull=True).update(installed_at=at)


def revoke(*, actor: Actor, certificate: IssuedCertificate, reason: str) -> IssuedCertificate:
    """Trust a certificate no longer, from now on; again changes nothing.

    DomainError `permission_denied`, `not_found`, `reason_required`.
    """
    policy.require(actor, "devices.change_issuedcertificate")
    edits.in_scope(actor, certificate)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        pile = lock_pile(certificate.pile_id)
        row = IssuedCertificate.objects.unscoped("its pile is locked").get(pk=certificate.pk)
        if row.revoked_at is None:
            row.revoked_at, row.revoke_reason = clock.now(), reason[:200]
            row.save(update_fields=["revoked_at", "revoke_reason"])
            audit.record(
                actor=actor,
                action="devices.revoke_certificate",
                target=pile,
                reason=reason,
                before={"revoked": False},
                after={"revoked": True, "fingerprint": row.fingerprint},
            )
    return row


def status_answer(
    *, algorithm: str, issuer_name_hash: str, issuer_key_hash: str, serial_no: str
) -> bytes | None:
    """A signed OCSP response (DER) about a certificate of ours; None about any other."""
    issuer = authority()
    try:
        ours = pki.issuer_hashes(issuer, algorithm)
    except AttributeError:
        return None
    if (issuer_name_hash.lower(), issuer_key_hash.lower()) != ours:
        return None
    rows = IssuedCertificate.objects.unscoped("the status of a certificate is public")
    row = rows.filter(serial_no=serial_no.lower().lstrip("0")).first()
    if row is None:
        return None
    return pki.ocsp_answer(issuer, certificate_pem=row.pem, revoked_at=row.revoked_at, now=clock.now())


def renew_due(*, actor: Actor) -> int:
    """Ask piles whose certificate ends within `RENEW_BEFORE` to send a new request; returns how many were asked.

    A pile that is offline, or has not answered the last time, is asked by a later run.
    """
    from devices.protocols.capabilities import supports
    from devices.services.commands import send_command

    now, asked = clock.now(), 0
    rows = IssuedCertificate.objects.unscoped("sweep").filter(
        revoked_at__isnull=True, not_after__gt=now, not_after__lte=now + RENEW_BEFORE, pile__online=True
    )
    kind = DeviceCommand.Kind.RENEW_CERTIFICATE
    for row in rows.order_by("not_after")[:200]:
        pile = pile_by_id(row.pile_id)
        newer = IssuedCertificate.objects.unscoped("sweep").filter(
            pile=pile, use=row.use, pk__gt=row.pk, revoked_at__isnull=True
        )
        lately = DeviceCommand.objects.unscoped("sweep").filter(
            pile=pile, kind=kind, created_at__gt=now - timedelta(days=1)
        )
        if newer.exists() or lately.exists() or not supports(pile.protocol, kind):
            continue
        try:
            send_command(actor=actor, pile=pile, kind=kind, params={"use": row.use})
        except DomainError:
            continue
        asked += 1
    return asked


def _is_code_of_another(name: str, pile: Pile) -> bool:
    rows = Pile.objects.unscoped("a code is unique over all operators")
    return rows.filter(code=name).exclude(pk=pile.pk).exists()
