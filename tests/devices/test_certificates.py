"""The platform's own authority: who gets a certificate, who is believed, who no longer."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID
from django.utils import timezone

from devices import pki
from devices.models import DeviceCommand, IssuedCertificate
from devices.services import certificates
from kernel import clock
from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from stations.models import Pile
from tests import factories as f

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
ACTOR = system("tests")


def csr(name, key=None, *, extra=()):
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name), *extra])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(autouse=True)
def pki_folder(settings, tmp_path):
    settings.EV_DATA_DIR = tmp_path
    return tmp_path / "pki"


@pytest.fixture
def pile():
    site = f.make_site(protocol="ocpp16")
    Pile.objects.filter(pk=site.pile.pk).update(serial="SN-77")
    site.pile.refresh_from_db()
    return site.pile


def sign(pile, name, **options):
    return certificates.sign_request(actor=ACTOR, pile_id=pile.pk, request_pem=csr(name), **options)


def code_of(call, *args, **kwargs):
    with pytest.raises(DomainError) as refusal:
        call(*args, **kwargs)
    assert refusal.value.message and "%" not in refusal.value.message
    return refusal.value.code


def test_a_request_is_signed_found_and_verified(pile, pki_folder):
    certificate = sign(pile, pile.code)
    shown = x509.load_pem_x509_certificate(certificate.pem.encode())
    assert shown.fingerprint(hashes.SHA256()).hex() == certificate.fingerprint
    assert stat.S_IMODE((pki_folder / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(pki_folder.stat().st_mode) == 0o700
    colons = ":".join(certificate.fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
    assert certificates.find_by_fingerprint(colons) == certificate
    der = shown.public_bytes(serialization.Encoding.DER)
    assert certificates.verify(der, pile_code=pile.code) == certificate
    assert certificates.verify(certificate.pem) == certificate
    assert sign(pile, "SN-77").common_name == "SN-77"
    assert AuditEvent.objects.filter(action="devices.sign_certificate").count() == 2
    assert certificates.chain_of(certificate).count("BEGIN CERTIFICATE") == 2


def test_lesson_33_a_certificate_of_one_pile_never_opens_the_door_of_another(pile):
    other = f.add_pile(pile.station, protocol="ocpp16")
    certificate = sign(pile, pile.code)
    assert (
        code_of(certificates.verify, certificate.pem, pile_code=other.code) == "certificate_of_another_pile"
    )
    assert code_of(sign, pile, other.code) == "certificate_request_name"
    # A pile that says another's code is its serial number gets nothing by it.
    Pile.objects.filter(pk=pile.pk).update(serial=other.code)
    assert code_of(sign, pile, other.code) == "certificate_request_name"
    assert code_of(sign, pile, "somebody") == "certificate_request_name"
    assert IssuedCertificate.objects.count() == 1


def test_what_cannot_be_signed_is_named(pile, settings):
    def ask(pem):
        return code_of(certificates.sign_request, actor=ACTOR, pile_id=pile.pk, request_pem=pem)

    weak = csr(pile.code, rsa.generate_private_key(65537, 1024))
    good = csr(pile.code)
    assert ask(weak) == "certificate_request_weak"
    assert ask("-----BEGIN") == ask("") == ask("x" * 9000) == "certificate_request_unreadable"
    twice = csr(pile.code, extra=[x509.NameAttribute(NameOID.COMMON_NAME, "b")])
    assert ask(twice) == "certificate_request_unreadable"
    settings.PRODUCTION = True
    settings.CA_CERT_FILE = ""
    assert ask(good) == "certificate_authority_missing"
    settings.CA_CERT_FILE, settings.CA_KEY_FILE = "/nowhere/ca.pem", "/nowhere/ca.key"
    assert ask(good) == "certificate_authority_missing"
    assert not IssuedCertificate.objects.exists()


def test_the_configured_authority_signs_and_its_key_must_fit(pile, settings, tmp_path):
    settings.PRODUCTION = True
    for name in ("a", "b"):
        pki.load_authority(
            cert_file="", key_file="", key_password="", folder=tmp_path / name, may_create=True
        )
    settings.CA_CERT_FILE, settings.CA_KEY_FILE = str(tmp_path / "a/ca.pem"), str(tmp_path / "a/ca.key")
    certificate = sign(pile, pile.code)
    settings.CA_CERT_FILE, settings.CA_KEY_FILE = str(tmp_path / "b/ca.pem"), str(tmp_path / "b/ca.key")
    assert code_of(certificates.verify, certificate.pem) == "certificate_unknown"
    settings.CA_KEY_FILE = str(tmp_path / "a/ca.key")
    assert code_of(sign, pile, pile.code) == "certificate_authority_missing"


def test_revoked_expired_and_foreign_certificates_are_not_believed(pile):
    certificate = sign(pile, pile.code)
    assert code_of(certificates.verify, b"\x30\x00") == "certificate_unknown"
    with clock.held_at(certificate.not_after + timedelta(seconds=1)):
        assert code_of(certificates.verify, certificate.pem) == "certificate_expired"
    stranger = f.make_staff("devices.change_issuedcertificate", operator=f.OperatorFactory())
    from users.actors import of_staff

    revoke = certificates.revoke
    assert code_of(revoke, actor=of_staff(stranger), certificate=certificate, reason="x") == "not_found"
    nobody = f.staff_actor(operator=pile.operator)
    assert code_of(revoke, actor=nobody, certificate=certificate, reason="x") == "permission_denied"
    assert code_of(revoke, actor=ACTOR, certificate=certificate, reason=" ") == "reason_required"
    certificates.revoke(actor=ACTOR, certificate=certificate, reason="stolen")
    assert certificates.revoke(actor=ACTOR, certificate=certificate, reason="again").revoke_reason == "stolen"
    assert code_of(certificates.verify, certificate.pem) == "certificate_revoked"


def test_the_status_of_our_own_certificates_is_answered(pile):
    certificate = sign(pile, pile.code)
    name_hash, key_hash = pki.issuer_hashes(certificates.authority(), "SHA256")

    def status(serial, name=name_hash, algorithm="SHA256"):
        return certificates.status_answer(
            algorithm=algorithm, issuer_name_hash=name, issuer_key_hash=key_hash, serial_no=serial
        )

    response = ocsp.load_der_ocsp_response(status(certificate.serial_no))
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert response.issuer_key_hash is not None
    certificates.revoke(actor=ACTOR, certificate=certificate, reason="lost")
    response = ocsp.load_der_ocsp_response(status(certificate.serial_no))
    assert response.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert status("abc") is None and status(certificate.serial_no, name="00") is None
    assert status(certificate.serial_no, algorithm="MD9") is None


def test_two_processes_make_one_development_authority(tmp_path):
    def load(_):
        return pki.load_authority(
            cert_file="", key_file="", key_password="", folder=tmp_path / "pki", may_create=True
        ).pem

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(load, range(4)))) == 1


def test_a_pile_is_asked_to_renew_once_a_day_before_the_end(pile, monkeypatch):
    monkeypatch.setattr("devices.protocols.capabilities.supports", lambda *_: True)
    monkeypatch.setattr("devices.services.commands.supports", lambda *_: True)
    certificate = sign(pile, pile.code)
    assert certificates.renew_due(actor=ACTOR) == 0
    IssuedCertificate.objects.filter(pk=certificate.pk).update(not_after=timezone.now() + timedelta(days=20))
    assert certificates.renew_due(actor=ACTOR) == 1
    assert certificates.renew_due(actor=ACTOR) == 0
    assert DeviceCommand.objects.get().kind == "renew_certificate"
    with clock.held_at(timezone.now() + timedelta(days=2)):
        DeviceCommand.objects.update(state="expired")
        sign(pile, pile.code)
        assert certificates.renew_due(actor=ACTOR) == 0
