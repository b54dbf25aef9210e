"""Who may open an OCPP socket."""

import time

import pytest
from django.contrib.auth.hashers import make_password
from websockets.exceptions import InvalidStatus

from devices.models import PileSession, UnknownPile
from devices.protocols.ocppj import handshake
from stations.models import Pile
from tests.devices.ocpp16.conftest import make_pile
from tests.devices.ocpp16.station import PASSWORD, basic
from tests.factories import StationFactory, add_pile


def refused(dial, *args, **options) -> int:
    with pytest.raises(InvalidStatus) as caught:
        dial(*args, **options)
    return caught.value.response.status_code


def listed() -> dict[str, str]:
    return dict(UnknownPile.objects.values_list("code", "reason"))


@pytest.mark.promise(8)
def test_an_unknown_pile_is_refused_and_listed(dial):
    assert refused(dial, "CP-NEW", user_agent_header="Firmware/1.0") == 404
    assert refused(dial, "CP-NEW", user_agent_header="Firmware/1.0") == 404
    row = UnknownPile.objects.get()
    assert (row.code, row.protocol, row.reason, row.attempts) == ("CP-NEW", "ocpp16", "unknown", 2)
    assert row.login == {"subprotocols": ["ocpp1.6"], "user_agent": "Firmware/1.0"}


@pytest.mark.promise(8)
def test_a_wrong_password_is_refused_and_listed(dial, pile):
    assert refused(dial, password="not-the-right-one") == 401
    assert listed() == {pile.code: "bad_password"}
    assert not PileSession.objects.exists()
    dial().boot()


@pytest.mark.promise(8)
def test_a_pile_shows_its_own_identity_only(dial, pile):
    other = make_pile()
    assert refused(dial, pile.code, headers={"Authorization": basic(other.code, PASSWORD)}) == 401
    assert not PileSession.objects.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer abc"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic bm9jb2xvbg=="},
    ],
)
def test_no_credentials(dial, pile, headers):
    assert refused(dial, headers=headers) == 401
    assert listed() == {pile.code: "no_password"}


def test_a_pile_without_a_stored_password_cannot_connect(dial, pile):
    Pile.objects.filter(pk=pile.pk).update(password="")
    assert refused(dial, password="") == 401
    assert refused(dial) == 401


def test_a_pile_of_another_protocol_is_refused(dial):
    ykc = add_pile(StationFactory())
    assert refused(dial, ykc.code) == 404
    assert listed() == {ykc.code: "other_protocol"}


@pytest.mark.parametrize("code", ["%00", "CP%0A1", "x" * 65, "%F0%9F%94%8C" * 70])
def test_codes_that_no_database_should_see(dial, code):
    assert refused(dial, code) == 404
    assert not UnknownPile.objects.exists()


def test_the_subprotocol_is_required(dial, pile):
    assert refused(dial, subprotocols=None) == 400
    station = dial(subprotocols=["mqtt"])
    assert station.closed() == (1002, "subprotocol ocpp1.6 is required")
    assert not PileSession.objects.exists()


def test_the_subprotocol_is_chosen_among_several(dial):
    station = dial(subprotocols=["ocpp2.0.1", "ocpp1.6"])
    assert station.socket.subprotocol == "ocpp1.6"
    station.boot()


def test_a_verified_password_is_not_hashed_again(dial, pile, settings, monkeypatch):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    Pile.objects.filter(pk=pile.pk).update(password=make_password(PASSWORD))
    hashed = []
    check = handshake.check_password
    monkeypatch.setattr(handshake, "check_password", lambda *args: hashed.append(args) or check(*args))
    for _ in range(5):
        dial().boot()
    assert len(hashed) == 1
    for _ in range(3):
        assert refused(dial, password="the-same-wrong-one") == 401
    assert len(hashed) == 2


def test_guessing_is_slow_and_does_not_lock_the_pile_out(dial, pile, monkeypatch):
    dial().boot()
    hashed = []
    monkeypatch.setattr(handshake, "check_password", lambda *args: hashed.append(args))
    for guess in range(15):
        assert refused(dial, password=f"guess-number-{guess}") == 401
    assert len(hashed) <= 11
    began = time.monotonic()
    dial().boot()
    assert time.monotonic() - began < 2
