"""TLS towards piles: the three OCPP security profiles, the same over TCP, and whose certificate it is."""

import asyncio
import ssl
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ImproperlyConfigured
from websockets.exceptions import InvalidStatus

from devices import pki
from devices.gateway import tls
from devices.models import PileSession, UnknownPile
from devices.services import certificates, identity
from ev_platform import env as ev_env
from ev_platform.server import PortTaken, tls_context
from kernel import clock
from kernel.actor import system
from kernel.models import AuditEvent
from stations.models import Pile
from stations.services.piles import update_pile
from tests import factories
from tests.devices.ocpp16.station import PASSWORD, Station
from tests.devices.ykc.client import YkcSocket
from tests.live import LiveGateway

ACTOR = system("tests")


class Keys:
    """Key pairs with certificates of the platform's authority, as files."""

    def __init__(self, folder):
        self.folder = folder

    def request(self, name: str) -> tuple[str, str]:
        """(signing request, path of its key)."""
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.folder / f"{name}-{len(list(self.folder.iterdir()))}.key"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        return request.public_bytes(serialization.Encoding.PEM).decode(), str(path)

    def server_files(self) -> tls.TlsFiles:
        request, key = self.request("127.0.0.1")
        wanted = pki.read_request(request)
        signed = pki.sign(certificates.authority(), wanted, now=clock.now(), days=1)
        cert = self.folder / "server.pem"
        cert.write_text(signed.pem)
        return tls.TlsFiles(str(cert), key)

    def client(self, pile: Pile | None = None, name: str | None = None):
        """(client context, certificate row) of a pile; without one, a client that shows nothing."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if pile is None:
            return context, None
        request, key = self.request(name or pile.code)
        row = certificates.sign_request(actor=ACTOR, pile_id=pile.pk, request_pem=request)
        path = self.folder / f"{row.pk}.pem"
        path.write_text(row.pem)
        context.load_cert_chain(str(path), key)
        return context, row


@pytest.fixture
def keys(settings, tmp_path) -> Keys:
    settings.EV_DATA_DIR = tmp_path
    (tmp_path / "keys").mkdir()
    return Keys(tmp_path / "keys")


@pytest.fixture
def gateway(transactional_db, keys):
    context = tls.server_context(keys.server_files(), client_authority_pem=certificates.authority().pem)
    # The blocking WebSocket client of these tests reads and writes in two threads, which Python 3.11 does not part
    # for OpenSSL: a session ticket that arrives while the request is written can swallow it.
    context.num_tickets = 0
    live = LiveGateway(tls=context)
    live.start()
    yield live
    live.stop()


def set_profile(pile: Pile, profile: int) -> None:
    update_pile(actor=ACTOR, pile=pile, changes={"security_profile": profile})


def listed(pile: Pile) -> str:
    return UnknownPile.objects.get(code=pile.code).reason


@pytest.mark.promise(8)
def test_every_security_profile_over_real_sockets(gateway, keys, settings):
    """OCPP profiles 1, 2 and 3 and TLS for YKC and DNY: what is enough, what is refused, listed and audited."""
    site = factories.make_site(protocol="ocpp16", online=False)
    pile, other = site.pile, factories.add_pile(site.station, protocol="ocpp16")
    Pile.objects.filter(pk__in=[pile.pk, other.pk]).update(password=make_password(PASSWORD))
    pile.refresh_from_db()
    plain, (nobody, _), (own, row), (foreign, _) = None, keys.client(), keys.client(pile), keys.client(other)

    def outcome(context, *, password=PASSWORD, **options) -> int:
        """101, or the status of the refusal."""
        try:
            station = Station(gateway, pile.code, password=password, ssl=context, **options)
        except InvalidStatus as refused:
            return refused.response.status_code
        assert station.boot()["status"] == "Accepted"
        station.close()
        return 101

    # Profile 1: a password over anything; more is welcome.
    assert outcome(plain) == outcome(nobody) == 101
    assert outcome(own, headers={}) == 101, "a certificate of its own needs no password"
    assert outcome(nobody, password="wrong") == 401
    # Profile 2: TLS and the password.
    set_profile(pile, 2)
    assert outcome(plain) == 403
    assert listed(pile) == "tls_required"
    assert outcome(nobody, password="wrong") == 401
    assert outcome(nobody) == 101
    # Profile 3: its own certificate.
    set_profile(pile, 3)
    assert (outcome(nobody), listed(pile)) == (403, "certificate_required")
    assert (outcome(foreign), listed(pile)) == (403, "certificate_of_another_pile")
    assert outcome(foreign) == 403
    assert outcome(own, headers={}) == 101
    certificates.revoke(actor=ACTOR, certificate=row, reason="stolen")
    assert (outcome(own, headers={}), listed(pile)) == (403, "certificate_revoked")
    refusals = AuditEvent.objects.filter(action="devices.refuse_connection", target_id=str(pile.pk))
    reasons = list(refusals.order_by("pk").values_list("reason", flat=True))
    assert reasons == [
        "tls_required", "certificate_required", "certificate_of_another_pile", "certificate_revoked"
    ]  # fmt: skip

    # A proxy that ended TLS passes the certificate on, in the header that the settings name.
    _context, row = keys.client(pile)
    forwarded = {"X-Client-Cert": quote(row.pem), "X-Forwarded-Proto": "https"}
    assert outcome(plain, headers=forwarded) == 403, "no header is believed unless it is configured"
    settings.EV_TLS_CLIENT_CERT_HEADER = "X-Client-Cert"
    settings.EV_TRUSTED_PROXIES = "192.0.2.7"
    assert outcome(plain, headers=forwarded) == 403, "nor from anybody but the proxy"
    settings.EV_TRUSTED_PROXIES = "127.0.0.1"
    assert outcome(plain, headers=forwarded) == 101

    # YKC and DNY over TLS.
    ykc = factories.add_pile(site.station, protocol="ykc", connectors=2)
    set_profile(ykc, 2)
    with YkcSocket(gateway.ykc_port, ykc.code) as sock:
        assert sock.login().fields["result"] == 1
    assert listed(ykc) == "tls_required"
    with YkcSocket(gateway.ykc_tls_port, ykc.code, tls=nobody) as sock:
        assert sock.login().fields["result"] == 0
    set_profile(ykc, 3)
    with YkcSocket(gateway.ykc_tls_port, ykc.code, tls=foreign) as sock:
        assert sock.login().fields["result"] == 1
    assert listed(ykc) == "certificate_of_another_pile"
    with YkcSocket(gateway.ykc_tls_port, ykc.code, tls=keys.client(ykc)[0]) as sock:
        assert sock.login().fields["result"] == 0
        assert PileSession.objects.get(closed_at=None, pile=ykc).protocol == "ykc"


@pytest.mark.django_db
@pytest.mark.embedded
def test_production_takes_no_pile_without_any_proof(settings):
    pile = factories.make_site(protocol="ocpp16").pile
    pile.security_profile = 0
    assert identity.required_profile(pile) == 0
    settings.PRODUCTION = True
    assert identity.required_profile(pile) == 1


@pytest.mark.embedded
def test_tls_settings_that_cannot_work_say_so_in_one_line(settings, keys, monkeypatch):
    files = keys.server_files()
    _request, other_key = keys.request("other")
    settings.EV_TLS_PORT = 0
    for cert, key, said in [
        ("/nowhere.pem", files.key_file, "EV_TLS_CERT_FILE=/nowhere.pem: no such file or directory"),
        (files.cert_file, "/nowhere.key", "EV_TLS_KEY_FILE=/nowhere.key: no such file or directory"),
        (files.cert_file, other_key, "are no certificate (PEM) with its private key"),
        (files.key_file, files.key_file, "are no certificate (PEM) with its private key"),
    ]:
        settings.EV_TLS_CERT_FILE, settings.EV_TLS_KEY_FILE = cert, key
        with pytest.raises(PortTaken) as refused:
            tls_context()
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)
    settings.EV_TLS_CERT_FILE, settings.EV_TLS_KEY_FILE = files.cert_file, files.key_file
    assert tls_context().verify_mode == ssl.CERT_OPTIONAL
    monkeypatch.setenv("EV_TLS_PORT", "70000")
    with pytest.raises(ImproperlyConfigured, match="EV_TLS_PORT=70000 is outside 0 to 65535"):
        ev_env.optional_port("EV_TLS_PORT")
    monkeypatch.setenv("EV_TLS_CLIENT_CERT_HEADER", "X Client")
    with pytest.raises(ImproperlyConfigured, match="is not a header name such as X-Client-Cert"):
        ev_env.header_name("EV_TLS_CLIENT_CERT_HEADER")


@pytest.mark.embedded
async def test_a_renewed_certificate_is_taken_up_without_a_restart(keys, monkeypatch):
    files = keys.server_files()
    loads = []
    monkeypatch.setattr(tls, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(tls.TlsFiles, "load_into", lambda self, context: loads.append(context))
    stamps = iter([(1.0,), (1.0,), (2.0,)])
    monkeypatch.setattr(tls.TlsFiles, "changed_at", lambda self: next(stamps, (2.0,)))
    task = asyncio.create_task(tls.follow_renewals("the context", files))
    for _try in range(200):
        if loads:
            break
        await asyncio.sleep(0.01)
    task.cancel()
    assert loads == ["the context"]
