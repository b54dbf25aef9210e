"""A YKC pile on a live gateway; files with piles of their own override these."""

import pytest

from devices.models import DeviceCommand
from devices.protocols.ykc.handlers import access
from devices.services.commands import send_command
from kernel.actor import system
from stations.models import Pile
from tests import factories
from tests.devices.ykc.client import YkcSocket


@pytest.fixture
def site(transactional_db):
    """A pile that holds the tariff in force, so that none is pushed to it."""
    site = factories.make_site(online=False)
    factories.PileTariffFactory(pile=site.pile, version=site.version)
    return site


@pytest.fixture
def pile(site) -> Pile:
    return site.pile


@pytest.fixture
def sock(live_gateway, pile, monkeypatch):
    """A pile that logged in and whose clock was set."""
    monkeypatch.setattr(access, "CLOCK_AFTER_LOGIN_S", 0.02)
    with YkcSocket(live_gateway.ykc_port, pile.code) as sock:
        sock.login()
        sock.expect(0x56)
        yield sock


@pytest.fixture
def command(sock, pile):
    """Send a command and return it."""

    def send(kind: str, **options) -> DeviceCommand:
        pile.refresh_from_db()
        return send_command(actor=system("test"), pile=pile, kind=kind, **options)

    return send
