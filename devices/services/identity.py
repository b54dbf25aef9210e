"""Whether a connection proves enough for the pile it claims to be: OCPP security profiles, and the same over TCP.

Profile 1 is a password, 2 adds TLS, 3 is TLS with the pile's own certificate (OCPP 1.6 security whitepaper ed. 3
§2.3; OCPP 2.0.1 part 2 A00). Protocols over raw TCP know no password: there 1 is the code alone. A pile may always
prove more than it has to, and a certificate that is shown must be its own, whatever it has to show.
"""

from django.conf import settings

from devices.models import IssuedCertificate
from devices.proof import Proof
from devices.services import certificates
from kernel.errors import DomainError
from stations.models import Pile

Profile = Pile.SecurityProfile


def required_profile(pile: Pile) -> int:
    """The least profile of this pile; production takes no connection without any proof."""
    return max(pile.security_profile, Profile.PASSWORD) if settings.PRODUCTION else pile.security_profile


def what_is_missing(pile: Pile, proof: Proof) -> str:
    """Why this connection is not enough for the pile's profile, as a refusal reason; empty when it is.

    A password is not looked at here. It costs no query unless a certificate is shown.
    """
    if proof.certificate:
        try:
            found = certificates.verify(proof.certificate, pile_code=pile.code)
        except DomainError as refused:
            return refused.code
        return "" if found.use == IssuedCertificate.Use.STATION else "certificate_unknown"
    profile = required_profile(pile)
    if profile >= Profile.TLS and not proof.tls:
        return "tls_required"
    return "certificate_required" if profile >= Profile.CERTIFICATE else ""
