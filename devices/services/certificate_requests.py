"""A pile asks for a certificate: sign it and send it, or keep why not."""

from datetime import datetime

from django.db import transaction

from devices import events
from devices.models import DeviceCommand, PileNotice
from devices.services import certificates, notices
from devices.services.commands import send_command
from devices.services.references import pile_by_id
from kernel.actor import system
from kernel.errors import DomainError

SEND_WITHIN_S = 120


def take(*, pile: events.PileRef, request_pem: str, use: str, at: datetime) -> bool:
    """Sign a request and queue the certificate for the pile; False when it is refused, with a notice why."""
    actor = system(f"pile:{pile.code}")
    try:
        with transaction.atomic():
            certificate = certificates.sign_request(
                actor=actor, pile_id=pile.id, request_pem=request_pem, use=use
            )
            send_command(
                actor=actor,
                pile=pile_by_id(pile.id),
                kind=DeviceCommand.Kind.SEND_CERTIFICATE,
                params={
                    "chain": certificates.chain_of(certificate),
                    "use": use,
                    "certificate_id": certificate.pk,
                },
                reference=certificate.fingerprint,
                timeout_s=SEND_WITHIN_S,
            )
    except DomainError as refusal:
        notices.keep(
            pile=pile,
            kind=PileNotice.Kind.CERTIFICATE,
            code=refusal.code,
            at=at,
            data={"use": use, **refusal.params},
        )
        return False
    return True
