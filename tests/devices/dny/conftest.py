"""A site with a ten-port box, and sockets that stand for it."""

import pytest

from devices import events
from stations.models import Pile
from tests import factories
from tests.devices.dny.client import DnySocket


@pytest.fixture
def site(transactional_db):
    return factories.make_site(protocol="dny", connectors=10, online=False, rated_power_kw="6.0")


@pytest.fixture
def pile(site) -> Pile:
    return site.pile


@pytest.fixture
def dial(live_gateway, pile):
    opened = []

    def make(code: str | None = None, **kwargs) -> DnySocket:
        sock = DnySocket(live_gateway.dny_port, code or pile.code, **kwargs)
        opened.append(sock)
        return sock

    yield make
    for sock in opened:
        sock.close()


@pytest.fixture
def sock(dial):
    sock = dial()
    sock.register()
    return sock


@pytest.fixture
def heard(monkeypatch):
    """Every event of these types that the gateway publishes."""
    seen = []
    handlers = {kind: list(events._HANDLERS[kind]) for kind in (events.FaultRaised, events.ChargeStarted)}
    for kind in handlers:
        monkeypatch.setitem(events._HANDLERS, kind, [*handlers[kind], seen.append])
    return seen
